//! The layers after the convolutions, forward, loss and backward as one unit.
//!
//! ```text
//! features [b, features] -> linear -> batch norm -> ReLU -> embedding [b, embedding]
//! embedding beside one-hot addend -> linear -> batch norm -> ReLU -> hidden [b, hidden]
//! hidden -> linear -> digit logits [b, digits]
//! hidden -> linear -> sum logits [b, sums]
//! ```
//!
//! No layer has a bias. The loss is the sum of both heads' cross-entropies, each the mean over the batch.
//!
//! All of it runs on the calling thread: 67 us for 128 pairs, about one percent of a training step on two threads.
//! Every instruction set gives the same bits.

mod backward;
mod buffers;
mod linear;
mod loss;
mod math;
mod norm;
mod pass;
mod spec;
mod targets;

pub use backward::HeadLoss;
pub use loss::{HeadTally, softmax};
pub use norm::NormStatistics;
pub use pass::HeadPass;
pub use spec::{HeadLayout, HeadSpec};
pub use targets::{SoftTargets, Targets};

use crate::shape::{check_classes, check_len, volume};
use crate::shelf::Shelf;
use crate::{Isa, Result};
use buffers::Buffers;

/// A head ready to train: its widths, its instruction set, and buffers that are used again in every step.
#[derive(Debug)]
pub struct Head {
    spec: HeadSpec,
    isa: Isa,
    buffers: Shelf<Buffers>,
}

impl Head {
    /// A head of these widths.
    ///
    /// # Errors
    /// [`Error::Dimension`](crate::Error::Dimension) for a width of zero or classes that a byte cannot number.
    pub fn new(spec: HeadSpec, isa: Isa) -> Result<Self> {
        spec.check()?;
        Ok(Self { spec, isa, buffers: Shelf::default() })
    }

    /// The widths.
    pub fn spec(&self) -> &HeadSpec {
        &self.spec
    }

    /// The forward pass in training: norms use the batch's own statistics. `features` is `[b, features]`, `addends` has
    /// one for each row and so says how many rows there are, `params` is laid out as [`HeadLayout`] says.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) where sizes disagree,
    /// [`Error::Class`](crate::Error::Class) for an addend that there is not.
    pub fn forward(&self, features: &[f32], addends: &[u8], params: &[f32]) -> Result<HeadPass> {
        check_len("features", features, volume("features", &[addends.len(), self.spec.features])?)?;
        check_classes("addends", addends, self.spec.addends)?;
        check_len("params", params, self.spec.parameters())?;
        let buffers = self.buffers.take(|| Buffers::new(&self.spec));
        let mut pass = HeadPass { spec: self.spec, isa: self.isa, buffers };
        pass.forward(features, addends, params);
        Ok(pass)
    }
}

#[cfg(test)]
mod tests;
