//! Errors of a sweep.

use std::path::PathBuf;

use adder_train::{ConfigError, FileError};

use crate::series::SeriesError;

/// A sweep that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// A dimension is not written as it should be.
    #[error("`{text}`: expected {expected}")]
    Dimension {
        /// The text that was given.
        text: String,
        /// The form that it should have.
        expected: &'static str,
    },
    /// The dimensions do not fit the method or each other.
    #[error("{0}")]
    Plan(String),
    /// The values of a trial make no configuration.
    #[error(transparent)]
    Config(#[from] Box<ConfigError>),
    /// A run cannot be trained.
    #[error(transparent)]
    Series(#[from] SeriesError),
    /// The journal cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The journal is not whole.
    #[error("{path}, line {line}: {message}")]
    Journal {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The reason.
        message: String,
    },
    /// The journal is of another plan or configuration.
    #[error("{0}: another sweep is here")]
    OtherSweep(PathBuf),
}
