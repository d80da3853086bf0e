//! The same operations as plain loops: the text to read first, and what every fast kernel is tested against.
//!
//! Sums are taken in `f64`, so that an oracle's own rounding is out of the question and finite differences are sharp.
//! Nothing here is fast, and nothing checks its arguments: a slice of the wrong length panics.

pub mod conv;
pub mod dense;
pub mod loss;
pub mod norm;
pub mod orthogonal;
pub mod pool;
pub mod predict;
pub mod trunk;

#[cfg(test)]
mod tests;
