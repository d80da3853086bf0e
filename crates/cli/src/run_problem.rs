//! What can be done where a run cannot be used.

use std::path::Path;

use adder_experiment::SeriesError;
use adder_train::checkpoint::CheckpointError;
use adder_train::events::EventsError;
use adder_train::manifest::ManifestError;
use adder_train::{RunError, TrainError};

use crate::resume_command::{command_line, resume_command};

/// The thing to do after an error of a run, where there is one.
pub(crate) fn hint(error: &anyhow::Error) -> Option<String> {
    if let Some(TrainError::Finished { path, .. }) = train_error(error) {
        let run = path.to_string_lossy();
        let more = command_line(["train", "--resume", &run, "--epochs", "N"]);
        return Some(format!(
            "`{}` measures it; `{more}` goes on to N epochs in all",
            command_line(["eval", &run])
        ));
    }
    if let Some(damaged) = damaged(error) {
        return Some(after_damage(damaged));
    }
    if let Some(CheckpointError::Missing(folder)) = checkpoint_error(error) {
        return Some(format!("`{}` starts it again", begin_again(run_of(folder))));
    }
    match run_error(error)? {
        RunError::Exists(run) => {
            let resume = resume_command(run, &Default::default());
            Some(format!("--overwrite replaces it, `{resume}` resumes it, --out names another folder"))
        }
        RunError::NoRuns(_) => Some("train first, or name a run or a weights file".into()),
        RunError::NotBegun(run) => {
            let rm = command_line(["runs", "rm", &run.to_string_lossy()]);
            Some(format!("nothing was trained yet: start it again in the same folder, or `{rm}` clears it"))
        }
        RunError::OtherNetwork { path, .. } => Some(after_change(path)),
        _ => None,
    }
}

/// What to do with a damaged file.
fn after_damage(damaged: &Path) -> String {
    if damaged.file_name().is_some_and(|name| name == "config.toml") {
        return after_change(damaged);
    }
    format!("put back a copy of it, or train again: `{}`", begin_again(run_of(damaged)))
}

/// What to do where the configuration of a run was changed, which may have been on purpose.
fn after_change(config: &Path) -> String {
    let new = command_line(["train", "--config", &config.to_string_lossy(), "--out", "DIR"]);
    format!("undo the change to go on with this run, or train a new one by it: `{new}`")
}

/// The command that trains a run anew in its place.
fn begin_again(run: &Path) -> String {
    let config = in_run(run, "config.toml");
    command_line(["train", "--config", &config, "--out", &run.to_string_lossy(), "--overwrite"])
}

fn in_run(run: &Path, name: &str) -> String {
    run.join(name).to_string_lossy().into_owned()
}

/// The run that a file or a checkpoint is of.
fn run_of(path: &Path) -> &Path {
    let is_checkpoint = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        ["last", "best"].contains(&name.trim_start_matches('.').split('.').next().unwrap_or_default())
    };
    path.ancestors().skip(1).find(|folder| !is_checkpoint(folder)).unwrap_or(path)
}

/// The file that is not what was written.
fn damaged(error: &anyhow::Error) -> Option<&Path> {
    let events = match (error.downcast_ref(), run_error(error)) {
        (Some(TrainError::Events(events)), _) | (_, Some(RunError::Events(events))) => Some(events),
        _ => None,
    };
    let manifest = match (run_error(error), checkpoint_error(error), events) {
        (Some(RunError::Manifest(manifest)), ..)
        | (_, Some(CheckpointError::Manifest(manifest)), _)
        | (.., Some(EventsError::Manifest(manifest))) => manifest,
        (_, Some(CheckpointError::Syntax { path, .. } | CheckpointError::Value { path, .. }), _)
        | (.., Some(EventsError::Line { path, .. } | EventsError::TooShort { path, .. })) => {
            return Some(path);
        }
        _ => return None,
    };
    match manifest {
        ManifestError::Damaged(damage) => Some(&damage.path),
        ManifestError::Syntax { path, .. } => Some(path),
        _ => None,
    }
}

fn train_error(error: &anyhow::Error) -> Option<&TrainError> {
    match error.downcast_ref() {
        Some(SeriesError::Train(error)) => Some(error),
        _ => error.downcast_ref(),
    }
}

fn checkpoint_error(error: &anyhow::Error) -> Option<&CheckpointError> {
    match (train_error(error), run_error(error)) {
        (Some(TrainError::Checkpoint(error)), _) | (_, Some(RunError::Checkpoint(error))) => Some(error),
        _ => error.downcast_ref(),
    }
}

fn run_error(error: &anyhow::Error) -> Option<&RunError> {
    match (train_error(error), error.downcast_ref(), error.downcast_ref()) {
        (Some(TrainError::Run(error)), ..) | (_, Some(adder_report::Error::Run(error)), _) => Some(error),
        (.., Some(SeriesError::Run(error))) => Some(error),
        _ => error.downcast_ref(),
    }
}
