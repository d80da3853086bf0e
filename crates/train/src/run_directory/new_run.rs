//! The start of a run: it appears whole, by one rename, or nothing is there.
//!
//! A new run is written and flushed under a hidden name, with its first checkpoint, and then takes its own name:
//!
//! - **Where no folder is**, as `.starting-PROCESS-NUMBER` in the folder above. A kill leaves the hidden folder alone, which the next
//!   start in the folder above deletes. Its lock tells it from one that is being written.
//! - **In a folder that is there**, empty or with a run to replace, as `.new` in it. Renamed to `.next` it is the run of the folder:
//!   the old run's files are deleted, `.next` is renamed to `.moving` and its entries move up, the configuration last. A kill before
//!   the first rename leaves the old run, a kill after it the new one, since whoever opens the folder next does the rest.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use adder_data::whole_file::collect_unfinished;

use super::error::RunError;
use super::resume::ResumeOptions;
use super::{CONFIG, IfExists, LOCK, RunDirectory};
use crate::checkpoint::CheckpointName;
use crate::files::{self, FileError, failed};

/// How the name of a run begins that is being written, beside the place where it will be.
const STARTING: &str = ".starting-";
/// A run that is being written, within the folder where it will be.
const NEW: &str = ".new";
/// The same, whole: from here on it is the folder's run.
const NEXT: &str = ".next";
/// The same, with nothing left of the run that it replaces.
const MOVING: &str = ".moving";

/// The place of a run that is yet to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRun {
    path: PathBuf,
    if_exists: IfExists,
    options: Option<ResumeOptions>,
}

impl RunDirectory {
    /// The place of a new run. Nothing is written, and nothing of a run that is to be replaced is deleted, before
    /// [`Trainer::start`](crate::Trainer::start) has the new one whole.
    ///
    /// # Errors
    /// [`RunError::Exists`] where a run is and is to be kept; [`RunError::Occupied`] where other files are;
    /// [`RunError::Busy`] where a program trains the run that is to be replaced.
    pub fn create(path: impl Into<PathBuf>, if_exists: IfExists) -> Result<NewRun, RunError> {
        let new = NewRun { path: path.into(), if_exists, options: None };
        new.check()?;
        Ok(new)
    }

    /// The run in a folder, or a folder in which a start was cut off before the run was whole, or an empty one, as a deletion leaves
    /// that was cut off: to be deleted.
    ///
    /// # Errors
    /// [`RunError::NotARun`] where there is none of these.
    pub fn open_or_begun(path: impl Into<PathBuf>) -> Result<Self, RunError> {
        match Self::open(path) {
            Err(RunError::NotBegun(path)) => Ok(Self { path }),
            Err(RunError::NotARun(path)) if is_empty(&path).is_ok_and(|empty| empty) => Ok(Self { path }),
            other => other,
        }
    }

    /// Whether the folder is one in which a run is being written.
    pub(super) fn is_starting(&self) -> bool {
        self.path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(STARTING.as_bytes()))
    }

    /// Whether a kill cut off the replacement of a run by one that is whole.
    pub(super) fn is_taken_over(&self) -> bool {
        [NEXT, MOVING].iter().any(|name| self.path.join(name).is_dir())
    }

    /// Whether a program began to start a run in this folder and was cut off: its lock is there and, besides, nothing that is not
    /// a run's.
    pub(super) fn is_begun(&self) -> bool {
        let known = |name: &str| Self::is_name(name) || [LOCK, NEW].contains(&name);
        let Ok(entries) = fs::read_dir(&self.path) else { return false };
        !self.is_starting()
            && self.path.join(LOCK).is_file()
            && entries.flatten().all(|entry| {
                let name = entry.file_name();
                known(&name.to_string_lossy()) || name.as_encoded_bytes().starts_with(b".unfinished-")
            })
    }

    /// Finishes or undoes what was cut off in this folder, whose lock the caller has.
    pub(super) fn settle(&self) -> Result<(), RunError> {
        let [new, next, moving] = [NEW, NEXT, MOVING].map(|name| self.path.join(name));
        if next.is_dir() {
            self.delete_files()?;
            fs::rename(&next, &moving).map_err(failed("rename", &next))?;
            files::sync_folder(&self.path).map_err(failed("write", &self.path))?;
        }
        if moving.is_dir() {
            self.move_up(&moving).map_err(failed("move the new run from", &moving))?;
        }
        files::remove_folder_if_there(&new).map_err(failed("delete", &new))?;
        for name in [CheckpointName::Last, CheckpointName::Best] {
            files::recover_folder(&self.checkpoint_path(name))?;
        }
        collect_unfinished(&self.path);
        Ok(())
    }

    /// Moves what is in `moving` into this folder, the configuration last: it is what makes a folder a run.
    fn move_up(&self, moving: &Path) -> std::io::Result<()> {
        let mut names = Vec::new();
        for entry in fs::read_dir(moving)? {
            names.push(entry?.file_name());
        }
        names.sort_by_key(|name| name == CONFIG);
        for name in names {
            fs::rename(moving.join(&name), self.path.join(&name))?;
        }
        files::sync_folder(&self.path)?;
        fs::remove_dir(moving)
    }
}

impl NewRun {
    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same, with the options of its first session.
    pub fn with_options(self, options: ResumeOptions) -> Self {
        Self { options: Some(options), ..self }
    }

    fn check(&self) -> Result<(), RunError> {
        let path = &self.path;
        if !path.exists() || (path.is_dir() && is_empty(path)?) {
            return Ok(());
        }
        let run = match RunDirectory::open_or_begun(path) {
            Ok(run) => run,
            Err(RunError::NotARun(_)) => return Err(RunError::Occupied(path.clone())),
            Err(other) => return Err(other),
        };
        match self.if_exists {
            IfExists::Fail if run.is_run() => Err(RunError::Exists(path.clone())),
            _ if run.is_training() => Err(RunError::Busy(path.clone())),
            _ => Ok(()),
        }
    }

    /// Lets `write` write the run's files under a hidden name, and gives the run its own; with the lock of the run.
    pub(crate) fn begin<E: From<RunError>>(
        &self,
        write: impl FnOnce(&RunDirectory) -> Result<(), E>,
    ) -> Result<(RunDirectory, File), E> {
        let write = |run: &RunDirectory| -> Result<(), E> {
            write(run)?;
            if let Some(options) = &self.options {
                run.write_resume_options(options)?;
            }
            Ok(files::sync_folder(&run.path).map_err(failed("write", &run.path)).map_err(RunError::from)?)
        };
        if self.path.exists() { self.begin_within(write) } else { self.begin_beside(write) }
    }

    /// Where no folder is.
    fn begin_beside<E: From<RunError>>(
        &self,
        write: impl FnOnce(&RunDirectory) -> Result<(), E>,
    ) -> Result<(RunDirectory, File), E> {
        let above = files::parent(&self.path);
        fs::create_dir_all(above).map_err(failed("create", above)).map_err(RunError::from)?;
        collect_starts(above);
        let (starting, lock) = claim(above)?;
        if let Err(error) = write(&starting) {
            drop(lock);
            discard(&starting);
            return Err(error);
        }
        // Elsewhere than on Unix no folder is renamed in which a file is open.
        let lock = if cfg!(unix) { Some(lock) } else { None };
        if let Err(error) = fs::rename(&starting.path, &self.path) {
            drop(lock);
            discard(&starting);
            return Err(self.unrenamed(error).into());
        }
        files::sync_folder(above).map_err(failed("write", above)).map_err(RunError::from)?;
        let run = RunDirectory { path: self.path.clone() };
        let lock = lock.map_or_else(|| run.lock(), Ok)?;
        Ok((run, lock))
    }

    /// The error of the last rename: another program may have begun a run in the place meanwhile.
    fn unrenamed(&self, error: std::io::Error) -> RunError {
        if self.path.exists() {
            return RunError::Exists(self.path.clone());
        }
        failed("create", &self.path)(error).into()
    }

    /// In a folder that is there.
    fn begin_within<E: From<RunError>>(
        &self,
        write: impl FnOnce(&RunDirectory) -> Result<(), E>,
    ) -> Result<(RunDirectory, File), E> {
        let run = RunDirectory { path: self.path.clone() };
        let lock = run.lock()?;
        if self.if_exists == IfExists::Fail && run.is_run() {
            return Err(RunError::Exists(run.path).into());
        }
        let [new, next] = [NEW, NEXT].map(|name| run.path.join(name));
        fs::create_dir(&new).map_err(failed("create", &new)).map_err(RunError::from)?;
        if let Err(error) = write(&RunDirectory { path: new.clone() }) {
            // The error says what is wrong; the rest is collected by the next start.
            let _ = fs::remove_dir_all(&new);
            return Err(error);
        }
        let commit = || fs::rename(&new, &next).and_then(|()| files::sync_folder(&run.path));
        commit().map_err(failed("rename", &new)).map_err(RunError::from)?;
        run.settle()?;
        Ok((run, lock))
    }
}

/// A hidden folder of its own in the folder `above`, locked.
fn claim(above: &Path) -> Result<(RunDirectory, File), RunError> {
    let mut number = 0_u64;
    loop {
        let path = above.join(format!("{STARTING}{}-{number}", std::process::id()));
        number += 1;
        match fs::create_dir(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
            other => other.map_err(failed("create", &path))?,
        }
        let run = RunDirectory { path };
        match run.lock() {
            // Another start may take the folder for a dead one's before it is locked.
            Ok(lock) if run.path.join(LOCK).exists() => return Ok((run, lock)),
            Ok(_) | Err(RunError::Busy(_)) => {}
            Err(RunError::File(FileError { error, .. })) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                discard(&run);
                return Err(error);
            }
        }
    }
}

/// Deletes what starts that were killed left in the folder `above`. What cannot be deleted costs its space and nothing else.
pub(super) fn collect_starts(above: &Path) {
    let Ok(entries) = fs::read_dir(above) else { return };
    let runs = entries.flatten().map(|entry| RunDirectory { path: entry.path() });
    for run in runs.filter(RunDirectory::is_starting) {
        let lock = File::options().read(true).write(true).open(run.path.join(LOCK)).ok();
        if !matches!(lock.as_ref().map(File::try_lock), Some(Err(TryLockError::WouldBlock))) {
            discard(&run);
        }
    }
}

/// Deletes a hidden folder, with the files of a run and no others.
fn discard(run: &RunDirectory) {
    collect_unfinished(&run.path);
    let _ = run.delete_files();
    let _ = fs::remove_file(run.path.join(LOCK));
    let _ = fs::remove_dir(&run.path);
}

/// Whether a folder holds nothing.
fn is_empty(folder: &Path) -> Result<bool, FileError> {
    Ok(fs::read_dir(folder).map_err(failed("read", folder))?.next().is_none())
}
