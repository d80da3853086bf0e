//! The sums over a batch that the gradient of a norm needs.

use super::values::{Reader, SavedValues};
use super::{PerLane, SumPair, run_with_flags};
use crate::arch::{Kernel, Lanes};
use crate::conv::map::Map;

/// With `g` the gradient at the norm's output, as far as pool and dropout let it through and before dropout's factor:
/// the sums of `g` and of `g * (r - mean)` over one plane.
pub(in crate::trunk) struct GradientSums<'a> {
    pub of: SavedValues<'a>,
    /// The mean of `r`, for each stored channel.
    pub mean: &'a [f32],
    /// The block's output, without border.
    pub map: Map,
    /// The gradient there.
    pub upstream: &'a [f32],
}

impl GradientSums<'_> {
    pub(in crate::trunk) fn run(self) -> [PerLane; 2] {
        let SavedValues { isa, plane, drop, pool, .. } = self.of;
        run_with_flags!(isa, plane.width(), Flagged(self), drop, pool)
    }
}

struct Flagged<'a, const DROP: bool, const POOL: bool>(GradientSums<'a>);

impl<const DROP: bool, const POOL: bool> Kernel for Flagged<'_, DROP, POOL> {
    type Output = [PerLane; 2];

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> [PerLane; 2] {
        let GradientSums { of, mean, map, upstream } = self.0;
        let mut sums = Sums::<L, DROP> {
            lanes,
            reader: of.reader(lanes),
            mean: of.per_channel(lanes, mean),
            sums: SumPair::new(lanes),
        };
        for y in 0..map.height {
            let upstream = &upstream[map.row_range(of.plane, y)];
            if POOL {
                sums.add_windows(of.window_rows(y), upstream);
            } else {
                sums.add_pixels(of.row(y), upstream);
            }
        }
        sums.sums.totals()
    }
}

struct Sums<L: Lanes, const DROP: bool> {
    lanes: L,
    reader: Reader<L, DROP>,
    mean: L::F,
    sums: SumPair<L>,
}

impl<L: Lanes, const DROP: bool> Sums<L, DROP> {
    #[inline(always)]
    fn add_pixels(&mut self, values: &[f32], upstream: &[f32]) {
        let mut values = values.chunks_exact(2 * L::LANES);
        let mut upstream = upstream.chunks_exact(2 * L::LANES);
        for (values, upstream) in (&mut values).zip(&mut upstream) {
            for chain in 0..2 {
                let v = self.lanes.load(&values[chain * L::LANES..]);
                self.add(chain, v, &upstream[chain * L::LANES..]);
            }
        }
        if !values.remainder().is_empty() {
            self.add(0, self.lanes.load(values.remainder()), upstream.remainder());
        }
    }

    #[inline(always)]
    fn add_windows(&mut self, [top, bottom]: [&[f32]; 2], upstream: &[f32]) {
        let (mut top, mut bottom) = (top.chunks_exact(2 * L::LANES), bottom.chunks_exact(2 * L::LANES));
        let mut upstream = upstream.chunks_exact(2 * L::LANES);
        for upstream in &mut upstream {
            for chain in 0..2 {
                if let (Some(top), Some(bottom)) = (top.next(), bottom.next()) {
                    let winner = self.reader.winner(self.reader.window(top, bottom));
                    self.add(chain, winner, &upstream[chain * L::LANES..]);
                }
            }
        }
        if let (Some(top), Some(bottom), false) = (top.next(), bottom.next(), upstream.remainder().is_empty())
        {
            let winner = self.reader.winner(self.reader.window(top, bottom));
            self.add(0, winner, upstream.remainder());
        }
    }

    /// Adds one pixel, in the chain of even (0) or odd (1) ones.
    #[inline(always)]
    fn add(&mut self, chain: usize, v: L::F, upstream: &[f32]) {
        let g = self.reader.if_kept(v, self.lanes.load(upstream));
        self.sums.add(chain, g, self.lanes.sub(self.reader.activation(v), self.mean));
    }
}
