//! Errors between the gradients and the new weights.

use candle_core::Tensor;

/// An update that could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptimizerError {
    /// Two parameters have the same name, under which the memory of both would be saved.
    #[error("two parameters are named `{0}`")]
    DuplicateName(String),
    /// The loss does not depend on a parameter, which therefore would never learn.
    #[error("parameter `{0}` has no gradient")]
    MissingGradient(String),
    /// A gradient has another shape, element type or device than its parameter.
    #[error("gradient of `{name}`: expected {expected}, found {found}")]
    Mismatch {
        /// The parameter.
        name: String,
        /// Its element type, shape and device.
        expected: String,
        /// Element type, shape and device of the gradient.
        found: String,
    },
    /// candle refused an operation, or the environment asks for an instruction set that is not there.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

/// A saved memory that is not that of the parameters at hand.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// An expected tensor is not there.
    #[error("tensor `{0}` is missing")]
    Missing(String),
    /// A tensor has no place.
    #[error("tensor `{0}` is unknown")]
    Unknown(String),
    /// A tensor has another shape or element type.
    #[error("tensor `{name}`: expected {expected}, found {found}")]
    Mismatch {
        /// The tensor.
        name: String,
        /// Element type and shape as they must be.
        expected: String,
        /// Element type and shape as they are.
        found: String,
    },
    /// A tensor holds a value that is infinite or not a number.
    #[error("tensor `{0}` is not of finite numbers")]
    NotFinite(String),
    /// candle refused an operation.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

// So that `?` takes them in the functions of candle's users.
impl From<OptimizerError> for candle_core::Error {
    fn from(error: OptimizerError) -> Self {
        match error {
            OptimizerError::Candle(error) => error,
            other => Self::wrap(other),
        }
    }
}

impl From<StateError> for candle_core::Error {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Candle(error) => error,
            other => Self::wrap(other),
        }
    }
}

/// Element type and shape.
pub(crate) fn describe(tensor: &Tensor) -> String {
    format!("{} {:?}", tensor.dtype().as_str(), tensor.dims())
}
