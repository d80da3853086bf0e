//! Dropout masks as a function of (key, block, image, element): nothing is stored, nothing is drawn in sequence.
//!
//! The forward and the backward pass, the fused kernels and the reference path, one thread or many, all ask the same
//! question of the same numbers and get the same mask.
//!
//! # The hash of an element
//! An image's key is two words, `offset` and `twist`; all arithmetic is on 32 bits and wraps:
//!
//! ```text
//! x = offset + index * INDEX_STEP        in a loop over elements: one addition
//! x = x ^ (x >> 16) ^ twist
//! x = (x ^ (x >> 15)) * MULTIPLIER
//! ```
//!
//! and the element is dropped where `x < threshold`. Each operation works on lanes of 32 bits and exists on AVX2,
//! AVX-512 and NEON (AVX2 compares unsigned words as `max(x, t) == x`).
//!
//! It is as short as the tests allow. With one word of key, two images whose keys lie close would share their masks,
//! shifted by a few elements. Without the first shift, the number of pairs dropped together scatters too much from
//! image to image: seen at distances 1,449 and 1,723 in 2,000 images of 6,272 elements. A second multiplication, as
//! in the `lowbias32` of Chris Wellons from which the constant comes, changed no figure over all distances and 154
//! patterns of three elements.

use rayon::prelude::*;

use crate::shape::{check_len, check_probability, volume};
use crate::{Error, Result};

/// Images are grouped until a task has this many values, about 10 us of work: less does not pay for a thread.
const MIN_TASK_VALUES: usize = 8 * 1024;

/// Added once for each element: 2^32 over the golden ratio, which spreads neighbors far apart.
pub(crate) const INDEX_STEP: u32 = 0x9e37_79b9;
/// The last multiplier of `lowbias32`; only the high bits of the product decide.
pub(crate) const MULTIPLIER: u32 = 0x846c_a68b;

/// The key of one training step's masks, best drawn from a random stream of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DropoutKey(pub u64);

impl DropoutKey {
    /// The key of one image's mask: `image` counts within the batch, `layer` the dropout layers of the network.
    pub fn image(self, layer: u32, image: u32) -> ImageKey {
        let place = u64::from(layer) << 32 | u64::from(image);
        let word = mix(self.0 ^ mix(place));
        ImageKey { offset: word as u32, twist: (word >> 32) as u32 }
    }
}

/// The key of one image's mask in one layer. See the [module's description](self) for what the words do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ImageKey {
    pub(crate) offset: u32,
    pub(crate) twist: u32,
}

impl ImageKey {
    /// Whether the element at `index` stays. Elements count in NHWC order, `(y * w + x) * c + channel`.
    #[inline(always)]
    pub fn keep(self, index: u32, rate: DropoutRate) -> bool {
        self.hash(index) >= rate.threshold
    }

    #[inline(always)]
    fn hash(self, index: u32) -> u32 {
        let word = self.offset.wrapping_add(index.wrapping_mul(INDEX_STEP));
        let word = word ^ (word >> 16) ^ self.twist;
        (word ^ (word >> 15)).wrapping_mul(MULTIPLIER)
    }
}

/// The probability with which elements are dropped, and what makes up for the loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DropoutRate {
    threshold: u32,
    scale: f32,
}

impl DropoutRate {
    /// Nothing is dropped.
    pub const ZERO: Self = Self { threshold: 0, scale: 1.0 };

    /// Elements are dropped with this probability, at least 0 and less than 1.
    ///
    /// # Errors
    /// [`Error::Probability`] for any other.
    pub fn new(probability: f32) -> Result<Self> {
        check_probability("probability", probability)?;
        let threshold = (f64::from(probability) * 2f64.powi(32)).round() as u32;
        Ok(Self { threshold, scale: 1.0 / (1.0 - probability) })
    }

    /// Elements whose hash is below this are dropped: the probability in units of 2^-32.
    pub fn threshold(self) -> u32 {
        self.threshold
    }

    /// The factor of the elements that stay: 1 / (1 - probability).
    pub fn scale(self) -> f32 {
        self.scale
    }
}

/// Writes a layer's mask of a whole batch to `output`, `[b, c, h, w]`: 0 where an element is dropped, else the rate's scale.
///
/// For tensor libraries that keep their activations in NCHW order; the fused kernels never store a mask.
///
/// # Errors
/// [`Error::Length`] where `output` does not fit `shape`, [`Error::TooLarge`] where an image has more elements than the
/// hash can number (2^32).
pub fn mask(
    key: DropoutKey,
    layer: u32,
    rate: DropoutRate,
    shape: [usize; 4],
    output: &mut [f32],
) -> Result<()> {
    let size = image_size(shape, output)?;
    output.par_chunks_exact_mut(size).enumerate().with_min_len(MIN_TASK_VALUES.div_ceil(size)).for_each(
        |(image, output)| {
            let key = key.image(layer, image as u32);
            for_each_factor(key, rate, shape[1], output, |output, factor| *output = factor);
        },
    );
    Ok(())
}

/// Writes `input`, `[b, c, h, w]`, times its [`mask`] to `output`, of the same shape. The gradient is the same of the gradient.
///
/// # Errors
/// As for [`mask`], and [`Error::Length`] where `input` does not fit `shape`.
pub fn dropout(
    key: DropoutKey,
    layer: u32,
    rate: DropoutRate,
    shape: [usize; 4],
    input: &[f32],
    output: &mut [f32],
) -> Result<()> {
    let size = image_size(shape, output)?;
    check_len("input", input, output.len())?;
    let images = output.par_chunks_exact_mut(size).zip(input.par_chunks_exact(size)).enumerate();
    images.with_min_len(MIN_TASK_VALUES.div_ceil(size)).for_each(|(image, (output, input))| {
        let key = key.image(layer, image as u32);
        output.copy_from_slice(input);
        // Multiplied, not chosen: a NaN must not be hidden by chance.
        for_each_factor(key, rate, shape[1], output, |output, factor| *output *= factor);
    });
    Ok(())
}

/// The elements of an image, at least 1, of a batch whose elements the hash can number.
fn image_size(shape @ [b, c, h, w]: [usize; 4], output: &[f32]) -> Result<usize> {
    let size = volume("output", &[c, h, w])?;
    check_len("output", output, volume("output", &[b, size])?)?;
    if u32::try_from(size).is_err() || u32::try_from(b).is_err() {
        return Err(Error::TooLarge { argument: "output", shape: shape.to_vec() });
    }
    Ok(size.max(1))
}

/// Calls `visit` with each element of an image in NCHW order and its factor.
#[inline(always)]
fn for_each_factor(
    key: ImageKey,
    rate: DropoutRate,
    channels: usize,
    image: &mut [f32],
    mut visit: impl FnMut(&mut f32, f32),
) {
    let plane_size = (image.len() / channels.max(1)).max(1);
    for (channel, plane) in image.chunks_exact_mut(plane_size).enumerate() {
        for (pixel, value) in plane.iter_mut().enumerate() {
            let index = (pixel * channels + channel) as u32;
            visit(value, if key.keep(index, rate) { rate.scale } else { 0.0 });
        }
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests;
