//! The second pass over a convolution's output, while it is hot: dropout's marks and the norm's sums.

use super::mask::{Mask, MaskedPlane};
use super::{PerLane, SumPair};
use crate::Isa;
use crate::arch::{Kernel, Lanes, Width};

/// The sums of a plane's values and of their squares, taken about a guess at their mean.
///
/// A variance far below the squared mean would drown in the rounding of plain sums; one far above it, as of a channel that
/// is zero but for a few pixels, would drown in sums about a value that happens to be far out.
#[derive(Clone, Copy, Debug)]
pub(in crate::trunk) struct Moments {
    /// The guess.
    pub pivot: PerLane,
    /// The sum of the differences to it.
    pub sum: PerLane,
    /// The sum of their squares.
    pub squares: PerLane,
}

/// Marks what dropout drops in one plane of relu(conv), and sums the values, dropped ones too.
///
/// Without a mask nothing is dropped and nothing is written.
pub(in crate::trunk) fn finish(
    isa: Isa,
    width: Width,
    values: &mut [f32],
    mask: Option<MaskedPlane>,
) -> Moments {
    match mask {
        Some(mask) => isa.run(width, Drop { values, mask }),
        None => isa.run(width, Keep { values }),
    }
}

struct Keep<'a> {
    values: &'a [f32],
}

impl Kernel for Keep<'_> {
    type Output = Moments;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Moments {
        let mut sums = Sums::new(lanes, self.values);
        let mut pairs = self.values.chunks_exact(2 * L::LANES);
        for pair in &mut pairs {
            for chain in 0..2 {
                sums.add(chain, lanes.load(&pair[chain * L::LANES..]));
            }
        }
        if !pairs.remainder().is_empty() {
            sums.add(0, lanes.load(pairs.remainder()));
        }
        sums.moments()
    }
}

struct Drop<'a> {
    values: &'a mut [f32],
    mask: MaskedPlane,
}

impl Kernel for Drop<'_> {
    type Output = Moments;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Moments {
        let mut sums = Sums::new(lanes, self.values);
        let mut mask = Mask::new(lanes, self.mask);
        let mut pairs = self.values.chunks_exact_mut(2 * L::LANES);
        for pair in &mut pairs {
            for chain in 0..2 {
                sums.add(chain, mark(lanes, &mut mask, &mut pair[chain * L::LANES..]));
            }
        }
        let rest = pairs.into_remainder();
        if !rest.is_empty() {
            sums.add(0, mark(lanes, &mut mask, rest));
        }
        sums.moments()
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

/// How many pixels the guess is made from, at most.
const PIVOT_PIXELS: usize = 16;

struct Sums<L: Lanes> {
    lanes: L,
    pivot: L::F,
    sums: SumPair<L>,
}

impl<L: Lanes> Sums<L> {
    /// About the mean of some pixels that are spread over the plane.
    #[inline(always)]
    fn new(lanes: L, values: &[f32]) -> Self {
        let pixels = values.len() / L::LANES;
        let apart = pixels.div_ceil(PIVOT_PIXELS).max(1);
        let mut sum = lanes.splat(0.0);
        let mut count = 0;
        for pixel in values.chunks_exact(L::LANES).step_by(apart) {
            sum = lanes.add(sum, lanes.abs(lanes.load(pixel)));
            count += 1;
        }
        let pivot = lanes.mul(sum, lanes.splat(1.0 / count.max(1) as f32));
        Self { lanes, pivot, sums: SumPair::new(lanes) }
    }

    #[inline(always)]
    fn add(&mut self, chain: usize, r: L::F) {
        let difference = self.lanes.sub(r, self.pivot);
        self.sums.add(chain, difference, difference);
    }

    #[inline(always)]
    fn moments(self) -> Moments {
        let mut pivot = [0.0; 16];
        self.lanes.store(self.pivot, &mut pivot);
        let [sum, squares] = self.sums.totals();
        Moments { pivot, sum, squares }
    }
}
