//! What can go wrong when a figure is drawn.

use std::path::PathBuf;

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that can go wrong in this crate. Comparable, so that a test can name what it expects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A figure would show nothing or have an impossible shape.
    #[error("a grid of samples needs {field} of {expected}, not {found}")]
    Grid {
        /// What is out of its range.
        field: &'static str,
        /// The range.
        expected: &'static str,
        /// The value given.
        found: usize,
    },

    /// A figure could not be written.
    #[error("{path:?}: {reason}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
}
