//! Training and evaluation of the identity-adder: loop, optimizer, metrics, checkpoints and run directories.
#![forbid(unsafe_code)]

pub mod analysis;
mod answers;
mod average;
pub mod checkpoint;
pub mod clock;
pub mod config;
pub mod data_record;
pub mod environment;
pub mod evaluation;
pub mod events;
mod files;
mod learned;
pub mod lr_find;
mod mixup;
pub mod observer;
pub mod optimizer;
pub mod repeat;
pub mod run_directory;
pub mod schedule;
pub mod series;
pub mod sweep;
mod teachers;
pub mod trainer;
pub mod views;

pub use analysis::Analysis;
pub use checkpoint::CheckpointName;
pub use config::{Config, ConfigError, Layers, Recipe};
pub use data_record::DataRecord;
pub use evaluation::{EvaluationError, EvaluationSet, EvaluationSplit, Report, evaluate};
pub use files::FileError;
pub use observer::{Observer, Plan, Progress, StopFlag};
pub use repeat::{Measurements, Repetition};
pub use run_directory::{Existing, RunDirectory, RunError};
pub use series::{Series, SeriesError};
pub use trainer::{Machine, Outcome, TrainError, Trainer};
pub use views::Views;
