//! `resume.json`: what the command line gave to a session of a run beside the configuration.

use serde::{Deserialize, Serialize};

use super::{DIVERGED, RESUME, RunDirectory};
use crate::divergence::Divergence;
use crate::files::remove_if_there;
use crate::run_directory::error::RunError;

/// Options of the last session of a run that decide nothing of what it computes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResumeOptions {
    /// Whether the run writes an event file for TensorBoard: a session that resumes goes on with it.
    pub tensorboard: bool,
    /// Other arguments of the session, such as `--threads` and `2`: they belong to the command that resumes.
    pub arguments: Vec<String>,
}

impl RunDirectory {
    /// The options of the last session. A run without the file is one of a repetition or a sweep, or older than the file: then an
    /// event file in the folder says that one is written.
    ///
    /// # Errors
    /// Where the file is broken.
    pub fn resume_options(&self) -> Result<ResumeOptions, RunError> {
        match self.read_json_if_there(RESUME)? {
            Some(options) => Ok(options),
            None => Ok(ResumeOptions { tensorboard: !self.event_files()?.is_empty(), arguments: Vec::new() }),
        }
    }

    /// Keeps the options of the session that starts.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write_resume_options(&self, options: &ResumeOptions) -> Result<(), RunError> {
        self.write_json(RESUME, options)
    }

    /// The number that ended the run, where it diverged and was not resumed since.
    ///
    /// # Errors
    /// Where the file is broken.
    pub fn divergence(&self) -> Result<Option<Divergence>, RunError> {
        self.read_json_if_there(DIVERGED)
    }

    pub(crate) fn write_divergence(&self, divergence: &Divergence) -> Result<(), RunError> {
        self.write_json(DIVERGED, divergence)
    }

    /// A session that resumes is a new attempt.
    pub(crate) fn forget_divergence(&self) -> Result<(), RunError> {
        Ok(remove_if_there(&self.path.join(DIVERGED))?)
    }
}
