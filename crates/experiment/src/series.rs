//! Runs one after the other: those of a repetition, those of a sweep, the teachers of a run and then the run.
//!
//! A series is described, not remembered: a run that is there and finished is taken as it is, one that was stopped is resumed,
//! one that is missing is trained. So a series that was interrupted is finished by asking for it again.

use std::path::{Path, PathBuf};

use adder_data::{Dataset, Split};

use adder_model::Predictor;
use adder_train::events::EpochEvent;
use adder_train::{
    CheckpointName, Config, Divergence, History, IfExists, Machine, Outcome, RunDirectory, RunError,
    StopFlag, TrainError, Trainer, adopt_data,
};

use crate::observer::{RunObserver, TeacherNumber};
use crate::teachers::Teachers;

/// The data, machine and end that all runs of a series share.
#[derive(Clone, Copy, Debug)]
pub struct Series<'a> {
    /// The images, loaded once.
    pub data: &'a Dataset,
    /// The machine; a run that resumes keeps its own backend.
    pub machine: &'a Machine,
    /// Stops the run at hand.
    pub stop: &'a StopFlag,
    /// The images that train and validate in every run; without, each run's seed draws.
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
    /// Every run of a series is of images from one place.
    #[error("{path}: data.source: expected {expected}, as the series has it, found {found}")]
    OtherData {
        /// The folder of the run.
        path: PathBuf,
        /// The source of the series.
        expected: String,
        /// The source in the run's configuration.
        found: String,
    },
    /// A network to learn from cannot be had.
    #[error("teacher {number}: {error}")]
    Teacher {
        /// Counted from 1.
        number: u64,
        /// The reason.
        #[source]
        error: Box<Self>,
    },
    /// A network to learn from cannot be asked.
    #[error(transparent)]
    Model(#[from] adder_model::Error),
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

impl SeriesError {
    /// The number that is not finite, where that is what ended the run or one of its teachers.
    pub fn divergence(&self) -> Option<&Divergence> {
        match self {
            Self::Train(error) => match &**error {
                TrainError::NotFinite(divergence) => Some(divergence),
                _ => None,
            },
            Self::Teacher { error, .. } => error.divergence(),
            _ => None,
        }
    }

    /// The number of the teacher that ended the run.
    pub fn teacher(&self) -> Option<u64> {
        match self {
            Self::Teacher { number, .. } => Some(*number),
            _ => None,
        }
    }
}

impl Series<'_> {
    /// The run of `config` in the folder `path`, trained and evaluated as far as that is missing; `None` if it was stopped.
    ///
    /// # Errors
    /// [`SeriesError::OtherRun`] or [`SeriesError::OtherSplit`] where another run is there; [`SeriesError::OtherData`] where the
    /// configuration is not of this series' data; otherwise where the run cannot be trained. A run that diverged before is not
    /// trained again: its [`TrainError::NotFinite`] is given back. One whose data were moved remembers their new place.
    pub fn complete(
        &self,
        path: &Path,
        config: &Config,
        observer: &mut dyn RunObserver,
    ) -> Result<Option<RunDirectory>, SeriesError> {
        if let Some(mut trainer) = self.trainer(path, config)? {
            let done = teach(&mut trainer, observer, self.stop)?
                && match self.evaluate {
                    true => matches!(trainer.run(observer, self.stop)?, Outcome::Finished(_)),
                    false => trainer.train(observer, self.stop)?,
                };
            if !done {
                return Ok(None);
            }
        }
        Ok(Some(RunDirectory::open(path)?))
    }

    /// The trainer of what is missing in the run of `config` in the folder `path`; `None` where nothing is.
    fn trainer(&self, path: &Path, config: &Config) -> Result<Option<Trainer>, SeriesError> {
        if config.data.source != self.data.origin {
            let [expected, found] = [&self.data.origin, &config.data.source].map(ToString::to_string);
            return Err(SeriesError::OtherData { path: path.to_owned(), expected, found });
        }
        let found = RunDirectory::open(path);
        if let Ok(run) = &found {
            let place = run.config()?;
            if !place.equals_but_for_place(config) {
                return Err(SeriesError::OtherRun(path.to_owned()));
            }
            if place.data.source != config.data.source {
                adopt_data(run, self.data)?;
            }
            if let Some(divergence) = run.divergence()? {
                return Err(TrainError::NotFinite(divergence).into());
            }
        }
        Ok(match found {
            // Stopped before its first checkpoint.
            Ok(run) if run.checkpoint(CheckpointName::Last).is_err() => {
                Some(self.start(path, config, IfExists::Replace)?)
            }
            Ok(run) if self.split.is_some_and(|split| run.split().is_ok_and(|found| found != *split)) => {
                return Err(SeriesError::OtherSplit(path.to_owned()));
            }
            Ok(run) if run.evaluation()?.is_some() || (!self.evaluate && run.is_trained()?) => {
                // Nothing else writes here again that would clear what a killed program left.
                run.tidy()?;
                None
            }
            Ok(run) => Some(self.resume(run)?),
            Err(_) => Some(self.start(path, config, IfExists::Fail)?),
        })
    }

    fn start(&self, path: &Path, config: &Config, if_exists: IfExists) -> Result<Trainer, TrainError> {
        Trainer::start(
            RunDirectory::create(path, if_exists)?,
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

/// Trains a run to its end and evaluates it, its teachers before it, or saves as soon as `stop` is requested.
///
/// # Errors
/// Where the run or one of its teachers cannot be trained.
pub fn run(
    mut trainer: Trainer,
    observer: &mut dyn RunObserver,
    stop: &StopFlag,
) -> Result<Outcome, SeriesError> {
    match teach(&mut trainer, observer, stop)? {
        true => Ok(trainer.run(observer, stop)?),
        false => Ok(trainer.stopped()),
    }
}

/// Trains the networks that a run learns from, as far as they are not yet, and gives it their targets; `false` if `stop` was
/// requested before.
pub(crate) fn teach(
    trainer: &mut Trainer,
    observer: &mut dyn RunObserver,
    stop: &StopFlag,
) -> Result<bool, SeriesError> {
    if trainer.config().distillation.teachers == 0 || trainer.is_over() {
        return Ok(true);
    }
    let teachers = teachers(trainer, observer, stop)?;
    let found = teachers.is_some();
    if let Some(teachers) = teachers {
        trainer.set_targets(Box::new(teachers));
    }
    Ok(found)
}

/// The teachers of a run, trained as far as they are not yet; `None` if `stop` was requested before.
pub(crate) fn teachers(
    trainer: &Trainer,
    observer: &mut dyn RunObserver,
    stop: &StopFlag,
) -> Result<Option<Teachers>, SeriesError> {
    let count = trainer.config().distillation.teachers;
    let Machine { device, backend, .. } = trainer.machine();
    let split = Some(trainer.split());
    let series = Series { data: trainer.data(), machine: trainer.machine(), stop, split, evaluate: false };
    let mut predictors = Vec::new();
    for number in 1..=count {
        let (path, config) = (trainer.directory().teacher_path(number), trainer.config().teacher(number));
        let mut train = || -> Result<Option<RunDirectory>, SeriesError> {
            if let Some(mut trainer) = series.trainer(&path, &config)?
                && !trainer.train(&mut *observer.teacher(TeacherNumber { number, count }), stop)?
            {
                return Ok(None);
            }
            Ok(Some(RunDirectory::open(&path)?))
        };
        let run = train().map_err(|error| SeriesError::Teacher { number, error: Box::new(error) })?;
        let Some(run) = run else { return Ok(None) };
        predictors.push(Predictor::new(&run.evaluated_model(device, *backend)?)?);
    }
    Ok(Some(Teachers::new(predictors, &trainer.config().distillation)))
}

/// The epoch whose weights count in a finished run, as `training.evaluate` says, and the seconds of all steps up to the end,
/// those of its teachers included.
pub(crate) fn evaluated_epoch(run: &RunDirectory, config: &Config) -> Result<(EpochEvent, f64), SeriesError> {
    let history = History::from(run.events()?);
    let mut seconds = history.training_seconds();
    for teacher in run.teachers() {
        seconds += History::from(teacher.events()?).training_seconds();
    }
    let epoch = history.evaluated_epoch(&config.training);
    epoch.map(|&epoch| (epoch, seconds)).ok_or_else(|| SeriesError::NoEpoch(run.path().to_owned()))
}
