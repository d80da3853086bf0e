//! Errors of drawing a figure or a page.

use std::path::PathBuf;

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A network's numbers cannot be read.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),

    /// A run's data is not what the run was made of.
    #[error(transparent)]
    Data(#[from] adder_data::Error),

    /// A run's files are missing or broken.
    #[error(transparent)]
    Run(#[from] adder_train::RunError),

    /// A network cannot be evaluated.
    #[error(transparent)]
    Evaluation(#[from] adder_train::EvaluationError),

    /// A network cannot be asked.
    #[error(transparent)]
    Model(#[from] adder_model::Error),

    /// A figure could not be turned into pixels.
    #[error("the figure `{figure}` cannot be drawn: {reason}")]
    Draw {
        /// Its description.
        figure: String,
        /// The reason.
        reason: String,
    },

    /// A figure could not be written.
    #[error("{path:?}: {reason}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        reason: String,
    },
}
