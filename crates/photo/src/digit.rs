//! What is found in a picture.

use std::fmt;

use crate::NetworkImage;

/// A digit found in a picture.
#[derive(Clone, Debug)]
pub struct Digit {
    /// The image that the network reads.
    pub image: NetworkImage,
    /// The place of the digit in the upright picture.
    pub region: Region,
    /// The reasons why this may be no digit; empty where nothing speaks against it.
    pub doubts: Vec<Doubt>,
}

/// A rectangle of an upright picture, in its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Region {
    /// Pixels left of it.
    pub left: u32,
    /// Pixels above it.
    pub top: u32,
    /// Pixels from its left to its right side.
    pub width: u32,
    /// Pixels from its top to its bottom.
    pub height: u32,
}

/// The reason why a picture has no digit to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoDigit {
    /// Nothing stands out from the background.
    Nothing,
    /// What stands out is in many pieces.
    Scattered,
    /// There are several, side by side or one above the other.
    Several {
        /// The number of digits.
        count: usize,
    },
}

impl std::error::Error for NoDigit {}

impl fmt::Display for NoDigit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("no digit found: nothing stands out from the background"),
            Self::Scattered => f.write_str("no digit found: what stands out is in many pieces"),
            Self::Several { count } => write!(f, "{count} digits found where one was expected"),
        }
    }
}

/// A reason why a picture may show no digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doubt {
    /// A frame has nothing in it, or may be part of a digit.
    Framed,
    /// Something that is no digit stands beside it.
    Marked,
    /// The foreground has more connected components than a digit.
    Scattered,
    /// The foreground fills its box as no stroke does.
    Solid,
    /// The foreground is much wider than high.
    Lying,
    /// The foreground reaches the edge of the picture: something may be cut off.
    CutOff,
    /// The image that the network reads is unlike the digit that it was read as ([`NetworkImage::doubt`] tells).
    Unfamiliar,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Framed => "the digit looks like an empty frame",
            Self::Marked => "something else stands beside the digit: a sign, a part of it, or another digit",
            Self::Scattered => "the foreground is in many pieces: more than one digit, or no digit",
            Self::Solid => "the foreground is a solid patch, not a stroke",
            Self::Lying => "the foreground is much wider than high: more than one digit, or turned",
            Self::CutOff => "the foreground reaches the edge: the digit may be cut off",
            Self::Unfamiliar => "it looks unlike the digits that were learned from: several, or none",
        })
    }
}
