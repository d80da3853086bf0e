//! Several runs, one after the other: what `repeat` and `sweep` are made of.
//!
//! A series is described, not remembered: a run that is there and finished is taken as it is, one that was stopped goes on,
//! one that is missing is trained. So a series that was interrupted is finished by asking for it again.

use std::path::{Path, PathBuf};

use adder_data::{Dataset, Split};

use crate::checkpoint::{self, CheckpointName};
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
    /// Which images train and which validate in every run; without, each run's seed draws.
    pub split: Option<&'a Split>,
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
    /// The run's images are others than those of the series.
    #[error("{0}: the run here trains on other images than those asked for")]
    OtherSplit(PathBuf),
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
    /// [`SeriesError::OtherRun`] or [`SeriesError::OtherSplit`] where another run is there; [`SeriesError::OtherData`] where the configuration is not of
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
            // Stopped before its first checkpoint.
            Ok(run) if run.checkpoint(CheckpointName::Last).is_err() => {
                self.start(path, config, Existing::Replace)?
            }
            Ok(run) if self.split.is_some_and(|split| run.split().is_ok_and(|found| found != *split)) => {
                return Err(SeriesError::OtherSplit(path.to_owned()));
            }
            Ok(run) if self.is_done(&run, config)? => return Ok(Some(run)),
            Ok(run) => self.resume(run)?,
            Err(_) => self.start(path, config, Existing::Keep)?,
        };
        let done = match self.evaluate {
            true => matches!(trainer.run(observer, self.stop)?, Outcome::Finished(_)),
            false => trainer.train(observer, self.stop)?,
        };
        Ok(if done { Some(RunDirectory::open(path)?) } else { None })
    }

    /// Whether nothing is missing in a run with a checkpoint.
    fn is_done(&self, run: &RunDirectory, config: &Config) -> Result<bool, SeriesError> {
        let is_trained = || -> Result<bool, RunError> {
            let state = checkpoint::read_state(&run.checkpoint(CheckpointName::Last)?)?;
            Ok(state.is_over(&config.training))
        };
        Ok(run.evaluation()?.is_some() || (!self.evaluate && is_trained()?))
    }

    fn start(&self, path: &Path, config: &Config, existing: Existing) -> Result<Trainer, TrainError> {
        let directory = RunDirectory::create(path, existing)?;
        Trainer::start(
            directory,
            config.clone(),
            self.data.clone(),
            self.split.cloned(),
            self.machine.clone(),
        )
    }

    fn resume(&self, run: RunDirectory) -> Result<Trainer, TrainError> {
        let before = run.environment()?.sessions.last().map(|session| session.backend);
        let machine = Machine { backend: before.unwrap_or(self.machine.backend), ..self.machine.clone() };
        Trainer::resume(run, self.data.clone(), machine)
    }
}

/// The epoch whose weights count in a finished run, as `training.evaluate` says, and the seconds of all steps up to the end,
/// those of its teachers included.
pub(crate) fn counting_epoch(run: &RunDirectory, config: &Config) -> Result<(EpochEvent, f64), SeriesError> {
    let epochs = epochs(run)?;
    let mut seconds = training_seconds(&epochs);
    for teacher in run.teachers() {
        seconds += training_seconds(&self::epochs(&teacher)?);
    }
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

fn epochs(run: &RunDirectory) -> Result<Vec<EpochEvent>, RunError> {
    let events = run.events()?.into_iter();
    Ok(events
        .filter_map(|event| match event {
            Event::Epoch(epoch) => Some(epoch),
            Event::Step(_) => None,
        })
        .collect())
}

fn training_seconds(epochs: &[EpochEvent]) -> f64 {
    epochs.iter().map(|epoch| epoch.training_seconds).sum()
}
