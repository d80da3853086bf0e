//! The configuration of a run: one struct, saved beside the weights.
//!
//! [`Config::default`] is the recipe `notebook`. [`ConfigSources`] merges a recipe, a file and single keys into one, with errors
//! that name the key, who gave it, and what it takes.

mod compute;
mod data;
mod deserializer;
mod distillation;
mod error;
mod keys;
mod optimizer;
mod recipe;
mod seed;
mod sources;
mod suggest;
#[cfg(test)]
mod tests;
mod training;

use adder_data::LoaderConfig;
use adder_model::ModelConfig;
use adder_nn::optim::{Schedule, ScheduleError};
use adder_random::{Purpose, Stream};
use serde::{Deserialize, Serialize};
use toml::Value;

pub use compute::{ComputeConfig, ConvolutionAlgorithm};
pub use data::DataConfig;
pub use distillation::DistillationConfig;
pub use error::{ConfigError, Origin};
pub use keys::Key;
pub use optimizer::{OptimizerConfig, OptimizerKind};
pub use recipe::Recipe;
pub use seed::{read_whole_number, whole_number};
pub use sources::ConfigSources;
pub use suggest::nearest;
pub use training::TrainingConfig;

use crate::range::Invalid;

/// Everything that decides what a run computes. Two runs of the same configuration on the same device and data end with
/// the same bits; what only decides how fast they get there, such as the number of threads, is not in here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Seeds the split, the initial weights, the order of the images, their addends, augmentation and dropout.
    /// In TOML, whose whole numbers end there, a seed of 2^63 or more is written in quotes.
    #[serde(deserialize_with = "seed::deserialize")]
    pub seed: u64,
    /// The images and what is done to them.
    pub data: DataConfig,
    /// The shape of the network.
    pub model: ModelConfig,
    /// The step that turns gradients into new weights.
    pub optimizer: OptimizerConfig,
    /// The course of the learning rate over the run.
    pub schedule: Schedule,
    /// Length, portions, and the weights that count in the end.
    pub training: TrainingConfig,
    /// Other networks to learn from.
    pub distillation: DistillationConfig,
    /// Ways to compute the same.
    pub compute: ComputeConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            data: DataConfig::default(),
            model: ModelConfig::default(),
            optimizer: OptimizerConfig::default(),
            schedule: Schedule::default(),
            training: TrainingConfig::default(),
            distillation: DistillationConfig::default(),
            compute: ComputeConfig::default(),
        }
    }
}

impl Config {
    /// The configuration as the TOML file that a run directory keeps.
    pub fn to_toml(&self) -> String {
        toml::to_string(&self.written()).expect("numbers, words and tables of them are TOML")
    }

    /// Whether `other` computes the same, wherever its images lie: all is equal but perhaps `data.source`.
    pub fn equals_but_for_place(&self, other: &Self) -> bool {
        let mut placed = other.clone();
        placed.data.source = self.data.source.clone();
        *self == placed
    }

    /// The same with another number of epochs, and with the teachers as they are.
    pub(crate) fn with_epochs(&self, epochs: u64) -> Self {
        let mut config = self.clone();
        if config.distillation.teachers > 0 && config.distillation.teacher_epochs == 0 {
            config.distillation.teacher_epochs = config.training.epochs;
        }
        config.training.epochs = epochs;
        config
    }

    /// The configuration of a teacher, counted from 1.
    pub fn teacher(&self, number: u64) -> Self {
        let own = &self.distillation;
        let or = |own: usize, students: usize| if own == 0 { students } else { own };
        let channels =
            if own.teacher_channels.is_empty() { &self.model.channels } else { &own.teacher_channels };
        let model = ModelConfig {
            channels: channels.clone(),
            embedding: or(own.teacher_embedding, self.model.embedding),
            hidden: or(own.teacher_hidden, self.model.hidden),
            ..self.model.clone()
        };
        let epochs = if own.teacher_epochs == 0 { self.training.epochs } else { own.teacher_epochs };
        Self {
            // Half of the words, as from the time when a seed was below 2^63: they are part of the format of a run.
            seed: Stream::new(self.seed, Purpose::Teacher, 0, number - 1).next_u64() >> 1,
            model,
            training: TrainingConfig { epochs, ..self.training.clone() },
            distillation: DistillationConfig::default(),
            ..self.clone()
        }
    }

    /// The training batches, computed ahead by `workers` threads.
    pub fn loader(&self, workers: usize) -> LoaderConfig {
        LoaderConfig {
            seed: self.seed,
            batch_size: self.training.batch_size,
            addends_per_image: self.data.addends_per_image,
            held_out: self.data.held_out_pairs.pairs(),
            augmentation: self.data.augmentation.clone(),
            clean_from_epoch: Some(self.training.epochs.saturating_sub(self.data.clean_epochs)),
            workers,
            ..LoaderConfig::default()
        }
    }

    /// Every dotted key, sections included.
    pub(crate) fn keys() -> Vec<String> {
        // A list of layers is written in place of the keys beside it, the usual addend and sum head not at all.
        let mut keys = ["model.layers", "model.addend", "model.sum_head"].map(str::to_owned).to_vec();
        collect_keys("", &Self::default().to_table(), &mut keys);
        keys
    }

    /// Whether a dotted key takes a list.
    pub fn takes_list(key: &str) -> bool {
        let table = toml::Value::Table(Self::default().to_table());
        let value = key.split('.').try_fold(&table, |value, part| value.get(part));
        key == "model.layers" || value.is_some_and(toml::Value::is_array)
    }

    fn to_table(&self) -> toml::Table {
        toml::Table::try_from(self.written()).expect("numbers, words and tables of them are TOML")
    }

    fn written(&self) -> Written<'_> {
        let Self { seed, data, model, optimizer, schedule, training, distillation, compute } = self;
        Written {
            seed: whole_number(*seed),
            data,
            model,
            optimizer,
            schedule,
            training,
            distillation,
            compute,
        }
    }

    /// Checks every range.
    pub(crate) fn validate(&self) -> Result<(), Invalid> {
        self.training.validate()?;
        self.schedule.check().map_err(invalid_schedule)?;
        self.data.validate()?;
        self.optimizer.validate()?;
        self.model.validate().map_err(|error| invalid_network("model.", error))?;
        self.distillation.validate(&self.model)?;
        // The student's network can be: an error in a teacher's is one of the keys of its section.
        let teacher = self.teacher(1).model;
        teacher.validate().map_err(|error| invalid_network("distillation.teacher_", error))
    }
}

/// A configuration with its seed as TOML can hold it. JSON has the number itself.
#[derive(Serialize)]
struct Written<'a> {
    seed: Value,
    data: &'a DataConfig,
    model: &'a ModelConfig,
    optimizer: &'a OptimizerConfig,
    schedule: &'a Schedule,
    training: &'a TrainingConfig,
    distillation: &'a DistillationConfig,
    compute: &'a ComputeConfig,
}

/// An error of a schedule, of the keys of its section.
fn invalid_schedule(ScheduleError { field, expected, found }: ScheduleError) -> Invalid {
    Invalid { key: format!("schedule.{field}"), expected: expected.into(), found }
}

/// An error of a network, of the keys that begin with `prefix`.
fn invalid_network(prefix: &str, error: adder_network::Error) -> Invalid {
    match error {
        adder_network::Error::Config { field, expected, found } => {
            Invalid { key: format!("{prefix}{field}"), expected, found }
        }
        other => Invalid {
            key: prefix.trim_end_matches(['.', '_']).into(),
            expected: "a network that can be built".into(),
            found: other.to_string(),
        },
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
