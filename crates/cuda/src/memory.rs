//! The one piece of memory that a plan works in, cut into regions once.

use crate::error::{Error, Result};

/// Words of 4 bytes that a region starts at a multiple of: a line of the device's cache.
const LINE: usize = 32;

/// Words between two regions that nothing may touch; the tests look whether something did.
pub const FENCE: usize = 32;

/// A part of the memory, in words of 4 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// The first word.
    pub start: usize,
    /// How many there are.
    pub len: usize,
}

impl Region {
    /// A part of it.
    pub(crate) fn part(self, start: usize, len: usize) -> Self {
        debug_assert!(start + len <= self.len);
        Self { start: self.start + start, len }
    }
}

/// Hands out regions one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    words: usize,
    regions: Vec<Region>,
}

impl Layout {
    /// A region for a number of values of `width` words, the product of `sizes`.
    pub(crate) fn take(&mut self, name: &str, sizes: &[usize], width: usize) -> Result<Region> {
        let len = sizes.iter().try_fold(width, |product, &size| product.checked_mul(size));
        let start = (self.words + FENCE).next_multiple_of(LINE);
        let end = len.and_then(|len| start.checked_add(len)).filter(|&end| i32::try_from(end).is_ok());
        let (Some(len), Some(end)) = (len, end) else { return Err(Error::TooLarge(name.into())) };
        self.words = end;
        let region = Region { start, len };
        self.regions.push(region);
        Ok(region)
    }

    /// Words of all regions and the fences around them, and the regions.
    pub(crate) fn finish(self) -> (usize, Vec<Region>) {
        (self.words + FENCE, self.regions)
    }
}
