//! The section `[training]`, and when a run is over.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::checkpoint::CheckpointName;
use crate::range::{Invalid, check};

/// The section `[training]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingConfig {
    /// Times that every training image is seen.
    pub epochs: u64,
    /// Images in a batch; the last batch of an epoch may have fewer.
    pub batch_size: usize,
    /// The weights that the evaluation set sees after the last epoch: the `last` ones, as in the notebook, or the `best` by
    /// the accuracy of both heads in validation.
    pub evaluate: CheckpointName,
    /// Part of each label that is spread evenly over all classes, as in PyTorch's `CrossEntropyLoss`.
    pub label_smoothing: f32,
    /// The norm that the gradient is scaled down to where it is larger, over all parameters; 0 for none.
    pub clip_norm: f64,
    /// Batches whose gradients make one step: the mean over all of their pairs.
    pub accumulation: u64,
    /// The decay of the exponential moving average of all weights and running statistics, which then is what is validated,
    /// evaluated and saved; 0 for no average. Step t, counted from 0, decays by no more than (1 + t) / (10 + t).
    #[serde(alias = "average_decay")]
    pub ema_decay: f64,
    /// Epochs without a better validation accuracy after which training ends; 0 for no such end.
    pub patience: u64,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            epochs: 15,
            batch_size: 128,
            evaluate: CheckpointName::Last,
            label_smoothing: 0.0,
            clip_norm: 0.0,
            accumulation: 1,
            ema_decay: 0.0,
            patience: 0,
        }
    }
}

impl TrainingConfig {
    /// The numbers of epochs that a run may have.
    pub const EPOCHS: RangeInclusive<u64> = 1..=1_000_000;
    /// The numbers of images that a step may have: a norm needs two.
    pub const BATCH_SIZES: RangeInclusive<u64> = 2..=65_536;

    /// Steps of an epoch of `images` images, the last ones of fewer images or batches included.
    pub fn steps_per_epoch(&self, images: usize) -> u64 {
        (images.div_ceil(self.batch_size) as u64).div_ceil(self.accumulation)
    }

    /// Whether training ends after `epochs` epochs, `best` of which, counted from 1, is the best so far in validation: all are
    /// done, or as many as [`patience`](Self::patience) allows went by without a better one.
    pub fn is_over(&self, epochs: u64, best: Option<u64>) -> bool {
        let since_best = best.map_or(0, |best| epochs.saturating_sub(best));
        epochs >= self.epochs || (self.patience > 0 && since_best >= self.patience)
    }

    pub(super) fn validate(&self) -> Result<(), Invalid> {
        check("training.epochs", self.epochs, Self::EPOCHS, "1 to 1,000,000 epochs")?;
        check("training.batch_size", self.batch_size as u64, Self::BATCH_SIZES, "2 to 65,536 images")?;
        let smoothing = self.label_smoothing;
        check("training.label_smoothing", smoothing, 0.0..1.0, "a number from 0 to below 1")?;
        check("training.clip_norm", self.clip_norm, 0.0..=1e9, "a number from 0 to 1e9")?;
        check("training.accumulation", self.accumulation, 1..=65_536, "1 to 65,536 batches")?;
        check("training.ema_decay", self.ema_decay, 0.0..1.0, "a number from 0 to below 1")?;
        check("training.patience", self.patience, ..=1_000_000, "0 to 1,000,000 epochs")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_over_after_its_epochs_or_its_patience() {
        let patient = TrainingConfig { epochs: 12, patience: 2, ..TrainingConfig::default() };
        let over: Vec<u64> = (0..=12).filter(|&epochs| patient.is_over(epochs, Some(5))).collect();
        assert_eq!(over, [7, 8, 9, 10, 11, 12]);
        assert!(!patient.is_over(0, None) && !patient.is_over(11, Some(10)) && patient.is_over(12, Some(12)));
        let endless = TrainingConfig { patience: 0, ..patient };
        assert!(!endless.is_over(11, Some(1)) && endless.is_over(12, Some(1)));
    }
}
