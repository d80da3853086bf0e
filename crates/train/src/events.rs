//! `events.jsonl`: what happened in a run, one JSON object a line.
//!
//! A run that was stopped and resumed has the same file as one that was not, but for the fields whose names end in
//! `seconds`: on resuming, the file is cut back to what the checkpoint knows of.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use adder_model::Metrics;
use serde::{Deserialize, Serialize};

use crate::checkpoint::CheckpointName;
use crate::files::{self, FileError, failed};
use crate::manifest::{self, Checksum, MANIFEST, ManifestError};

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
    /// The lines that the checkpoint knows of are not those that were written.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
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
    parse(path, &files::read(path)?)
}

/// The same, where the first of them are held to what the last checkpoint knows of them, if it does.
pub(crate) fn read_checked_events(
    path: &Path,
    expected: Option<Checksum>,
) -> Result<Vec<Event>, EventsError> {
    let bytes = files::read(path)?;
    let events = parse(path, &bytes)?;
    check(path, &bytes, expected)?;
    Ok(events)
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<Event>, EventsError> {
    let whole = &bytes[..bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1)];
    let parse = |(index, line): (usize, &[u8])| {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        serde_json::from_slice(line).map_err(|error| EventsError::Line {
            path: path.to_owned(),
            line: index + 1,
            message: files::json_problem(line, &error),
        })
    };
    whole.split_inclusive(|&byte| byte == b'\n').enumerate().map(parse).collect()
}

/// Holds the first bytes of the file to the checksum of as many.
fn check(path: &Path, bytes: &[u8], expected: Option<Checksum>) -> Result<(), EventsError> {
    let Some(expected) = expected else { return Ok(()) };
    let known = usize::try_from(expected.bytes).map_or(bytes.len(), |known| known.min(bytes.len()));
    let manifest = files::parent(path).join(CheckpointName::Last.as_str()).join(MANIFEST);
    Ok(manifest::check(path, &manifest, &[expected], &bytes[..known])?)
}

/// The file while it grows.
#[derive(Debug)]
pub(crate) struct EventLog {
    path: PathBuf,
    file: File,
    events: u64,
    /// Of all bytes so far: a checkpoint writes their checksum without reading them again.
    hasher: crc32fast::Hasher,
    bytes: u64,
}

impl EventLog {
    /// Opens the file, or makes an empty one, cut back to its first `events` lines, which are held to what the checkpoint knows of
    /// them, if it does.
    pub(crate) fn open(path: &Path, events: u64, expected: Option<Checksum>) -> Result<Self, EventsError> {
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
        let kept = &text[..keep as usize];
        if expected.is_some() {
            // A line that is no event says more than a checksum does.
            parse(path, kept)?;
            check(path, &text, expected)?;
        }
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(kept);
        file.set_len(keep)
            .and_then(|()| file.seek(SeekFrom::Start(keep)))
            .map_err(failed("cut back", path))?;
        Ok(Self { path: path.to_owned(), file, events, hasher, bytes: keep })
    }

    /// Number of them.
    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    /// The checksum of all of them.
    pub(crate) fn checksum(&self) -> Checksum {
        Checksum { bytes: self.bytes, crc32: self.hasher.clone().finalize() }
    }

    /// Adds one. A reader sees it at once; [`sync`](Self::sync) makes it last.
    pub(crate) fn append(&mut self, event: &Event) -> Result<(), EventsError> {
        let mut line = serde_json::to_string(event).expect("events are numbers under fixed names");
        line.push('\n');
        self.file.write_all(line.as_bytes()).map_err(failed("write", &self.path))?;
        self.events += 1;
        self.hasher.update(line.as_bytes());
        self.bytes += line.len() as u64;
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
        let mut log = EventLog::open(&path, 0, None).unwrap();
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
        let mut log = EventLog::open(&path, 0, None).unwrap();
        (1..=5).for_each(|n| log.append(&step(n)).unwrap());
        let mut log = EventLog::open(&path, 3, None).unwrap();
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
        match EventLog::open(&path, 2, None) {
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
