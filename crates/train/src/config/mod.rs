//! The configuration of a run: one struct, saved beside the weights.
//!
//! [`Config::default`] is the recipe `notebook`. [`Layers`] merges a recipe, a file and single keys into one, with errors
//! that name the key, who gave it, and what it takes.

mod data;
mod deserializer;
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
pub use error::{ConfigError, Origin};
pub use layers::Layers;
pub use recipe::Recipe;

use crate::checkpoint::CheckpointName;
use crate::optimizer::SgdConfig;
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
    pub optimizer: SgdConfig,
    /// How the learning rate moves over the run.
    pub schedule: ScheduleConfig,
    /// How long, in which portions, and what counts in the end.
    pub training: TrainingConfig,
}

/// The section `[training]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingConfig {
    /// How often every training image is seen.
    pub epochs: u64,
    /// Pairs of an image and an addend in a step; the last step of an epoch may have fewer.
    pub batch_size: usize,
    /// Which weights the evaluation set sees after the last epoch: the `last` ones, as in the notebook, or the `best` by
    /// the accuracy of both heads in validation.
    pub evaluate: CheckpointName,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            data: DataConfig::default(),
            model: ModelConfig::default(),
            optimizer: SgdConfig::default(),
            schedule: ScheduleConfig::default(),
            training: TrainingConfig::default(),
        }
    }
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self { epochs: 15, batch_size: 128, evaluate: CheckpointName::Last }
    }
}

/// A value out of its range.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Invalid {
    pub(crate) key: String,
    pub(crate) expected: String,
    pub(crate) found: String,
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
        check("training.batch_size", training.batch_size, 2..=65_536, "2 to 65,536 pairs")?;
        self.data.validate()?;
        self.optimizer.validate()?;
        self.model.validate().map_err(|error| match error {
            adder_model::Error::Config { field, expected, found } => {
                Invalid { key: format!("model.{field}"), expected, found }
            }
            other => Invalid {
                key: "model".into(),
                expected: "a network that can be built".into(),
                found: other.to_string(),
            },
        })
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
