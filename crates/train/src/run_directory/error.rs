//! Errors of run directories.

use std::path::PathBuf;

use crate::checkpoint::CheckpointError;
use crate::config::ConfigError;
use crate::events::EventsError;
use crate::files::FileError;
use crate::manifest::ManifestError;

/// A run directory that cannot be made or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The configuration in the directory is not one.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The events are not whole.
    #[error(transparent)]
    Events(#[from] EventsError),
    /// A checkpoint is missing or broken.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A file that decides the run is not what was written.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The weights are of another network than the configuration's.
    #[error("{path}: model: expected the network of {weights}, found another")]
    OtherNetwork {
        /// The configuration.
        path: PathBuf,
        /// The weights.
        weights: PathBuf,
    },
    /// A JSON file is not what it should be, or not whole.
    #[error("{path}: {message}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, column and reason.
        message: String,
    },
    /// A run is already there.
    #[error("{0}: a run is already here")]
    Exists(PathBuf),
    /// Something other than a run is there.
    #[error("{0}: expected a new or empty folder, or a run to replace; found something else")]
    Occupied(PathBuf),
    /// There is no run.
    #[error("{0}: expected a run directory, found no config.toml in it")]
    NotARun(PathBuf),
    /// A start was cut off before there was a run.
    #[error(
        "{0}: expected a run directory, found what a start left that was cut off before the run was whole"
    )]
    NotBegun(PathBuf),
    /// Not one run is in the folder of runs.
    #[error("{0}: no run with a checkpoint is here")]
    NoRuns(PathBuf),
    /// Another program is training here.
    #[error("{0}: another program is training this run")]
    Busy(PathBuf),
}
