//! CPU kernels over plain slices for training and running small convolutional networks.
//!
//! Tensors are slices of `f32`, checked against the shapes that a call names; nothing here knows a tensor library.

mod aligned;
mod arch;
#[cfg(any(test, feature = "bench"))]
#[doc(hidden)]
pub mod bench;
mod buffer_pool;
pub mod conv;
pub mod dense;
pub mod dropout;
mod error;
pub mod fold;
mod isa;
pub mod loss;
mod math;
mod matrix;
pub mod naive;
pub mod orthogonal;
pub mod pool;
pub mod predict;
mod reduce;
mod shape;
pub mod trunk;

pub use error::{Error, Result};
pub use isa::{ISA_VARIABLE, Isa, IsaError};
