//! Event files for TensorBoard: `tensorboard --logdir runs` shows them.
//!
//! A run has one event file, and a run that was stopped and resumed has the same records in it as one that was not, but for their
//! times. TensorBoard's two readers do not agree on what a restart looks like: the data server (`--load_fast=true`) compares the
//! steps of each tag, the Python one (`--load_fast=false`) forgets steps at marks of a start. In a file that shows no restart there
//! is nothing to disagree on. So a session that resumes cuts the file back to the records that the run's `events.jsonl` has,
//! writes those that are missing, and goes on where the file ends. It is cut in place: a TensorBoard that watches reads on at the
//! offset where it was, since a record of a step has the same length every time.

mod content;
mod event_file;
#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use adder_experiment::RunObserver;
use adder_train::events::EpochEvent;
use adder_train::{Observer, Progress, Report, RunDirectory, RunPlan};
use prost::Message as _;

use crate::{Error, Figure, Result};
use content::Record;
use event_file::{EventMessage, Image, Kind, SummaryMessage, Value, What, frame, records};

/// The event file of a run in its folder, written as it happens. Scalars are `f32`, as TensorBoard has them.
#[derive(Debug)]
pub struct TensorBoard {
    path: PathBuf,
    file: File,
    /// Observers cannot fail; the first failure waits for [`finish`](Self::finish), and nothing is written after it.
    failure: Option<Error>,
    step: u64,
}

impl TensorBoard {
    /// The event file of a run that starts or resumes, once its events are those of the checkpoint that it starts from: the
    /// file says afterwards what they say. What it said already keeps its times; what it lacked has the time of now.
    ///
    /// # Errors
    /// [`Error::Write`] where the file cannot be read or written, [`Error::Run`] where the run's events cannot be read.
    pub fn open(run: &RunDirectory) -> Result<Self> {
        let mut expected = expected(run)?;
        let mut files = run.event_files()?.into_iter();
        let new = || run.event_file_path(&format!("{}.{}", now() as u64, std::process::id()));
        let path = files.next().unwrap_or_else(new);
        // Of an older version, which began a new file on each resumption.
        for other in files {
            fs::remove_file(&other).map_err(|error| failed(&other, &error))?;
        }
        let (file, kept) = cut_back(&path, &expected).map_err(|error| failed(&path, &error))?;
        let step = expected.last().map_or(0, |record| record.step);
        let mut board = Self { path, file, failure: None, step };
        expected.drain(..kept).for_each(drop);
        expected.into_iter().for_each(|record| board.write(record));
        match board.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(board),
        }
    }

    /// Whether the event file of a finished run has all of its records and, behind them, as many as its figures are.
    ///
    /// # Errors
    /// [`Error::Write`] where the file cannot be read, [`Error::Run`] where the run's files cannot.
    pub fn is_complete(run: &RunDirectory, figures: usize) -> Result<bool> {
        let [path] = &run.event_files()?[..] else { return Ok(false) };
        let found = fs::read(path).map_err(|error| failed(path, &error))?;
        let expected = expected(run)?;
        let whole = records(&found).last().map_or(0, |(_, end)| end) == found.len();
        Ok(whole
            && count(&found, &expected).0 == expected.len()
            && records(&found).count() == expected.len() + figures)
    }

    /// Adds figures, each under its name, at the step of the last event.
    ///
    /// # Errors
    /// [`Error::Draw`].
    pub fn add_figures(&mut self, figures: &[(&str, Figure)]) -> Result<()> {
        for (name, figure) in figures {
            let image = Image {
                height: figure.height.round() as i32,
                width: figure.width.round() as i32,
                colorspace: 4,
                encoded_image_string: figure.to_png(1.0)?,
            };
            let value = Value { tag: format!("figures/{name}"), kind: Some(Kind::Image(image)) };
            let what = What::Summary(SummaryMessage { value: vec![value] });
            self.write(Record { step: self.step, what });
        }
        Ok(())
    }

    /// Flushes the file to the disk.
    ///
    /// # Errors
    /// [`Error::Write`], also where an earlier event could not be written.
    pub fn finish(self) -> Result<()> {
        match self.failure {
            Some(failure) => Err(failure),
            None => self.file.sync_all().map_err(|error| failed(&self.path, &error)),
        }
    }

    fn write(&mut self, Record { step, what }: Record) {
        if self.failure.is_some() {
            return;
        }
        let event = EventMessage { wall_time: now(), step: step as i64, what: Some(what) };
        if let Err(error) = self.file.write_all(&frame(&event.encode_to_vec())) {
            self.failure = Some(failed(&self.path, &error));
        }
    }
}

impl Observer for TensorBoard {
    fn on_start(&mut self, plan: &RunPlan<'_>) {
        self.step = plan.steps_before;
    }

    fn on_step(&mut self, progress: &Progress<'_>) {
        self.step = progress.event.step;
        self.write(content::step(progress.event));
    }

    fn on_epoch(&mut self, event: &EpochEvent, _best: bool) {
        self.write(content::epoch(event));
    }

    fn on_finish(&mut self, report: &Report) {
        self.write(content::evaluation(self.step, report));
    }
}

/// The file is of the run alone: nothing of its teachers.
impl RunObserver for TensorBoard {}

/// The records that a run's files say, but for its figures.
fn expected(run: &RunDirectory) -> Result<Vec<Record>> {
    let mut expected = vec![content::head()];
    expected.extend(run.events()?.iter().map(content::event));
    let step = expected.last().map_or(0, |record| record.step);
    expected.extend(run.evaluation()?.map(|report| content::evaluation(step, &report)));
    Ok(expected)
}

/// The file, or a new one, cut back to the first of its records that are the `expected` ones, and the number of those.
fn cut_back(path: &Path, expected: &[Record]) -> io::Result<(File, usize)> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    let (count, end) = count(&fs::read(path)?, expected);
    file.set_len(end)?;
    file.seek(SeekFrom::Start(end))?;
    Ok((file, count))
}

/// The number of the first records of a file that are the `expected` ones, and the place where they end.
fn count(found: &[u8], expected: &[Record]) -> (usize, u64) {
    let is_expected = |&((data, _), expected): &((&[u8], usize), &Record)| {
        EventMessage::decode(data).is_ok_and(|event| {
            event.step == expected.step as i64 && event.what.as_ref() == Some(&expected.what)
        })
    };
    let kept = records(found).zip(expected).take_while(is_expected);
    kept.fold((0, 0), |(count, _), ((_, end), _)| (count + 1, end as u64))
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

fn failed(path: &Path, error: &io::Error) -> Error {
    Error::Write { path: path.to_owned(), reason: error.to_string() }
}
