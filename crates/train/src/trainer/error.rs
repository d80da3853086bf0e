//! Errors that end a run before its time.

use std::path::PathBuf;

use adder_model::counted;
use adder_nn::optim::OptimizerError;

use crate::checkpoint::CheckpointError;
use crate::data_record::Mismatch;
use crate::divergence::Divergence;
use crate::evaluation::EvaluationError;
use crate::events::EventsError;
use crate::run_directory::RunError;

/// A run that cannot start, resume, or end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The run directory cannot be used.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A checkpoint cannot be written or read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The events cannot be written.
    #[error(transparent)]
    Events(#[from] EventsError),
    /// The data do not fit the run.
    #[error(transparent)]
    Data(#[from] adder_data::Error),
    /// The network cannot be built or run.
    #[error(transparent)]
    Model(#[from] adder_model::Error),
    /// The weights cannot be updated.
    #[error(transparent)]
    Optimizer(#[from] OptimizerError),
    /// The network cannot be validated or evaluated.
    #[error(transparent)]
    Evaluation(#[from] EvaluationError),
    /// candle refused an operation.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
    /// The configuration has teachers, and the trainer was given no source of their targets.
    #[error("distillation.teachers: expected soft targets of {0} networks, found none")]
    NoTargets(u64),
    /// The last batch of an epoch would be one pair, over which no norm can take a variance.
    #[error(
        "{images} training images in batches of {batch_size} leave one alone in the last; \
         change training.batch_size or data.limit"
    )]
    LoneImage {
        /// Training images.
        images: usize,
        /// `training.batch_size`.
        batch_size: usize,
    },
    /// The run diverged. The last checkpoint is from before.
    #[error("{0}; a lower optimizer.learning_rate may help")]
    NotFinite(Divergence),
    /// The checkpoint cannot be one of this run.
    #[error("{path}: {field}: expected {expected}, found {found}")]
    Position {
        /// The checkpoint.
        path: PathBuf,
        /// The key in its state.
        field: &'static str,
        /// The values that the configuration allows.
        expected: String,
        /// The value that it holds.
        found: String,
    },
    /// The data are not those that the run was started on.
    #[error(transparent)]
    OtherData(Box<Mismatch>),
    /// A run cannot be made shorter than it is.
    #[error("{path}: training.epochs: expected more than {done}, which are done or begun, found {asked}")]
    Epochs {
        /// The run directory.
        path: PathBuf,
        /// Epochs that are done.
        done: u64,
        /// Epochs that are asked for.
        asked: u64,
    },
    /// There is nothing left to do.
    #[error("{path}: this run is finished, after {}", counted(*epochs, "epoch"))]
    Finished {
        /// The run directory.
        path: PathBuf,
        /// Its epochs.
        epochs: u64,
    },
}
