//! Batch and layer normalization of free-standing tensors, forward and backward.
//!
//! Statistics are taken about the mean of a plane or a row, in blocks of `f32` sums that `f64` adds up in one order, so that
//! neither a large mean nor many values cost digits, and the bits depend on neither instruction set nor threads.

mod batch;
mod layer;
mod sums;

pub use batch::{After, BatchNorm, BatchNormGradients, BatchNormPass, Statistics, batch_statistics};
pub use layer::{LayerNorm, LayerNormGradients};
