//! A batch: what one step of training or evaluation takes.

use crate::{Labeled, PIXELS, normalize, to_byte};

/// [`normalize`] of every byte.
const NORMALIZED: [f32; 256] = {
    let mut table = [0.0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = normalize(byte as f32);
        byte += 1;
    }
    table
};

/// B images and their pairs. Each image has `addends_per_image` pairs, which follow one another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// The images, `[B, 1, 28, 28]` in C order, on the scale of [`normalize`].
    pub images: Vec<f32>,
    /// The indices of the images in their file, `[B]`.
    pub indices: Vec<u32>,
    /// The number of pairs of each image; pair p belongs to image `p / addends_per_image`.
    pub addends_per_image: usize,
    /// The number 0..=9 to add, `[B * addends_per_image]`.
    pub addends: Vec<u8>,
    /// The digit 0..=9 in the pair's image, `[B * addends_per_image]`.
    pub digits: Vec<u8>,
    /// Digit + addend, 0..=18, `[B * addends_per_image]`.
    pub sums: Vec<u8>,
}

impl Batch {
    /// The number of images.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// `true` if there is no image.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// The number of pairs of an image and an addend.
    pub fn pairs(&self) -> usize {
        self.sums.len()
    }

    /// The pixels of one of the batch's images as bytes again, for figures.
    ///
    /// # Panics
    /// If `place` is not below [`len`](Self::len).
    pub fn bytes(&self, place: usize) -> [u8; PIXELS] {
        let pixels = &self.images[place * PIXELS..(place + 1) * PIXELS];
        std::array::from_fn(|at| to_byte(pixels[at]))
    }

    /// Makes the batch one of the images at `indices`, with pairs and room for pixels, but the pixels not yet written.
    pub(crate) fn set<A: Iterator<Item = u8>>(
        &mut self,
        data: &Labeled,
        indices: &[u32],
        addends_per_image: usize,
        addends_of: impl Fn(u32) -> A,
    ) {
        self.indices.clear();
        self.indices.extend_from_slice(indices);
        self.images.resize(indices.len() * PIXELS, 0.0);
        self.addends_per_image = addends_per_image;
        self.addends.clear();
        self.digits.clear();
        self.sums.clear();
        for &index in indices {
            let digit = data.label(index);
            for addend in addends_of(index) {
                self.addends.push(addend);
                self.digits.push(digit);
                self.sums.push(digit + addend);
            }
        }
    }

    /// Each image's index and the place for its pixels.
    pub(crate) fn pixels_mut(&mut self) -> impl Iterator<Item = (u32, &mut [f32; PIXELS])> {
        let (pixels, _) = self.images.as_chunks_mut();
        self.indices.iter().copied().zip(pixels)
    }
}

/// Writes an image as it is, normalized.
pub(crate) fn write_plain(image: &[u8; PIXELS], out: &mut [f32; PIXELS]) {
    for (out, &byte) in out.iter_mut().zip(image) {
        *out = NORMALIZED[usize::from(byte)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_notebooks_formula() {
        // torchvision: Normalize((0.1307,), (0.3081,))(ToTensor()(...)) of 0, 1 and 255.
        let expected = [-0.424_212_95, -0.411_485_13, 2.821_486_7];
        for (byte, expected) in [0, 1, 255].into_iter().zip(expected) {
            assert!((NORMALIZED[byte] - expected).abs() < 1e-6, "{byte}: {}", NORMALIZED[byte]);
        }
    }

    #[test]
    fn bytes_survive_normalization() {
        for byte in 0..=255u8 {
            assert_eq!(to_byte(NORMALIZED[usize::from(byte)]), byte);
        }
        assert_eq!((to_byte(-9.0), to_byte(9.0)), (0, 255));
    }
}
