//! `events.jsonl`: what happened in a run, one JSON object a line.
//!
//! A run that was stopped and resumed has the same file as one that was not, but for the fields whose names end in
//! `seconds`: on resuming, the file is cut back to what the checkpoint knows of.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use adder_model::Metrics;
use serde::{Deserialize, Serialize};

use crate::files::{self, FileError, failed};

/// One line of the file. Epochs and steps are counted from 1, as a person does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The weights were updated.
    Step(StepEvent),
    /// Every training image was seen once more.
    Epoch(EpochEvent),
}

/// One update of the weights.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepEvent {
    /// The epoch that the step belongs to.
    pub epoch: u64,
    /// Steps of the run so far, this one included.
    pub step: u64,
    /// Loss of both heads together per pair of the batch, before the update, with dropout.
    pub loss: f64,
    /// Pairs of the batch of which both heads are right, in percent.
    pub accuracy: f64,
    /// The learning rate of the update.
    pub learning_rate: f64,
    /// Euclidean norm of the gradient over all parameters.
    pub gradient_norm: f64,
}

/// One epoch, at its end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochEvent {
    /// The epoch.
    pub epoch: u64,
    /// Steps of the run so far.
    pub step: u64,
    /// Over the epoch's batches as they were trained on: each seen by the weights of its step, with dropout.
    pub training: Metrics,
    /// Metrics of the weights after the epoch on the validation set.
    pub validation: Metrics,
    /// Time spent in steps.
    pub training_seconds: f64,
    /// Time spent in validation.
    pub validation_seconds: f64,
}

/// An `events.jsonl` that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventsError {
    /// The file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A line is not an event.
    #[error("{path}, line {line}: {message}")]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The reason.
        message: String,
    },
    /// Lines that the checkpoint knows of are gone.
    #[error("{path}: expected at least {expected} events, as the checkpoint says, found {found}")]
    TooShort {
        /// The file.
        path: PathBuf,
        /// Events that the checkpoint counted.
        expected: u64,
        /// Whole lines in the file.
        found: u64,
    },
}

/// All events of a file. A last line without its end was cut off in the writing and does not count.
///
/// # Errors
/// [`EventsError::File`] and [`EventsError::Line`].
pub fn read_events(path: &Path) -> Result<Vec<Event>, EventsError> {
    let text = files::read_text(path)?;
    let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
    let parse = |(index, line)| {
        serde_json::from_str(line).map_err(|error: serde_json::Error| EventsError::Line {
            path: path.to_owned(),
            line: index + 1,
            message: error.to_string(),
        })
    };
    whole.lines().enumerate().map(parse).collect()
}

/// The file while it grows.
#[derive(Debug)]
pub(crate) struct EventLog {
    path: PathBuf,
    file: File,
    events: u64,
}

impl EventLog {
    /// Opens the file, or makes an empty one, cut back to its first `events` lines.
    pub(crate) fn open(path: &Path, events: u64) -> Result<Self, EventsError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(failed("open", path))?;
        let text = files::read(path)?;
        let ends =
            text.iter().enumerate().filter(|&(_, &byte)| byte == b'\n').map(|(index, _)| index as u64 + 1);
        let keep = match events {
            0 => 0,
            _ => ends.clone().nth(events as usize - 1).ok_or_else(|| EventsError::TooShort {
                path: path.to_owned(),
                expected: events,
                found: ends.count() as u64,
            })?,
        };
        file.set_len(keep)
            .and_then(|()| file.seek(SeekFrom::Start(keep)))
            .map_err(failed("cut back", path))?;
        Ok(Self { path: path.to_owned(), file, events })
    }

    /// Number of them.
    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    /// Adds one. A reader sees it at once; [`sync`](Self::sync) makes it last.
    pub(crate) fn append(&mut self, event: &Event) -> Result<(), EventsError> {
        let mut line = serde_json::to_string(event).expect("events are numbers under fixed names");
        line.push('\n');
        self.file.write_all(line.as_bytes()).map_err(failed("write", &self.path))?;
        self.events += 1;
        Ok(())
    }

    /// Flushes all of them to the disk.
    pub(crate) fn sync(&self) -> Result<(), EventsError> {
        Ok(self.file.sync_all().map_err(failed("write", &self.path))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(step: u64) -> Event {
        let loss = 1.0 / (step as f64 + 0.1);
        Event::Step(StepEvent {
            epoch: 1,
            step,
            loss,
            accuracy: 12.5,
            learning_rate: 0.01,
            gradient_norm: 1e-7,
        })
    }

    #[test]
    fn events_come_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let events: Vec<_> = (1..=50).map(step).collect();
        let mut log = EventLog::open(&path, 0).unwrap();
        for event in &events {
            log.append(event).unwrap();
        }
        assert_eq!(log.events(), 50);
        assert_eq!(read_events(&path).unwrap(), events);
        let first = files::read_text(&path).unwrap().lines().next().unwrap().to_owned();
        assert!(first.starts_with(r#"{"event":"step","epoch":1,"step":1,"loss":0.9"#), "{first}");
    }

    #[test]
    fn opening_cuts_back_to_the_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let mut log = EventLog::open(&path, 0).unwrap();
        (1..=5).for_each(|n| log.append(&step(n)).unwrap());
        let mut log = EventLog::open(&path, 3).unwrap();
        log.append(&step(40)).unwrap();
        assert_eq!(log.events(), 4);
        assert_eq!(read_events(&path).unwrap(), [step(1), step(2), step(3), step(40)]);
    }

    #[test]
    fn a_line_cut_off_in_the_writing_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let line = serde_json::to_string(&step(1)).unwrap();
        std::fs::write(&path, format!("{line}\n{}", &line[..20])).unwrap();
        assert_eq!(read_events(&path).unwrap(), [step(1)]);
        match EventLog::open(&path, 2) {
            Err(EventsError::TooShort { expected: 2, found: 1, .. }) => {}
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_line_that_is_no_event_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        std::fs::write(
            &path,
            format!("{}\n{{\"event\":\"lunch\"}}\n", serde_json::to_string(&step(1)).unwrap()),
        )
        .unwrap();
        assert!(matches!(read_events(&path), Err(EventsError::Line { line: 2, .. })));
    }
}
