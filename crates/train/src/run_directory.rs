//! Run directories: everything about one run, so that from it alone one can resume, evaluate, export, plot and serve.
//!
//! | name | holds | written |
//! | --- | --- | --- |
//! | `config.toml` | the whole configuration, defaults included | at the start |
//! | `split.json` | which images train and which validate | at the start |
//! | `data.json` | checksums of the data, [`DataRecord`] | at the start |
//! | `environment.json` | versions and machine of each session, [`Environment`] | at the start and on resuming |
//! | `events.jsonl` | each step and epoch, [`Event`] | as they happen |
//! | `last/` | the checkpoint to resume from, see [`checkpoint`] | after each epoch and on stopping |
//! | `best/` | the checkpoint of the best epoch in validation | when there is a better one |
//! | `evaluation.json` | the [`Report`] on the evaluation set | at the end, once |
//! | `diverged.json` | the [`Divergence`](crate::divergence::Divergence) that ended it | where a number is not finite |
//! | `resume.json` | options beside the configuration, [`ResumeOptions`] | at the start and on resuming |
//! | `report.html` | what a person looks at; drawn from the others | at the end, and by `adder report` |
//! | `exhaustive.json` | the evaluation set with all ten addends, [`ExhaustiveReport`] | by a repetition, once |
//! | `teachers/1/` and so on | the runs of the networks that it learned from | before its first step, where asked for |
//! | `events.out.tfevents.*` | the events for TensorBoard, one file | as they happen, where asked for |
//! | `.lock` | nothing; locked while a program trains here | at the start |

pub(crate) mod error;
mod manage;
mod resume;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use adder_data::Split;
use adder_model::{Backend, IdentityAdder, weights};
use candle_core::Device;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::checkpoint::{self, CheckpointError, CheckpointName, MODEL_FILE};
use crate::clock;
use crate::config::{Config, ConfigSources};
use crate::data_record::DataRecord;
use crate::environment::Environment;
use crate::evaluation::{ExhaustiveReport, Report};
use crate::events::{Event, read_events};
use crate::files::{self, FileError, failed};

pub use error::RunError;
pub use resume::ResumeOptions;

const CONFIG: &str = "config.toml";
const SPLIT: &str = "split.json";
const DATA: &str = "data.json";
const ENVIRONMENT: &str = "environment.json";
const EVENTS: &str = "events.jsonl";
const EVALUATION: &str = "evaluation.json";
const REPORT: &str = "report.html";
const EXHAUSTIVE: &str = "exhaustive.json";
const TEACHERS: &str = "teachers";
const DIVERGED: &str = "diverged.json";
const RESUME: &str = "resume.json";
const LOCK: &str = ".lock";

/// The head of `config.toml`.
const HEADER: &str = "# Everything that decided this run. `--config` takes this file to run it again.\n";

/// The choice where a run is already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfExists {
    /// Leave it, and fail.
    Fail,
    /// Delete the old run's files, and no others.
    Replace,
}

/// The folder of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDirectory {
    path: PathBuf,
}

impl RunDirectory {
    /// Makes the folder of a new run, with its parents.
    ///
    /// # Errors
    /// [`RunError::Exists`] where a run is and is to be kept; [`RunError::Occupied`] where other files are;
    /// [`RunError::Busy`] where a program trains the run that is to be replaced.
    pub fn create(path: impl Into<PathBuf>, if_exists: IfExists) -> Result<Self, RunError> {
        let run = Self { path: path.into() };
        let path = &run.path;
        let is_file = path.exists() && !path.is_dir();
        if is_file || (path.is_dir() && !run.is_run() && !is_empty(path)?) {
            return Err(RunError::Occupied(path.clone()));
        }
        if run.is_run() {
            match if_exists {
                IfExists::Fail => return Err(RunError::Exists(path.clone())),
                IfExists::Replace => run.clear()?,
            }
        }
        fs::create_dir_all(path).map_err(failed("create", path))?;
        Ok(run)
    }

    /// The run in a folder.
    ///
    /// # Errors
    /// [`RunError::NotARun`] where there is none.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, RunError> {
        let run = Self { path: path.into() };
        if run.is_run() { Ok(run) } else { Err(RunError::NotARun(run.path)) }
    }

    /// The run in the folder `runs` that was started or resumed last, of those that have a checkpoint.
    ///
    /// # Errors
    /// [`RunError::NoRuns`] where there is none. Folders that are no runs, or broken ones, are passed over.
    pub fn newest(runs: &Path) -> Result<Self, RunError> {
        let entries = fs::read_dir(runs).map_err(|_| RunError::NoRuns(runs.to_owned()))?;
        let started = |run: &Self| -> Option<String> {
            run.checkpoint(CheckpointName::Last).ok()?;
            Some(run.environment().ok()?.sessions.last()?.started.clone())
        };
        entries
            .filter_map(|entry| Self::open(entry.ok()?.path()).ok())
            .filter_map(|run| Some((started(&run)?, run.path)))
            .max()
            .map(|(_, path)| Self { path })
            .ok_or_else(|| RunError::NoRuns(runs.to_owned()))
    }

    /// A name for a run that starts at `time`: `20260131-142530-seed1`, in UTC.
    pub fn name(time: SystemTime, seed: u64) -> String {
        format!("{}-seed{seed}", clock::compact(time))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The configuration of the run.
    ///
    /// # Errors
    /// As [`ConfigSources::resolve`].
    pub fn config(&self) -> Result<Config, RunError> {
        let mut sources = ConfigSources::default();
        sources.add_file(&self.path.join(CONFIG))?;
        Ok(sources.resolve()?)
    }

    /// The images that train and those that validate.
    ///
    /// # Errors
    /// Where the file is missing or broken.
    pub fn split(&self) -> Result<Split, RunError> {
        self.read_json(SPLIT)
    }

    /// The record of the data that it was started on.
    ///
    /// # Errors
    /// Where the file is missing or broken.
    pub fn data(&self) -> Result<DataRecord, RunError> {
        self.read_json(DATA)
    }

    /// Versions and machines.
    ///
    /// # Errors
    /// Where the file is missing or broken.
    pub fn environment(&self) -> Result<Environment, RunError> {
        self.read_json(ENVIRONMENT)
    }

    /// The events so far.
    ///
    /// # Errors
    /// As [`read_events`].
    pub fn events(&self) -> Result<Vec<Event>, RunError> {
        Ok(read_events(&self.events_path())?)
    }

    /// The report on the evaluation set; `None` before the run is finished.
    ///
    /// # Errors
    /// Where the file is broken.
    pub fn evaluation(&self) -> Result<Option<Report>, RunError> {
        self.read_json_if_there(EVALUATION)
    }

    /// The evaluation set with all ten addends of each image; `None` before somebody asked for it.
    ///
    /// # Errors
    /// Where the file is broken.
    pub fn exhaustive(&self) -> Result<Option<ExhaustiveReport>, RunError> {
        self.read_json_if_there(EXHAUSTIVE)
    }

    /// The folder of a checkpoint. It may have another name where the machine stopped while it was being replaced.
    ///
    /// # Errors
    /// [`CheckpointError::Missing`].
    pub fn checkpoint(&self, name: CheckpointName) -> Result<PathBuf, RunError> {
        Ok(checkpoint::locate(&self.checkpoint_path(name))?)
    }

    /// The weights of a checkpoint, a file for `adder_model::weights::load`.
    ///
    /// # Errors
    /// [`CheckpointError::Missing`].
    pub fn weights(&self, name: CheckpointName) -> Result<PathBuf, RunError> {
        Ok(self.checkpoint(name)?.join(MODEL_FILE))
    }

    /// Whether no step is left after the last checkpoint.
    ///
    /// # Errors
    /// Where the checkpoint is missing or broken.
    pub fn is_trained(&self) -> Result<bool, RunError> {
        let state = checkpoint::read_state(&self.checkpoint(CheckpointName::Last)?)?;
        Ok(self.config()?.training.is_over(state.position.epoch, state.best.map(|best| best.epoch)))
    }

    /// The network of the run's results, with the weights that `training.evaluate` names.
    ///
    /// # Errors
    /// [`CheckpointError::Missing`]; [`CheckpointError::Model`] where the weights cannot be used.
    pub fn evaluated_model(&self, device: &Device, backend: Backend) -> Result<IdentityAdder, RunError> {
        let weights = self.weights(self.config()?.training.evaluate)?;
        let load = || weights::load(&weights, device)?.0.with_backend(backend);
        Ok(load().map_err(CheckpointError::from)?)
    }

    /// The path of the report.
    pub fn report_path(&self) -> PathBuf {
        self.path.join(REPORT)
    }

    /// The runs of the networks that this run learns from, as far as they were started.
    pub fn teachers(&self) -> impl Iterator<Item = Self> {
        (1..).map_while(|number| Self::open(self.teacher_path(number)).ok())
    }

    /// The folder of a teacher, counted from 1.
    pub fn teacher_path(&self, number: u64) -> PathBuf {
        self.path.join(TEACHERS).join(number.to_string())
    }

    pub(crate) fn data_path(&self) -> PathBuf {
        self.path.join(DATA)
    }

    pub(crate) fn checkpoint_path(&self, name: CheckpointName) -> PathBuf {
        self.path.join(name.as_str())
    }

    pub(crate) fn events_path(&self) -> PathBuf {
        self.path.join(EVENTS)
    }

    /// Keeps other programs from training here, until the file is dropped.
    pub(crate) fn lock(&self) -> Result<File, RunError> {
        let path = self.path.join(LOCK);
        let file = File::create(&path).map_err(failed("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(RunError::Busy(self.path.clone())),
            Err(TryLockError::Error(error)) => Err(failed("lock", &path)(error).into()),
        }
    }

    pub(crate) fn write_config(&self, config: &Config) -> Result<(), RunError> {
        let text = format!("{HEADER}\n{}", config.to_toml());
        Ok(files::write(&self.path.join(CONFIG), text.as_bytes())?)
    }

    pub(crate) fn write_split(&self, split: &Split) -> Result<(), RunError> {
        // On one line: pretty, it would have one for each of 60,000 images.
        let text = serde_json::to_string(split).expect("a split is lists of numbers");
        Ok(files::write(&self.path.join(SPLIT), text.as_bytes())?)
    }

    pub(crate) fn write_data(&self, data: &DataRecord) -> Result<(), RunError> {
        self.write_json(DATA, data)
    }

    pub(crate) fn write_environment(&self, environment: &Environment) -> Result<(), RunError> {
        self.write_json(ENVIRONMENT, environment)
    }

    pub(crate) fn write_evaluation(&self, report: &Report) -> Result<(), RunError> {
        self.write_json(EVALUATION, report)
    }

    /// Keeps the evaluation with all ten addends.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write_exhaustive(&self, exhaustive: &ExhaustiveReport) -> Result<(), RunError> {
        self.write_json(EXHAUSTIVE, exhaustive)
    }

    fn is_run(&self) -> bool {
        self.path.join(CONFIG).is_file()
    }

    /// Deletes the files of a run and no others; the configuration last, for it is what makes a folder a run.
    fn clear(&self) -> Result<(), RunError> {
        let _lock = self.lock()?;
        self.delete_teachers()?;
        self.delete_event_files()?;
        for name in [CheckpointName::Last, CheckpointName::Best] {
            let folder = self.checkpoint_path(name);
            files::recover_folder(&folder)?;
            if folder.exists() {
                fs::remove_dir_all(&folder).map_err(failed("delete", &folder))?;
            }
        }
        let files =
            [REPORT, RESUME, DIVERGED, EXHAUSTIVE, EVALUATION, EVENTS, ENVIRONMENT, DATA, SPLIT, CONFIG];
        for name in files {
            let file = self.path.join(name);
            if file.exists() {
                fs::remove_file(&file).map_err(failed("delete", &file))?;
            }
        }
        Ok(())
    }

    fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T, RunError> {
        let path = self.path.join(name);
        let text = files::read_text(&path)?;
        serde_json::from_str(&text).map_err(|error| RunError::Syntax { path, message: error.to_string() })
    }

    fn read_json_if_there<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, RunError> {
        if self.path.join(name).exists() { self.read_json(name).map(Some) } else { Ok(None) }
    }

    fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), RunError> {
        let mut text = serde_json::to_string_pretty(value).expect("what a run writes has text for keys");
        text.push('\n');
        Ok(files::write(&self.path.join(name), text.as_bytes())?)
    }
}

/// Whether a folder holds nothing, or only the lock that a replaced run left.
fn is_empty(folder: &Path) -> Result<bool, FileError> {
    let mut entries = fs::read_dir(folder).map_err(failed("read", folder))?;
    Ok(entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == LOCK)))
}

#[cfg(test)]
mod tests;
