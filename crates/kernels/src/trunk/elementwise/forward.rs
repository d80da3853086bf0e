//! The passes of the forward pass: from the saved values of a block to its output, and over a convolution's output while
//! it is hot.

use super::values::{PerLane, SavedValues, SumPair, run_with_flags};
use crate::Isa;
use crate::arch::{Kernel, Lanes, Width};
use crate::conv::layout::BlockedLayout;
use crate::dropout::{DropoutRate, INDEX_STEP, ImageKey, MULTIPLIER};

/// Norm, dropout and pool of one channel block, written to the interior of a map: the next block's input.
pub(crate) struct Normalize<'a> {
    pub from: SavedValues<'a>,
    pub to: BlockedLayout,
    pub output: &'a mut [f32],
}

impl Normalize<'_> {
    pub(crate) fn run(self) {
        let SavedValues { isa, channel_block, drop, pool, .. } = self.from;
        run_with_flags!(isa, channel_block.width(), NormalizePass(self), drop, pool);
    }
}

struct NormalizePass<'a, const DROP: bool, const POOL: bool>(Normalize<'a>);

impl<const DROP: bool, const POOL: bool> Kernel for NormalizePass<'_, DROP, POOL> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Normalize { from, to, output } = self.0;
        let reader = from.reader::<L, DROP>(lanes);
        for y in 0..to.height {
            let outputs = output[to.row_range(from.channel_block, y)].chunks_exact_mut(L::LANES);
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

/// The average over all pixels of one channel block without border.
pub(crate) fn average(isa: Isa, width: Width, values: &[f32]) -> PerLane {
    isa.run(width, Average(values))
}

struct Average<'a>(&'a [f32]);

impl Kernel for Average<'_> {
    type Output = PerLane;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> PerLane {
        let mut sum = lanes.splat(0.0);
        for pixel in self.0.chunks_exact(L::LANES) {
            sum = lanes.add(sum, lanes.load(pixel));
        }
        let share = 1.0 / (self.0.len() / L::LANES) as f32;
        let mut average = [0.0; 16];
        lanes.store(lanes.mul(sum, lanes.splat(share)), &mut average);
        average
    }
}

/// The sums of a channel block's values and of their squares, taken about a guess at their mean.
///
/// A variance far below the squared mean would drown in the rounding of plain sums; one far above it, as of a channel that
/// is zero but for a few pixels, would drown in sums about a value that happens to be far out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moments {
    /// The guess.
    pub pivot: PerLane,
    /// The sum of the differences to it.
    pub sum: PerLane,
    /// The sum of their squares.
    pub squares: PerLane,
}

/// Marks what dropout drops in one channel block of relu(conv), and sums the values, dropped ones too.
///
/// Without a mask nothing is dropped and nothing is written.
pub(crate) fn finish(isa: Isa, width: Width, values: &mut [f32], mask: Option<MaskedChannels>) -> Moments {
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
        let mut sums = MomentSums::new(lanes, self.values);
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
    mask: MaskedChannels,
}

impl Kernel for Drop<'_> {
    type Output = Moments;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Moments {
        let mut sums = MomentSums::new(lanes, self.values);
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

/// The most pixels that the guess is made from.
const PIVOT_PIXELS: usize = 16;

struct MomentSums<L: Lanes> {
    lanes: L,
    pivot: L::F,
    sums: SumPair<L>,
}

impl<L: Lanes> MomentSums<L> {
    /// Sums about the mean of some pixels that are spread over the channel block.
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

/// The position of one channel block's elements in the order in which dropout counts those of an image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MaskedChannels {
    pub key: ImageKey,
    pub rate: DropoutRate,
    /// Channels of the image.
    pub channels: usize,
    /// The first channel of the channel block.
    pub first: usize,
}

/// Walks over the pixels of a channel block. Gives for all lanes of a pixel what [`ImageKey::keep`] gives for elements
/// one by one.
#[derive(Clone, Copy)]
pub(crate) struct Mask<L: Lanes> {
    lanes: L,
    /// The hash's first sum for the next pixel: offset + index * step.
    next: L::U,
    pixel_step: L::U,
    twist: L::U,
    multiplier: L::U,
    threshold: L::U,
}

impl<L: Lanes> Mask<L> {
    #[inline(always)]
    pub(crate) fn new(lanes: L, channel_block: MaskedChannels) -> Self {
        let MaskedChannels { key, rate, channels, first } = channel_block;
        let lane_steps = lanes.mul_u32(lanes.iota(), lanes.splat_u32(INDEX_STEP));
        let start = key.offset.wrapping_add((first as u32).wrapping_mul(INDEX_STEP));
        Self {
            lanes,
            next: lanes.add_u32(lanes.splat_u32(start), lane_steps),
            pixel_step: lanes.splat_u32((channels as u32).wrapping_mul(INDEX_STEP)),
            twist: lanes.splat_u32(key.twist),
            multiplier: lanes.splat_u32(MULTIPLIER),
            threshold: lanes.splat_u32(rate.threshold()),
        }
    }

    /// The lanes of the next pixel that are dropped. Lanes beyond the last channel get a value that means nothing.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> L::M {
        let lanes = self.lanes;
        let word = self.next;
        self.next = lanes.add_u32(word, self.pixel_step);
        let word = lanes.xor_u32(lanes.xor_u32(word, lanes.shr_u32(word, 16)), self.twist);
        let word = lanes.mul_u32(lanes.xor_u32(word, lanes.shr_u32(word, 15)), self.multiplier);
        lanes.lt_u32(word, self.threshold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;
    use crate::dropout::DropoutKey;

    /// The masks of some pixels: 1 where an element is dropped.
    struct Pixels {
        channel_block: MaskedChannels,
        count: usize,
    }

    impl Kernel for Pixels {
        type Output = Vec<f32>;

        #[inline(always)]
        fn run<L: Lanes>(self, lanes: L) -> Vec<f32> {
            let mut mask = Mask::new(lanes, self.channel_block);
            let mut dropped = vec![0.0; self.count * L::LANES];
            for pixel in dropped.chunks_exact_mut(L::LANES) {
                lanes.store(lanes.zero_unless(mask.next(), lanes.splat(1.0)), pixel);
            }
            dropped
        }
    }

    #[test]
    fn lanes_agree_with_single_elements() {
        let rate = DropoutRate::new(0.3).unwrap();
        for (channels, first, width) in
            [(8, 0, Width::Eight), (16, 0, Width::Sixteen), (40, 16, Width::Sixteen), (35, 32, Width::Eight)]
        {
            let key = DropoutKey(0x0123_4567_89ab_cdef).image(3, 70);
            let channel_block = MaskedChannels { key, rate, channels, first };
            for isa in Isa::available() {
                let dropped = isa.run(width, Pixels { channel_block, count: 50 });
                for (at, &dropped) in dropped.iter().enumerate() {
                    let (pixel, lane) = (at / width.lanes(), at % width.lanes());
                    if first + lane < channels {
                        let index = (pixel * channels + first + lane) as u32;
                        assert_eq!(dropped == 0.0, key.keep(index, rate), "{isa}, element {index}");
                    }
                }
            }
        }
    }
}
