//! Training and evaluation of the identity-adder: configuration and recipes, loop, optimizer, metrics, checkpoints and run directories.
#![forbid(unsafe_code)]

// The support of tests is shared with the crates above and names this one as they do.
#[cfg(test)]
extern crate self as adder_train;

pub mod analysis;
pub mod checkpoint;
pub mod clock;
pub mod config;
pub mod data_record;
mod ema;
pub mod environment;
pub mod evaluation;
pub mod events;
pub mod files;
mod history;
mod images;
pub mod observer;
pub mod optimizer;
mod range;
pub mod run_directory;
pub mod schedule;
mod targets;
pub mod trainer;
pub mod tta;

pub use analysis::Analysis;
pub use checkpoint::CheckpointName;
pub use config::{Config, ConfigError, ConfigSources, Recipe};
pub use data_record::DataRecord;
pub use environment::Machine;
pub use evaluation::{EvaluationError, EvaluationSet, EvaluationSplit, Report, evaluate};
pub use files::FileError;
pub use history::History;
pub use images::RunImages;
pub use observer::{Observer, Progress, RunPlan, StopFlag};
pub use run_directory::{IfExists, RunDirectory, RunError};
pub use targets::{PairTargets, TargetSource};
pub use trainer::{Outcome, TrainError, Trainer};
pub use tta::Tta;
