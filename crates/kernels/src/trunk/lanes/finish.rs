//! The second pass over a convolution's output, while it is hot: dropout's marks and the norm's sums.

use super::mask::{Mask, MaskedPlane};
use super::{PerLane, SumPair};
use crate::Isa;
use crate::arch::{Kernel, Lanes, Width};

/// Marks what dropout drops in one plane of relu(conv), and sums the values, dropped ones too, and their squares.
///
/// Without a mask nothing is dropped and nothing is written.
pub(in crate::trunk) fn finish(
    isa: Isa,
    width: Width,
    values: &mut [f32],
    mask: Option<MaskedPlane>,
) -> [PerLane; 2] {
    match mask {
        Some(mask) => isa.run(width, Drop { values, mask }),
        None => isa.run(width, Keep { values }),
    }
}

struct Keep<'a> {
    values: &'a [f32],
}

impl Kernel for Keep<'_> {
    type Output = [PerLane; 2];

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> [PerLane; 2] {
        let mut sums = SumPair::new(lanes);
        let mut pairs = self.values.chunks_exact(2 * L::LANES);
        for pair in &mut pairs {
            for chain in 0..2 {
                let r = lanes.load(&pair[chain * L::LANES..]);
                sums.add(chain, r, r);
            }
        }
        if !pairs.remainder().is_empty() {
            let r = lanes.load(pairs.remainder());
            sums.add(0, r, r);
        }
        sums.totals()
    }
}

struct Drop<'a> {
    values: &'a mut [f32],
    mask: MaskedPlane,
}

impl Kernel for Drop<'_> {
    type Output = [PerLane; 2];

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> [PerLane; 2] {
        let mut sums = SumPair::new(lanes);
        let mut mask = Mask::new(lanes, self.mask);
        let mut pairs = self.values.chunks_exact_mut(2 * L::LANES);
        for pair in &mut pairs {
            for chain in 0..2 {
                let r = mark(lanes, &mut mask, &mut pair[chain * L::LANES..]);
                sums.add(chain, r, r);
            }
        }
        let rest = pairs.into_remainder();
        if !rest.is_empty() {
            let r = mark(lanes, &mut mask, rest);
            sums.add(0, r, r);
        }
        sums.totals()
    }
}

/// Marks the next pixel and returns its values without marks.
#[inline(always)]
fn mark<L: Lanes>(lanes: L, mask: &mut Mask<L>, pixel: &mut [f32]) -> L::F {
    // A product that underflows can make a -0.0, which is not a mark.
    let r = lanes.abs(lanes.load(pixel));
    lanes.store(lanes.set_sign(mask.next(), r), pixel);
    r
}
