//! Runs that are done with: moved or deleted.

use std::fs::{self, File, TryLockError};
use std::path::PathBuf;

use super::{LOCK, RunDirectory, RunError};
use crate::files::failed;

impl RunDirectory {
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
        self.clear()?;
        let lock = self.path.join(LOCK);
        if lock.exists() {
            fs::remove_file(&lock).map_err(failed("delete", &lock))?;
        }
        let mut entries = fs::read_dir(&self.path).map_err(failed("read", &self.path))?;
        if entries.next().is_some() {
            return Ok(false);
        }
        fs::remove_dir(&self.path).map_err(failed("delete", &self.path))?;
        Ok(true)
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
