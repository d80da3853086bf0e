//! Images with their labels, as bytes.

use std::fmt;

use crate::array::check_labels;
use crate::problem::Problem;
use crate::{DIGITS, Error, PIXELS, Result, SIDE};

/// Images of 28x28 bytes (0 black, 255 white) and the digit that each shows; at least one.
#[derive(Clone, PartialEq, Eq)]
pub struct Labeled {
    images: Vec<u8>,
    labels: Vec<u8>,
}

impl Labeled {
    /// Puts `[count * 28 * 28]` pixels and `[count]` labels together.
    ///
    /// # Errors
    /// [`Problem::Empty`], [`Problem::Truncated`], [`Problem::Count`] or [`Problem::Label`].
    pub fn new(images: Vec<u8>, labels: Vec<u8>) -> std::result::Result<Self, Problem> {
        if images.is_empty() {
            return Err(Problem::Empty);
        }
        let count = images.len().div_ceil(PIXELS);
        if images.len() != count * PIXELS {
            let expected = (count * PIXELS) as u64;
            return Err(Problem::Truncated { expected, found: images.len() as u64 });
        }
        if labels.len() != count {
            return Err(Problem::Count { expected: count, found: labels.len() });
        }
        check_labels(&labels)?;
        Ok(Self { images, labels })
    }

    /// The number of images.
    #[expect(clippy::len_without_is_empty, reason = "there is at least one image")]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// All pixels, `[len * 28 * 28]`.
    pub fn images(&self) -> &[u8] {
        &self.images
    }

    /// All labels, `[len]`.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The CRC-32 of all pixels and then all labels: tells one set from another, not from one made to deceive.
    pub fn checksum(&self) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.images);
        hasher.update(&self.labels);
        hasher.finalize()
    }

    /// The pixels of one image, in rows.
    ///
    /// # Panics
    /// If there is no such image.
    pub fn image(&self, index: u32) -> &[u8; PIXELS] {
        let at = index as usize * PIXELS;
        self.images[at..at + PIXELS].try_into().expect("a slice of PIXELS bytes")
    }

    /// The digit that one image shows.
    ///
    /// # Panics
    /// If there is no such image.
    pub fn label(&self, index: u32) -> u8 {
        self.labels[index as usize]
    }

    /// The indices of all images, in order.
    pub fn indices(&self) -> Vec<u32> {
        // IDX counts its items in 32 bits, and idx::MAX_BYTES stays far below.
        (0..self.len() as u32).collect()
    }

    /// The number of images at `indices` that show each digit.
    ///
    /// # Panics
    /// If there is no such image.
    pub fn class_counts(&self, indices: &[u32]) -> [usize; DIGITS] {
        let mut counts = [0; DIGITS];
        for &index in indices {
            counts[usize::from(self.label(index))] += 1;
        }
        counts
    }

    /// The value of all pixels, where they have but one.
    pub(crate) fn single_value(&self) -> Option<u8> {
        let first = *self.images.first()?;
        self.images.iter().all(|&pixel| pixel == first).then_some(first)
    }

    /// Exchanges rows and columns of every image.
    pub(crate) fn transpose(&mut self) {
        for image in self.images.chunks_exact_mut(PIXELS) {
            for row in 0..SIDE {
                for column in 0..row {
                    image.swap(row * SIDE + column, column * SIDE + row);
                }
            }
        }
    }

    /// Makes every pixel `255 - pixel`.
    pub(crate) fn invert(&mut self) {
        self.images.iter_mut().for_each(|pixel| *pixel = 255 - *pixel);
    }

    /// Drops all but the first `count` images, which is at least one.
    pub(crate) fn truncate(&mut self, count: usize) {
        self.images.truncate(count * PIXELS);
        self.labels.truncate(count);
    }

    /// `Ok` if there is an image at each of `indices`.
    pub(crate) fn check_indices(&self, indices: &[u32]) -> Result<()> {
        match indices.iter().find(|&&index| index as usize >= self.len()) {
            Some(&found) => Err(Error::Index { found, images: self.len() }),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Labeled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Labeled({} images)", self.len())
    }
}
