//! Errors of exports and imports.

use std::path::PathBuf;

use adder_model::tensor_file::TensorFileError;

/// The result of an export or import.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An export or import that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such version of ONNX's operators here.
    #[error("--opset: expected {least} to {most}, found {found}")]
    Opset {
        /// The oldest that is written.
        least: i64,
        /// The newest that is written.
        most: i64,
        /// The version that was asked for.
        found: i64,
    },
    /// A file of weights that are not the network's.
    #[error(transparent)]
    Weights(#[from] TensorFileError),
    /// A pickle that candle cannot read.
    #[error("{path}: not a PyTorch file of tensors: {reason}")]
    Pickle {
        /// The file.
        path: PathBuf,
        /// candle's reason.
        reason: String,
    },
    /// The network's parameters could not be read or set.
    #[error(transparent)]
    Model(#[from] adder_model::Error),
    /// The device could not be read.
    #[error(transparent)]
    Device(#[from] candle_core::Error),
    /// The file could not be built.
    #[error("the file could not be built: {0}")]
    Encode(#[from] safetensors::SafeTensorError),
}
