//! Trainings of several networks, above the training of one: runs that learn from teachers, one recipe with several seeds,
//! searches of configurations, and the learning-rate range test.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use adder_data::load;
//! use adder_experiment::{Measurements, Repetition, Series};
//! use adder_model::Backend;
//! use adder_train::{Config, Machine, StopFlag};
//! use candle_core::Device;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let data = load(&Config::default().data.source, &mut |_| {})?;
//! let machine = Machine { device: Device::Cpu, backend: Backend::Fused, threads: 2, loader_workers: 1 };
//! let series = Series { data: &data, machine: &machine, stop: &StopFlag::default(), split: None, evaluate: true };
//! let mut runs = Vec::new();
//! for seed in 1..=3 {
//!     let config = Config { seed, ..Config::default() };
//!     if let Some(run) = series.complete(&Path::new("runs/three").join(seed.to_string()), &config, &mut ())? {
//!         runs.push(Measurements::measure(&run, &data, &machine, None)?);
//!     }
//! }
//! println!("{}", Repetition::new(runs, Vec::new()));
//! # Ok(())
//! # }
//! ```
//!
//! # The main idea
//! A [`Series`] is described, not remembered: each network is a run directory of `adder-train`, and one that is there and
//! finished is taken as it is. So whatever was stopped resumes when it is asked for again. The teachers of a run lie in its
//! folder; [`run`] trains them, and then the run on their targets.
//!
//! # Limits
//! Networks are trained one after the other, on one machine. A sweep is chosen on validation: its trials are not evaluated.
#![forbid(unsafe_code)]

pub mod lr_find;
pub mod observer;
pub mod repeat;
pub mod series;
pub mod sweep;
mod teachers;

pub use observer::{RunObserver, TeacherNumber};
pub use repeat::{DivergedRun, Measurements, Repetition};
pub use series::{Series, SeriesError, run};
