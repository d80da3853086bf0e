//! What there is to show of a run: its files, and what its network says of the evaluation set.

use std::path::PathBuf;

use adder_train::environment::Environment;
use adder_train::{Config, Report, RunDirectory};

use crate::inspection::Inspection;
use crate::{History, Result};

/// A run as a report shows it.
#[derive(Clone, Debug)]
pub struct Record {
    /// The name of its folder.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// Everything that decided it.
    pub config: Config,
    /// What it was computed with.
    pub environment: Environment,
    /// What happened.
    pub history: History,
    /// The evaluation, once it is finished.
    pub evaluation: Option<Report>,
    /// What its network says, where it was asked.
    pub inspection: Option<Inspection>,
}

impl Record {
    /// Reads the files of a run; its network is not asked.
    ///
    /// # Errors
    /// [`Error::Run`](crate::Error::Run) where a file is missing or broken.
    pub fn read(run: &RunDirectory) -> Result<Self> {
        let path = run.path().to_owned();
        // Of `.` and `..`, the name is that of the folder that they lead to.
        let named = path.canonicalize().unwrap_or_else(|_| path.clone());
        Ok(Self {
            name: named
                .file_name()
                .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into()),
            config: run.config()?,
            environment: run.environment()?,
            history: run.events()?.into(),
            evaluation: run.evaluation()?,
            inspection: None,
            path,
        })
    }
}
