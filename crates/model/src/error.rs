//! What can go wrong in the model, and the names of the things that did.

use std::path::PathBuf;

use crate::Backend;

/// The result of an operation on the model.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of the model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value of the model's configuration is out of its range.
    #[error("model.{field}: expected {expected}, found {found}")]
    Config {
        /// The key in the `[model]` section.
        field: &'static str,
        /// What the key accepts.
        expected: String,
        /// What it held.
        found: String,
    },
    /// An argument has another shape than the network takes.
    #[error("{what}: expected {expected}, found {found}")]
    Argument {
        /// The argument.
        what: &'static str,
        /// The shape or range that it must have.
        expected: String,
        /// What was given.
        found: String,
    },
    /// The tensors of a weights file are not those of this network.
    #[error("{path}: {problem}")]
    Weights {
        /// The file, or a description of where the bytes came from.
        path: PathBuf,
        /// What is wrong with them.
        problem: WeightsProblem,
    },
    /// `ADDER_ISA` asks for an instruction set that is not there.
    #[error(transparent)]
    Isa(#[from] adder_kernels::IsaError),
    /// The device does not have the backend.
    #[error("backend {backend}: not available on {device}")]
    Backend {
        /// What was asked for.
        backend: Backend,
        /// Where the network is.
        device: String,
    },
    /// A kernel refused its arguments.
    #[error(transparent)]
    Kernel(#[from] adder_kernels::Error),
    /// candle refused an operation.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

/// What is wrong with a weights file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsProblem {
    /// The file could not be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// The bytes are not a safetensors file.
    #[error("not a safetensors file: {0}")]
    Format(String),
    /// The metadata lacks a key or holds one that is not understood.
    #[error("metadata `{key}`: expected {expected}, found {found}")]
    Metadata {
        /// The key of the metadata.
        key: &'static str,
        /// What it must hold.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// A tensor of the network is not in the file.
    #[error("tensor `{0}` is missing")]
    Missing(String),
    /// A tensor of the file does not belong to the network.
    #[error("tensor `{0}` is unknown to this network")]
    Unknown(String),
    /// A tensor has another shape or element type.
    #[error("tensor `{name}`: expected {expected}, found {found}")]
    Mismatch {
        /// The tensor's name.
        name: String,
        /// Element type and shape in the network.
        expected: String,
        /// Element type and shape in the file.
        found: String,
    },
    /// A tensor holds a value that is infinite or not a number.
    #[error("tensor `{name}`: element {index} is {value}, expected finite numbers")]
    NotFinite {
        /// The tensor's name.
        name: String,
        /// The flat index of the first such element.
        index: usize,
        /// The element, as text.
        value: String,
    },
}
