//! A run as a report shows it: its files, and the answers of its network.

use std::path::PathBuf;

use adder_train::environment::Environment;
use adder_train::optim::ScheduleStep;
use adder_train::{Config, History, Report, RunDirectory};

use crate::error::Result;
use crate::inspection::Inspection;
use crate::samples::Samples;

/// A run as a report shows it.
#[derive(Clone, Debug)]
pub struct Record {
    /// The name of its folder.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// Everything that decided it.
    pub config: Config,
    /// The machines and versions that it was computed with.
    pub environment: Environment,
    /// Images in an epoch of training.
    pub training_images: u64,
    /// Its course.
    pub history: History,
    /// The course of the networks that it learned from.
    pub teachers: Vec<History>,
    /// The evaluation, once it is finished.
    pub evaluation: Option<Report>,
    /// Images of its sets, where its data is at hand.
    pub samples: Option<Samples>,
    /// The answers of its network, where it was asked.
    pub inspection: Option<Inspection>,
    /// The reason that the run's data is not at hand, where it should be: without it there are neither samples nor an inspection.
    pub missing_data: Option<String>,
}

impl Record {
    /// Reads the files of a run; its data is not loaded, its network not asked.
    ///
    /// # Errors
    /// [`Error::Run`](crate::Error::Run) where a file is missing or broken.
    pub fn read(run: &RunDirectory) -> Result<Self> {
        let path = run.path().to_owned();
        // Of `.` and `..`, the name is that of the folder that they lead to.
        let named = path.canonicalize().unwrap_or_else(|_| path.clone());
        run.check()?;
        let config = run.config()?;
        Ok(Self {
            name: named
                .file_name()
                .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into()),
            config,
            training_images: run.split()?.train().len() as u64,
            environment: run.environment()?,
            history: run.events()?.into(),
            teachers: run.teachers().map(|teacher| Ok(teacher.events()?.into())).collect::<Result<_>>()?,
            evaluation: run.evaluation()?,
            samples: None,
            inspection: None,
            missing_data: None,
            path,
        })
    }

    /// Whether no step is left.
    pub fn is_trained(&self) -> bool {
        self.history.is_over(&self.config.training)
    }

    /// The momentum at each step, or with AdamW the first beta, where the schedule moves it; empty where it does not.
    pub fn momenta(&self) -> Vec<(f64, f64)> {
        let per_epoch = self.config.training.steps_per_epoch(self.training_images as usize);
        let total = per_epoch * self.config.training.epochs;
        let momentum = |step: u64| {
            let place = ScheduleStep { done: step - 1, total, per_epoch };
            Some((step as f64, self.config.schedule.at(place).momentum?))
        };
        let steps = self.history.steps.iter().map(|event| event.step);
        steps.filter(|step| (1..=total).contains(step)).filter_map(momentum).collect()
    }

    /// Time spent in training and validation, that of the teachers included, in seconds.
    pub fn seconds(&self) -> f64 {
        self.teachers.iter().fold(self.history.seconds(), |total, teacher| total + teacher.seconds())
    }

    /// Throughput in training, over all epochs; zero before the first.
    pub fn images_per_second(&self) -> f64 {
        let epochs = &self.history.epochs;
        let seconds = self.history.training_seconds();
        let images = self.training_images as f64 * epochs.len() as f64;
        if seconds > 0.0 { images / seconds } else { 0.0 }
    }
}
