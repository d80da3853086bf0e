//! Errors of the model.

use crate::tensor_file::TensorFileError;

/// The result of an operation on the model.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of the model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A description or configuration that is no network.
    #[error(transparent)]
    Network(#[from] adder_network::Error),
    /// An argument has another shape than the network takes.
    #[error("{what}: expected {expected}, found {found}")]
    Argument {
        /// The argument.
        what: &'static str,
        /// The shape or range that it must have.
        expected: String,
        /// The value that was given.
        found: String,
    },
    /// The tensors of a weights file are not those of this network.
    #[error(transparent)]
    Weights(#[from] TensorFileError),
    /// `ADDER_ISA` asks for an instruction set that is not there.
    #[error(transparent)]
    Isa(#[from] adder_kernels::IsaError),
    /// The device does not have the backend.
    #[cfg(feature = "candle")]
    #[error("backend {backend}: not available on {device}")]
    Backend {
        /// The backend that was asked for.
        backend: crate::Backend,
        /// Where the network is.
        device: String,
    },
    /// A kernel refused its arguments.
    #[error(transparent)]
    Kernel(#[from] adder_kernels::Error),
    /// candle refused an operation.
    #[cfg(feature = "candle")]
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}
