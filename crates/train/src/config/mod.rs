//! The configuration of a run: one struct, saved beside the weights.
//!
//! [`Config::default`] is the recipe `notebook`. [`Layers`] merges a recipe, a file and single keys into one, with errors
//! that name the key, who gave it, and what it takes.

mod data;
mod deserializer;
mod distillation;
mod error;
mod layers;
mod recipe;
mod suggest;
#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::ops::RangeBounds;

use adder_model::ModelConfig;
use serde::{Deserialize, Serialize};

pub use data::DataConfig;
pub use distillation::DistillationConfig;
pub use error::{ConfigError, Origin};
pub use layers::Layers;
pub use recipe::Recipe;

use crate::checkpoint::CheckpointName;
use crate::optimizer::OptimizerConfig;
use crate::schedule::ScheduleConfig;

/// Everything that decides what a run computes. Two runs of the same configuration on the same device and data end with
/// the same bits; what only decides how fast they get there, such as the number of threads, is not in here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Seeds the split, the initial weights, the order of the images, their addends, augmentation and dropout.
    /// Below 2^63, the largest whole number of TOML.
    pub seed: u64,
    /// Which images there are and what is done to them.
    pub data: DataConfig,
    /// The shape of the network.
    pub model: ModelConfig,
    /// The step that turns gradients into new weights.
    pub optimizer: OptimizerConfig,
    /// How the learning rate moves over the run.
    pub schedule: ScheduleConfig,
    /// How long, in which portions, and what counts in the end.
    pub training: TrainingConfig,
    /// Other networks to learn from.
    pub distillation: DistillationConfig,
}

/// The section `[training]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingConfig {
    /// How often every training image is seen.
    pub epochs: u64,
    /// Images in a batch; the last batch of an epoch may have fewer.
    pub batch_size: usize,
    /// Which weights the evaluation set sees after the last epoch: the `last` ones, as in the notebook, or the `best` by
    /// the accuracy of both heads in validation.
    pub evaluate: CheckpointName,
    /// Part of each label that is spread evenly over all classes, as in PyTorch's `CrossEntropyLoss`.
    pub label_smoothing: f32,
    /// The norm that the gradient is scaled down to where it is larger, over all parameters; 0 for none.
    pub clip_norm: f64,
    /// Batches whose gradients make one step: the mean over all of their pairs.
    pub accumulation: u64,
    /// How much of the averaged weights stays in a step; 0 for no average. The exponential moving average of all weights
    /// and running statistics is what is validated, evaluated and saved. Step t, counted from 0, keeps no more than
    /// (1 + t) / (10 + t).
    pub average_decay: f64,
    /// Epochs without a better validation accuracy after which training ends; 0 for no such end.
    pub patience: u64,
}

impl TrainingConfig {
    /// Steps of an epoch of `images` images, the last ones of fewer images or batches included.
    pub fn steps_per_epoch(&self, images: usize) -> u64 {
        (images.div_ceil(self.batch_size) as u64).div_ceil(self.accumulation)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            data: DataConfig::default(),
            model: ModelConfig::default(),
            optimizer: OptimizerConfig::default(),
            schedule: ScheduleConfig::default(),
            training: TrainingConfig::default(),
            distillation: DistillationConfig::default(),
        }
    }
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
            average_decay: 0.0,
            patience: 0,
        }
    }
}

/// A value out of its range.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Invalid {
    pub(crate) key: String,
    pub(crate) expected: String,
    pub(crate) found: String,
}

impl Invalid {
    /// What the keys that begin with `prefix` say of a network that cannot be.
    fn of_model(prefix: &str, error: adder_model::Error) -> Self {
        match error {
            adder_model::Error::Config { field, expected, found } => {
                Self { key: format!("{prefix}{field}"), expected, found }
            }
            other => Self {
                key: prefix.trim_end_matches(['.', '_']).into(),
                expected: "a network that can be built".into(),
                found: other.to_string(),
            },
        }
    }
}

/// Holds a value to its range.
pub(crate) fn check<T: PartialOrd + Debug>(
    key: &str,
    value: T,
    range: impl RangeBounds<T>,
    expected: &str,
) -> Result<(), Invalid> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(Invalid { key: key.into(), expected: expected.into(), found: format!("{value:?}") })
}

impl Config {
    /// The configuration as the TOML file that a run directory keeps.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("numbers, words and tables of them are TOML")
    }

    /// Every dotted key, sections included.
    pub(crate) fn keys() -> Vec<String> {
        let mut keys = Vec::new();
        collect_keys("", &Self::default().to_table(), &mut keys);
        keys
    }

    fn to_table(&self) -> toml::Table {
        toml::Table::try_from(self).expect("numbers, words and tables of them are TOML")
    }

    /// Checks every range.
    pub(crate) fn validate(&self) -> Result<(), Invalid> {
        let training = &self.training;
        check("seed", self.seed, ..=i64::MAX as u64, "a whole number below 2^63")?;
        check("training.epochs", training.epochs, 1..=1_000_000, "1 to 1,000,000 epochs")?;
        check("training.batch_size", training.batch_size, 2..=65_536, "2 to 65,536 images")?;
        let smoothing = training.label_smoothing;
        check("training.label_smoothing", smoothing, 0.0..1.0, "a number from 0 to below 1")?;
        check("training.clip_norm", training.clip_norm, 0.0..=1e9, "a number from 0 to 1e9")?;
        check("training.accumulation", training.accumulation, 1..=65_536, "1 to 65,536 batches")?;
        check("training.average_decay", training.average_decay, 0.0..1.0, "a number from 0 to below 1")?;
        check("training.patience", training.patience, ..=1_000_000, "0 to 1,000,000 epochs")?;
        self.schedule.validate()?;
        self.data.validate()?;
        self.optimizer.validate()?;
        self.model.validate().map_err(|error| Invalid::of_model("model.", error))?;
        self.validate_distillation()
    }
}

fn collect_keys(prefix: &str, table: &toml::Table, keys: &mut Vec<String>) {
    for (name, value) in table {
        let key = format!("{prefix}{name}");
        if let Some(section) = value.as_table() {
            collect_keys(&format!("{key}."), section, keys);
        }
        keys.push(key);
    }
}
