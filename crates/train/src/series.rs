//! Several runs, one after the other: what `repeat` and `sweep` are made of.
//!
//! A series is described, not remembered: a run that is there and finished is taken as it is, one that was stopped goes on,
//! one that is missing is trained. So a series that was interrupted is finished by asking for it again.

use std::path::{Path, PathBuf};

use adder_data::Dataset;

use crate::checkpoint::CheckpointName;
use crate::config::Config;
use crate::events::{EpochEvent, Event};
use crate::observer::{Observer, StopFlag};
use crate::run_directory::{Existing, RunDirectory, RunError};
use crate::trainer::{Machine, Outcome, TrainError, Trainer};

/// What all runs of a series share.
#[derive(Clone, Copy, Debug)]
pub struct Series<'a> {
    /// The images, loaded once.
    pub data: &'a Dataset,
    /// What is computed on; a run that goes on keeps its own backend.
    pub machine: &'a Machine,
    /// Stops the run at hand.
    pub stop: &'a StopFlag,
    /// Whether each run ends with its evaluation; without, the evaluation set is not looked at.
    pub evaluate: bool,
}

/// A run of a series that cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeriesError {
    /// It cannot be trained.
    #[error(transparent)]
    Train(Box<TrainError>),
    /// Its folder cannot be used.
    #[error(transparent)]
    Run(Box<RunError>),
    /// The folder holds a run, but not this one.
    #[error("{0}: the run here has another configuration than the one asked for")]
    OtherRun(PathBuf),
    /// Every run of a series is of the same images.
    #[error("{path}: data.source: expected {expected}, as the series has it, found {found}")]
    OtherData {
        /// The folder of the run.
        path: PathBuf,
        /// The source of the series.
        expected: String,
        /// The source in the run's configuration.
        found: String,
    },
    /// A run without a single epoch has no result.
    #[error("{0}: expected at least one epoch in the run's events, found none")]
    NoEpoch(PathBuf),
}

// Boxed, as both can be long: an error is handed up through many calls.
impl From<TrainError> for SeriesError {
    fn from(error: TrainError) -> Self {
        Self::Train(Box::new(error))
    }
}

impl From<RunError> for SeriesError {
    fn from(error: RunError) -> Self {
        Self::Run(Box::new(error))
    }
}

impl Series<'_> {
    /// The run of `config` in the folder `path`, trained and evaluated as far as that is missing; `None` if it was stopped.
    ///
    /// # Errors
    /// [`SeriesError::OtherRun`] where another run is there; [`SeriesError::OtherData`] where the configuration is not of
    /// this series' data; otherwise where the run cannot be trained.
    pub fn complete(
        &self,
        path: &Path,
        config: &Config,
        observer: &mut dyn Observer,
    ) -> Result<Option<RunDirectory>, SeriesError> {
        if config.data.source != self.data.origin {
            let [expected, found] = [&self.data.origin, &config.data.source].map(ToString::to_string);
            return Err(SeriesError::OtherData { path: path.to_owned(), expected, found });
        }
        let mut trainer = match RunDirectory::open(path) {
            Ok(run) if run.config()? != *config => return Err(SeriesError::OtherRun(path.to_owned())),
            Ok(run) if run.evaluation()?.is_some() => return Ok(Some(run)),
            // Stopped before its first checkpoint.
            Ok(run) if run.checkpoint(CheckpointName::Last).is_err() => {
                self.start(path, config, Existing::Replace)?
            }
            Ok(run) => self.resume(run)?,
            Err(_) => self.start(path, config, Existing::Keep)?,
        };
        let done = match self.evaluate {
            true => matches!(trainer.run(observer, self.stop)?, Outcome::Finished(_)),
            false => trainer.train(observer, self.stop)?,
        };
        Ok(if done { Some(RunDirectory::open(path)?) } else { None })
    }

    fn start(&self, path: &Path, config: &Config, existing: Existing) -> Result<Trainer, TrainError> {
        let directory = RunDirectory::create(path, existing)?;
        Trainer::start(directory, config.clone(), self.data.clone(), None, self.machine.clone())
    }

    fn resume(&self, run: RunDirectory) -> Result<Trainer, TrainError> {
        let before = run.environment()?.sessions.last().map(|session| session.backend);
        let machine = Machine { backend: before.unwrap_or(self.machine.backend), ..self.machine.clone() };
        Trainer::resume(run, self.data.clone(), machine)
    }
}

/// The epoch whose weights count in a finished run, as `training.evaluate` says, and the seconds of all steps up to the end.
pub(crate) fn counting_epoch(run: &RunDirectory, config: &Config) -> Result<(EpochEvent, f64), SeriesError> {
    let epochs: Vec<EpochEvent> = run
        .events()?
        .into_iter()
        .filter_map(|event| match event {
            Event::Epoch(epoch) => Some(epoch),
            Event::Step(_) => None,
        })
        .collect();
    let seconds = epochs.iter().map(|epoch| epoch.training_seconds).sum();
    let accuracy = |epoch: &EpochEvent| epoch.validation.both.accuracy;
    let counts = match config.training.evaluate {
        CheckpointName::Last => epochs.last(),
        // The first of equals, as in training.
        CheckpointName::Best => {
            epochs.iter().reduce(|best, next| if accuracy(next) > accuracy(best) { next } else { best })
        }
    };
    counts.map(|&epoch| (epoch, seconds)).ok_or_else(|| SeriesError::NoEpoch(run.path().to_owned()))
}
