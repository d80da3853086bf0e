//! The two kinds of items that files hold.

/// The most images of a set. The largest set in MNIST's form has 8.1 million.
pub const MAX_IMAGES: u64 = 10_000_000;

/// The kind of items in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Items {
    /// Images of 28x28 pixels.
    Images,
    /// Labels 0..=9.
    Labels,
}

impl Items {
    /// The shape that they have first of all, in words.
    pub(crate) fn shape(self) -> &'static str {
        match self {
            Self::Images => "[count, 28, 28]",
            Self::Labels => "[count]",
        }
    }
}
