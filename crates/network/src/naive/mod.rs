//! Networks and their layers as plain loops: the text to read first, and what every fast kernel is tested against.
//!
//! Sums are taken in `f64`, so that an oracle's own rounding is out of the question and finite differences are sharp. Nothing here
//! is fast, and nothing checks its arguments: a slice of the wrong length panics.
//!
//! [`forward`] and [`backward`] compute a whole [`Network`](crate::Network), [`forward_layers`] and [`backward_layers`] one
//! without its heads; the modules hold the loops of each kind of layer.

pub mod conv;
pub mod dense;
pub mod head;
pub mod loss;
pub mod norm;
mod pass;
pub mod pool;

pub use pass::{Gradients, Inputs, Mode, NodePass, Pass, backward, backward_layers, forward, forward_layers};

#[cfg(test)]
mod tests;
