//! Training and evaluation of the identity-adder: configuration and recipes, loop, optimizer, metrics, checkpoints and run
//! directories.
//!
//! ```no_run
//! use adder_data::load;
//! use adder_model::Backend;
//! use adder_train::{ConfigSources, IfExists, Machine, Outcome, RunDirectory, StopFlag, Trainer};
//! use candle_core::Device;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut sources = ConfigSources::default();
//! sources.add_recipe("fast")?;
//! sources.add_assignment("training.epochs=2")?;
//! let config = sources.resolve()?;
//! let data = load(&config.data.source, &mut |_| {})?;
//! let place = RunDirectory::create("runs/mine", IfExists::Fail)?;
//! let machine = Machine { device: Device::Cpu, backend: Backend::Fused, threads: 2, loader_workers: 1 };
//! let trainer = Trainer::start(place, config, data, None, machine)?;
//! if let Outcome::Finished(report) = trainer.run(&mut (), &StopFlag::default())? {
//!     println!("{} % of the sums", report.metrics.sum.accuracy);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # The main idea
//! A run is a function of its [`Config`] and its data, and a [`RunDirectory`] holds all of it: a run that is stopped anywhere
//! resumes and ends with the bits of one that was not, on any number of threads. The [`Trainer`] validates after each epoch and
//! looks at the evaluation set once, in the end.
//!
//! [`Trainer::train`] is the loop, in the order of execution; what it needs stands in a module each: [`config`],
//! [`optim`], [`checkpoint`], [`evaluation`]. Nothing here prints or draws: an [`Observer`] is told.
//!
//! # Limits
//! One network is trained at a time, an IdentityAdder, in one process and on one device: `adder-experiment` trains several,
//! teachers among them. The data set is held in memory.
#![forbid(unsafe_code)]

// The support of tests is shared with the crates above and names this one as they do.
#[cfg(test)]
extern crate self as adder_train;

pub mod analysis;
pub mod checkpoint;
pub mod clock;
pub mod config;
mod data_place;
pub mod data_record;
pub mod divergence;
pub mod environment;
pub mod evaluation;
pub mod events;
pub mod files;
mod history;
mod images;
pub mod manifest;
pub mod observer;
mod origin;
mod range;
pub mod run_directory;
mod targets;
pub mod trainer;
pub mod tta;

pub use adder_nn::optim;
pub use analysis::Analysis;
pub use checkpoint::CheckpointName;
pub use config::{Config, ConfigError, ConfigSources, Recipe};
pub use data_place::adopt_data;
pub use data_record::DataRecord;
pub use divergence::Divergence;
pub use environment::Machine;
pub use evaluation::{
    EvaluationError, EvaluationSet, EvaluationSplit, PairMetrics, PairParts, Report, evaluate,
};
pub use files::FileError;
pub use history::History;
pub use images::RunImages;
pub use observer::{Observer, Progress, RunPlan, StopFlag};
pub use origin::{InitialWeights, Origin};
pub use run_directory::{IfExists, NewRun, ResumeOptions, RunDirectory, RunError};
pub use targets::{PairTargets, TargetSource};
pub use trainer::{Outcome, TrainError, Trainer};
pub use tta::Tta;
