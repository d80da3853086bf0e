//! Errors between the gradients and the new weights.

/// An update that could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptimizerError {
    /// The loss does not depend on a parameter, which therefore would never learn.
    #[error("parameter `{0}` has no gradient")]
    MissingGradient(String),
    /// A gradient has another shape, element type or device than its parameter.
    #[error("gradient of `{name}`: expected {expected}, found {found}")]
    Mismatch {
        /// The parameter.
        name: String,
        /// Its element type and shape.
        expected: String,
        /// Element type and shape of the gradient.
        found: String,
    },
    /// The environment asks for an instruction set that is not there.
    #[error(transparent)]
    Isa(#[from] adder_kernels::IsaError),
    /// candle refused an operation.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}
