//! A trained network in other programs' formats: [`onnx`] for runtimes, [`torch`] for PyTorch, there and back.
#![forbid(unsafe_code)]

mod error;
pub mod onnx;
pub mod torch;

pub use error::{Error, Result};
