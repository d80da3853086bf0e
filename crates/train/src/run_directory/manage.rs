//! Runs that are done with: moved or deleted.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::error::RunError;
use super::new_run::collect_starts;
use super::{EVENT_FILE, LOCK, RunDirectory, TEACHERS, is_event_file};
use crate::files::{failed, remove_if_there};

impl RunDirectory {
    /// The path of a new event file for TensorBoard; `mark` tells it from that of a run which was here before.
    pub fn event_file_path(&self, mark: &str) -> PathBuf {
        self.path.join(format!("{}{mark}{}", EVENT_FILE.0, EVENT_FILE.1))
    }

    /// The event files for TensorBoard, in the order of their names: one, or several where an older version resumed the run.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn event_files(&self) -> Result<Vec<PathBuf>, RunError> {
        let entries = fs::read_dir(&self.path).map_err(failed("read", &self.path))?;
        let is_one = |path: &PathBuf| is_event_file(&path.file_name().unwrap_or_default().to_string_lossy());
        let mut files: Vec<PathBuf> =
            entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_one).collect();
        files.sort();
        Ok(files)
    }

    /// Deletes the runs of the teachers, and their folder if nothing else is in it.
    pub(super) fn delete_teachers(&self) -> Result<(), RunError> {
        let folder = self.path.join(TEACHERS);
        let Ok(entries) = fs::read_dir(&folder) else { return Ok(()) };
        collect_starts(&folder);
        for teacher in entries.filter_map(|entry| Self::open_or_begun(entry.ok()?.path()).ok()) {
            teacher.delete()?;
        }
        remove_if_empty(&folder).map(|_| ())
    }

    pub(super) fn delete_event_files(&self) -> Result<(), RunError> {
        for path in self.event_files()? {
            fs::remove_file(&path).map_err(failed("delete", &path))?;
        }
        Ok(())
    }

    /// Whether a program trains this run now.
    pub fn is_training(&self) -> bool {
        let lock = File::open(self.path.join(LOCK));
        lock.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Deletes the run's files, and its folder if nothing else is in it. Whether it did.
    ///
    /// # Errors
    /// [`RunError::Busy`] where a program trains it; otherwise where the system refuses.
    pub fn delete(self) -> Result<bool, RunError> {
        let held = self.lock()?;
        self.delete_files()?;
        drop(held);
        remove_if_there(&self.path.join(LOCK))?;
        remove_if_empty(&self.path)
    }

    /// Gives the folder another name, or another place on the same disk.
    ///
    /// # Errors
    /// [`RunError::Exists`] or [`RunError::Occupied`] where something is there, [`RunError::Busy`] where a program trains the
    /// run; otherwise where the system refuses.
    pub fn move_to(self, path: impl Into<PathBuf>) -> Result<Self, RunError> {
        let to = Self { path: path.into() };
        if to.is_run() {
            return Err(RunError::Exists(to.path));
        }
        if to.path.exists() {
            return Err(RunError::Occupied(to.path));
        }
        let lock = self.lock()?;
        if let Some(parent) = to.path.parent() {
            fs::create_dir_all(parent).map_err(failed("create", parent))?;
        }
        fs::rename(&self.path, &to.path).map_err(failed("move", &self.path))?;
        drop(lock);
        Ok(to)
    }
}

/// Removes a folder unless something is in it. Whether it did.
fn remove_if_empty(folder: &Path) -> Result<bool, RunError> {
    let mut entries = fs::read_dir(folder).map_err(failed("read", folder))?;
    if entries.next().is_some() {
        return Ok(false);
    }
    fs::remove_dir(folder).map_err(failed("delete", folder))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, IfExists};

    fn run(path: PathBuf) -> RunDirectory {
        let place = RunDirectory::create(path, IfExists::Fail).unwrap();
        let (run, _) = place.begin(|run| run.write_config(&Config::default())).unwrap();
        fs::write(run.event_file_path("1"), "").unwrap();
        fs::write(run.report_path(), "").unwrap();
        run
    }

    #[test]
    fn deleting_takes_the_runs_files_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        assert!(run(path.clone()).delete().unwrap() && !path.exists());
        let run = run(path.clone());
        fs::write(path.join("notes.txt"), "").unwrap();
        assert!(!run.delete().unwrap());
        let left: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["notes.txt"]);
    }

    #[test]
    fn a_run_in_training_stays_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let run = run(folder.path().join("run"));
        assert!(!run.is_training());
        let lock = run.lock().unwrap();
        assert!(run.is_training());
        assert!(matches!(run.clone().delete(), Err(RunError::Busy(_))));
        assert!(matches!(run.clone().move_to(folder.path().join("other")), Err(RunError::Busy(_))));
        drop(lock);
        let moved = run.move_to(folder.path().join("deep/other")).unwrap();
        assert!(moved.config().is_ok());
    }

    #[test]
    fn a_run_is_not_moved_onto_anything() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (run(folder.path().join("one")), run(folder.path().join("other")));
        assert!(matches!(one.clone().move_to(other.path()), Err(RunError::Exists(_))));
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(matches!(one.move_to(folder.path().join("file")), Err(RunError::Occupied(_))));
    }
}
