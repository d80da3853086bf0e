//! The networks that a run learns from, as a source of its targets.

mod mixup;
mod probabilities;
#[cfg(test)]
mod tests;

use adder_data::{Batch, Position};
use adder_model::{Addends, Predictor};
use adder_random::{Purpose, Stream};
use adder_train::config::DistillationConfig;
use adder_train::{PairTargets, TargetSource};
use candle_core::Device;

use mixup::mix;
use probabilities::TeacherProbabilities;

/// Trained networks whose probabilities are targets: one or more.
#[derive(Debug)]
pub(crate) struct Teachers {
    predictors: Vec<Predictor>,
    weight: f32,
    mixup: f32,
    marginalize: bool,
}

impl Teachers {
    /// Networks that teach as `distillation` says.
    pub(crate) fn new(predictors: Vec<Predictor>, distillation: &DistillationConfig) -> Self {
        let &DistillationConfig { weight, mixup, marginalize, .. } = distillation;
        Self { predictors, weight, mixup, marginalize }
    }
}

impl TargetSource for Teachers {
    /// Makes mixtures of the batch's images, where the run mixes, and takes the mean of the teachers' probabilities for them.
    fn targets(
        &self,
        batch: &mut Batch,
        seed: u64,
        position: Position,
        device: &Device,
    ) -> adder_model::Result<PairTargets> {
        if self.mixup > 0.0 {
            mix(batch, self.mixup, &mut Stream::new(seed, Purpose::Mixup, position.epoch, position.step));
        }
        let logits = self.predictors.iter();
        let logits = logits.map(|predictor| predictor.predict_batch(&batch.images, Addends::All));
        let mut mean = TeacherProbabilities::mean(logits)?;
        if self.marginalize {
            mean.marginalize();
        }
        Ok(mean.for_pairs(batch, self.weight, device)?)
    }
}
