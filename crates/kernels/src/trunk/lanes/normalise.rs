//! From a block's saved values to its output.

use super::run_with_flags;
use super::values::SavedValues;
use crate::arch::{Kernel, Lanes};
use crate::conv::map::Map;

/// Norm, dropout and pool of one plane, written to the interior of a map: the next block's input.
pub(crate) struct Normalise<'a> {
    pub from: SavedValues<'a>,
    pub to: Map,
    pub output: &'a mut [f32],
}

impl Normalise<'_> {
    pub(crate) fn run(self) {
        let SavedValues { isa, plane, drop, pool, .. } = self.from;
        run_with_flags!(isa, plane.width(), Flagged(self), drop, pool);
    }
}

struct Flagged<'a, const DROP: bool, const POOL: bool>(Normalise<'a>);

impl<const DROP: bool, const POOL: bool> Kernel for Flagged<'_, DROP, POOL> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Normalise { from, to, output } = self.0;
        let reader = from.reader::<L, DROP>(lanes);
        for y in 0..to.height {
            let outputs = output[to.row_range(from.plane, y)].chunks_exact_mut(L::LANES);
            if POOL {
                let [top, bottom] = from.window_rows(y);
                let (top, bottom) = (top.chunks_exact(2 * L::LANES), bottom.chunks_exact(2 * L::LANES));
                for (output, (top, bottom)) in outputs.zip(top.zip(bottom)) {
                    lanes.store(reader.pooled(reader.window(top, bottom)), output);
                }
            } else {
                for (output, v) in outputs.zip(from.row(y).chunks_exact(L::LANES)) {
                    lanes.store(reader.output(lanes.load(v)), output);
                }
            }
        }
    }
}
