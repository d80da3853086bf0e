//! Run directories: everything about one run, so that from it alone one can resume, evaluate, export, plot and serve.
//!
//! | name | holds | written |
//! | --- | --- | --- |
//! | `config.toml` | the whole configuration, defaults included | at the start |
//! | `split.json` | which images train and which validate | at the start |
//! | `data.json` | checksums of the data, [`DataRecord`] | at the start |
//! | `checksums.json` | checksums of the three above, see [`manifest`](crate::manifest) | at the start, and where the data moved |
//! | `environment.json` | versions and machine of each session, [`Environment`] | at the start and on resuming |
//! | `events.jsonl` | each step and epoch, [`Event`] | as they happen |
//! | `last/` | the checkpoint to resume from, see [`checkpoint`] | at the start, after each epoch and on stopping |
//! | `best/` | the checkpoint of the best epoch in validation | when there is a better one |
//! | `evaluation.json` | the [`Report`] on the evaluation set | at the end, once |
//! | `diverged.json` | the [`Divergence`](crate::divergence::Divergence) that ended it | where a number is not finite |
//! | `resume.json` | options beside the configuration, [`ResumeOptions`] | at the start and on resuming |
//! | `report.html` | what a person looks at; drawn from the others | at the end, and by `adder report` |
//! | `exhaustive.json` | the evaluation set with all ten addends, [`ExhaustiveReport`] | by a repetition, once |
//! | `teachers/1/` and so on | the runs of the networks that it learned from | before its first step, where asked for |
//! | `events.out.tfevents.*` | the events for TensorBoard, one file | as they happen, where asked for |
//! | `.lock` | nothing; locked while a program trains here | at the start |
//!
//! A run directory is whole at every moment, as a database's file is: a kill, a power cut or an error between any two system calls
//! leaves a state from which the next command goes on. The start is one rename, see [`NewRun`]. What was written before the
//! checkpoint in `last/` counts, what came after it is done again with the same bits. Whoever takes the lock first finishes or
//! undoes what was cut off (`.last.new`, `.last.old`, `.next`, `.moving`) and deletes what dead writers left
//! (`.unfinished-*`); without the lock nothing of a run is touched but files that are replaced whole.
//!
//! The files that decide a run are held to `checksums.json` whenever they are used, see [`RunDirectory::check`].

pub(crate) mod error;
mod manage;
mod new_run;
mod resume;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use adder_data::Split;
use adder_model::tensor_file::Metadata;
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
use crate::events::{Event, read_checked_events};
use crate::files::{self, failed};
use crate::manifest::{MANIFEST, Manifest};
use crate::origin::Origin;

pub use error::RunError;
pub use new_run::NewRun;
pub use resume::ResumeOptions;

const CONFIG: &str = "config.toml";
const SPLIT: &str = "split.json";
const DATA: &str = "data.json";
const ENVIRONMENT: &str = "environment.json";
const ORIGIN: &str = "origin.json";
const EVENTS: &str = "events.jsonl";
const EVALUATION: &str = "evaluation.json";
const REPORT: &str = "report.html";
const EXHAUSTIVE: &str = "exhaustive.json";
const TEACHERS: &str = "teachers";
const DIVERGED: &str = "diverged.json";
const RESUME: &str = "resume.json";
const LOCK: &str = ".lock";

/// The files of a run, in the order in which they are deleted.
const FILES: [&str; 12] = [
    REPORT,
    RESUME,
    DIVERGED,
    EXHAUSTIVE,
    EVALUATION,
    EVENTS,
    ENVIRONMENT,
    ORIGIN,
    MANIFEST,
    DATA,
    SPLIT,
    CONFIG,
];

/// The name of an event file for TensorBoard, from its first character and at its end.
const EVENT_FILE: (&str, &str) = ("events.out.tfevents.", ".adder");

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
    /// The run in a folder.
    ///
    /// # Errors
    /// [`RunError::NotARun`] where there is none; [`RunError::NotBegun`] where its start was cut off.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, RunError> {
        let run = Self { path: path.into() };
        if run.is_taken_over() {
            // The lock finishes it.
            run.lock()?;
        }
        match run.is_run() && !run.is_starting() {
            true => Ok(run),
            false if run.is_begun() => Err(RunError::NotBegun(run.path)),
            false => Err(RunError::NotARun(run.path)),
        }
    }

    /// Holds the files that decide the run, its configuration, split and record of the data, to the checksums that were taken when
    /// they were written. A run of before has none and is taken as it is.
    ///
    /// # Errors
    /// [`RunError::Manifest`] where a file was changed since.
    pub fn check(&self) -> Result<(), RunError> {
        match Manifest::read(&self.path)? {
            Some(manifest) => Ok(manifest.check_all(&self.path)?),
            None => Ok(()),
        }
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

    /// The origin of the first weights; `None` where they were drawn.
    ///
    /// # Errors
    /// Where the file is broken.
    pub fn origin(&self) -> Result<Option<Origin>, RunError> {
        self.read_json_if_there(ORIGIN)
    }

    /// The events so far.
    ///
    /// # Errors
    /// As [`read_events`](crate::events::read_events); where those that the last checkpoint knows of were changed since.
    pub fn events(&self) -> Result<Vec<Event>, RunError> {
        // The checkpoint first: events that come meanwhile are more than it knows of.
        let known = checkpoint::events(&self.checkpoint_path(CheckpointName::Last))?;
        Ok(read_checked_events(&self.events_path(), known)?)
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

    /// The network of a checkpoint and the facts of its training. The weights are held to their checksum, the network to the
    /// configuration of the run.
    ///
    /// # Errors
    /// [`CheckpointError::Missing`]; [`CheckpointError::Model`] where the weights cannot be used; [`RunError::Manifest`] and
    /// [`CheckpointError::Manifest`] where a file was changed since it was written; [`RunError::OtherNetwork`].
    pub fn model(
        &self,
        name: CheckpointName,
        device: &Device,
    ) -> Result<(IdentityAdder, Metadata), RunError> {
        self.check()?;
        let path = self.weights(name)?;
        let bytes = checkpoint::read_checked(&path)?;
        let (model, facts) =
            weights::from_safetensors(&bytes, &path, device).map_err(CheckpointError::from)?;
        let config = self.config()?;
        if config.model != *model.config() {
            return Err(RunError::OtherNetwork { path: self.path.join(CONFIG), weights: path });
        }
        let algorithm = config.compute.algorithm.into();
        Ok((model.with_algorithm(algorithm).map_err(CheckpointError::from)?, facts))
    }

    /// The network of the run's results, with the weights that `training.evaluate` names.
    ///
    /// # Errors
    /// As [`model`](Self::model).
    pub fn evaluated_model(&self, device: &Device, backend: Backend) -> Result<IdentityAdder, RunError> {
        let (model, _) = self.model(self.config()?.training.evaluate, device)?;
        Ok(model.with_backend(backend).map_err(CheckpointError::from)?)
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

    /// Keeps other programs from training here, until the file is dropped; what was cut off here is finished or undone.
    ///
    /// # Errors
    /// [`RunError::Busy`] where another program has the lock; otherwise where the system refuses.
    pub fn lock(&self) -> Result<File, RunError> {
        let path = self.path.join(LOCK);
        let file = File::create(&path).map_err(failed("open", &path))?;
        match file.try_lock() {
            Ok(()) => {
                self.settle()?;
                Ok(file)
            }
            Err(TryLockError::WouldBlock) => Err(RunError::Busy(self.path.clone())),
            Err(TryLockError::Error(error)) => Err(failed("lock", &path)(error).into()),
        }
    }

    /// Finishes or undoes what was cut off here, as [`lock`](Self::lock) does, in a run that nobody is going to train. One that is
    /// being trained is left to its trainer.
    ///
    /// # Errors
    /// As [`lock`](Self::lock), but for [`RunError::Busy`].
    pub fn tidy(&self) -> Result<(), RunError> {
        match self.lock() {
            Err(RunError::Busy(_)) => Ok(()),
            lock => lock.map(drop),
        }
    }

    pub(crate) fn write_config(&self, config: &Config) -> Result<(), RunError> {
        let (path, text) = (self.path.join(CONFIG), format!("{HEADER}\n{}", config.to_toml()));
        if let Some(mut manifest) = Manifest::read(&self.path)? {
            // The manifest first, with the old file and the new one: a kill leaves either.
            manifest.admit(CONFIG, &files::read(&path)?, text.as_bytes());
            self.write_manifest(&manifest)?;
        }
        Ok(files::write(&path, text.as_bytes())?)
    }

    /// Takes the checksums of the files that decide the run, once they are written.
    pub(crate) fn write_checksums(&self) -> Result<(), RunError> {
        let mut files = Vec::new();
        for name in [CONFIG, SPLIT, DATA] {
            files.push((name, files::read(&self.path.join(name))?));
        }
        self.write_manifest(&Manifest::new(files.iter().map(|(name, bytes)| (*name, &bytes[..]))))
    }

    fn write_manifest(&self, manifest: &Manifest) -> Result<(), RunError> {
        Ok(files::write(&self.path.join(MANIFEST), manifest.to_json().as_bytes())?)
    }

    pub(crate) fn write_split(&self, split: &Split) -> Result<(), RunError> {
        // On one line: pretty, it would have one for each of 60,000 images.
        let text = serde_json::to_string(split).expect("a split is lists of numbers");
        Ok(files::write(&self.path.join(SPLIT), text.as_bytes())?)
    }

    pub(crate) fn write_origin(&self, origin: &Origin) -> Result<(), RunError> {
        self.write_json(ORIGIN, origin)
    }

    /// Deletes what was measured of a run that is to go on.
    pub(crate) fn forget_results(&self) -> Result<(), RunError> {
        let results = [REPORT, EXHAUSTIVE, EVALUATION];
        results.iter().try_for_each(|name| Ok(files::remove_if_there(&self.path.join(name))?))
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

    /// Whether a run has a file or folder of this name.
    fn is_name(name: &str) -> bool {
        let folders = ["last", "best", ".last.new", ".last.old", ".best.new", ".best.old", TEACHERS];
        FILES.contains(&name) || folders.contains(&name) || is_event_file(name)
    }

    /// Deletes the files of a run and no others; the configuration last, for it is what makes a folder a run.
    fn delete_files(&self) -> Result<(), RunError> {
        self.delete_teachers()?;
        self.delete_event_files()?;
        for name in [CheckpointName::Last, CheckpointName::Best] {
            let folder = self.checkpoint_path(name);
            files::recover_folder(&folder)?;
            files::remove_folder_if_there(&folder).map_err(failed("delete", &folder))?;
        }
        FILES.iter().try_for_each(|name| Ok(files::remove_if_there(&self.path.join(name))?))
    }

    fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T, RunError> {
        let path = self.path.join(name);
        let text = files::read_text(&path)?;
        serde_json::from_str(&text)
            .map_err(|error| RunError::Syntax { path, message: files::json_problem(text.as_bytes(), &error) })
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

/// Whether a file of this name is one of events for TensorBoard.
fn is_event_file(name: &str) -> bool {
    name.starts_with(EVENT_FILE.0) && name.ends_with(EVENT_FILE.1)
}

#[cfg(test)]
mod tests;
