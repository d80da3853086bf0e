//! Dropout masks, a register at a time.

use crate::arch::Lanes;
use crate::dropout::{DropoutRate, INDEX_STEP, ImageKey, MULTIPLIER};

/// Where the elements of one plane lie in the order in which dropout counts those of an image.
#[derive(Clone, Copy, Debug)]
pub(in crate::trunk) struct MaskedPlane {
    pub key: ImageKey,
    pub rate: DropoutRate,
    /// Channels of the image.
    pub channels: usize,
    /// The first channel of the plane.
    pub first: usize,
}

/// Walks over the pixels of a plane. What [`ImageKey::keep`] says of elements one by one, this says of all lanes of a pixel.
#[derive(Clone, Copy)]
pub(in crate::trunk) struct Mask<L: Lanes> {
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
    pub(in crate::trunk) fn new(lanes: L, plane: MaskedPlane) -> Self {
        let MaskedPlane { key, rate, channels, first } = plane;
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

    /// Which lanes of the next pixel are dropped. Lanes beyond the last channel get an answer that means nothing.
    #[inline(always)]
    pub(in crate::trunk) fn next(&mut self) -> L::M {
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
    use crate::arch::{Kernel, Width};
    use crate::dropout::DropoutKey;

    /// The masks of some pixels: 1 where an element is dropped.
    struct Pixels {
        plane: MaskedPlane,
        count: usize,
    }

    impl Kernel for Pixels {
        type Output = Vec<f32>;

        #[inline(always)]
        fn run<L: Lanes>(self, lanes: L) -> Vec<f32> {
            let mut mask = Mask::new(lanes, self.plane);
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
            let plane = MaskedPlane { key, rate, channels, first };
            for isa in Isa::available() {
                let dropped = isa.run(width, Pixels { plane, count: 50 });
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
