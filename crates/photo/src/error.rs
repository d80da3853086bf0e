//! What can be wrong with a picture file.

use std::path::PathBuf;

use crate::{MAX_FILE_BYTES, MIN_SIDE};

/// A picture that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be opened or read.
    #[error("{path}: cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is longer than any that is read.
    #[error("{path}: expected at most {} MB, found more", MAX_FILE_BYTES >> 20)]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// The file's first bytes are those of no known format.
    #[error("{path}: expected a PNG, JPEG, WebP or BMP file, found {found}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What the file is instead.
        found: &'static str,
    },
    /// The picture is broken, or larger than the limits.
    #[error("{path}: cannot be decoded: {source}")]
    Decode {
        /// The file.
        path: PathBuf,
        /// The decoder's reason.
        source: image::ImageError,
    },
    /// The picture has too few pixels to hold a digit.
    #[error("{path}: expected at least {MIN_SIDE}x{MIN_SIDE} pixels, found {width}x{height}")]
    TooSmall {
        /// The file.
        path: PathBuf,
        /// Pixels from left to right.
        width: u32,
        /// Pixels from top to bottom.
        height: u32,
    },
}
