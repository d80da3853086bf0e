//! Soft targets of a training, from whoever has them.

use std::fmt::Debug;

use adder_data::{Batch, Position};
use adder_model::SoftTargets;
use candle_core::{Device, Tensor};

/// A source of soft targets for a [`Trainer`](crate::Trainer), such as other networks.
pub trait TargetSource: Debug {
    /// The targets for the batch at `position` in a run of `seed`, for a network on `device`. The source may change the batch's
    /// images, augmented as they are, before it answers for them: the training step sees what it leaves.
    ///
    /// # Errors
    /// Where the targets cannot be computed.
    fn targets(
        &self,
        batch: &mut Batch,
        seed: u64,
        position: Position,
        device: &Device,
    ) -> adder_model::Result<PairTargets>;
}

/// Probabilities for the pairs of a batch, as targets of both heads.
#[derive(Clone, Debug)]
pub struct PairTargets {
    /// f32 `[pairs, 10]`.
    pub digits: Tensor,
    /// f32 `[pairs, 19]`.
    pub sums: Tensor,
    /// Part of each target, 0 to 1, that they make up; the rest is the label's.
    pub weight: f32,
}

impl PairTargets {
    /// The targets as the network's loss takes them.
    pub fn as_targets(&self) -> SoftTargets<'_> {
        SoftTargets { digits: &self.digits, sums: &self.sums, weight: self.weight }
    }
}
