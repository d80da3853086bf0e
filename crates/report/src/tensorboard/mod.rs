//! Event files for TensorBoard: `tensorboard --logdir runs` shows them.

mod event_file;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use adder_experiment::RunObserver;
use adder_model::Metrics;
use adder_train::events::EpochEvent;
use adder_train::{Observer, Progress, Report, RunDirectory, RunPlan};
use prost::Message as _;

use crate::{Error, Figure, Result};
use event_file::{EventMessage, Image, Kind, SessionLog, SummaryMessage, Value, What, frame};

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
    /// A new event file in the run's folder, beside those of earlier sessions.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn create(run: &RunDirectory) -> Result<Self> {
        let path = run.event_file_path(&format!("{}.{}", now() as u64, std::process::id()));
        let file = File::create(&path).map_err(|error| failed(&path, &error))?;
        let mut board = Self { path, file, failure: None, step: 0 };
        // What is not of this version is not read.
        board.write(0, What::FileVersion("brain.Event:2".into()));
        Ok(board)
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
            self.write(self.step, What::Summary(SummaryMessage { value: vec![value] }));
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

    fn scalars(&mut self, step: u64, values: &[(String, f64)]) {
        let value = |(tag, value): &(String, f64)| Value {
            tag: tag.clone(),
            kind: Some(Kind::Scalar(*value as f32)),
        };
        self.write(step, What::Summary(SummaryMessage { value: values.iter().map(value).collect() }));
    }

    fn write(&mut self, step: u64, what: What) {
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
        self.write(plan.steps_before + 1, What::SessionLog(SessionLog { status: 1 }));
    }

    fn on_step(&mut self, progress: &Progress<'_>) {
        let event = progress.event;
        self.step = event.step;
        let values = [
            ("step/loss", event.loss),
            ("step/accuracy", event.accuracy),
            ("step/learning_rate", event.learning_rate),
            ("step/gradient_norm", event.gradient_norm),
        ];
        self.scalars(event.step, &values.map(|(tag, value)| (tag.into(), value)));
    }

    fn on_epoch(&mut self, event: &EpochEvent, _best: bool) {
        let values = [("training", &event.training), ("validation", &event.validation)];
        let values: Vec<_> =
            values.into_iter().flat_map(|(set, metrics)| head_scalars(set, metrics)).collect();
        self.scalars(event.step, &values);
    }

    fn on_finish(&mut self, report: &Report) {
        self.scalars(self.step, &head_scalars("evaluation", &report.metrics));
    }
}

/// The file is of the run alone: nothing of its teachers.
impl RunObserver for TensorBoard {}

fn head_scalars(set: &str, metrics: &Metrics) -> Vec<(String, f64)> {
    [("digit", metrics.digit), ("sum", metrics.sum), ("both", metrics.both)]
        .into_iter()
        .flat_map(|(head, of)| {
            [(format!("{set}_loss/{head}"), of.loss), (format!("{set}_accuracy/{head}"), of.accuracy)]
        })
        .collect()
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::Write { path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use adder_experiment::TeacherNumber;
    use adder_model::HeadMetrics;
    use adder_train::events::StepEvent;
    use adder_train::{EvaluationSplit, IfExists};

    use super::*;

    /// Six numbers from `first` on.
    fn metrics(first: f64) -> Metrics {
        let head = |at: f64| HeadMetrics { loss: first + at, accuracy: first + at + 1.0 };
        Metrics { digit: head(0.0), sum: head(2.0), both: head(4.0) }
    }

    /// Step, tag and value of every scalar of an event file.
    fn scalars(mut file: &[u8]) -> Vec<(i64, String, f32)> {
        let mut found = Vec::new();
        while let Some((length, rest)) = file.split_first_chunk::<8>() {
            let length = u64::from_le_bytes(*length) as usize;
            let event = EventMessage::decode(&rest[4..4 + length]).unwrap();
            if let Some(What::Summary(summary)) = event.what {
                found.extend(summary.value.into_iter().filter_map(|value| match value.kind {
                    Some(Kind::Scalar(scalar)) => Some((event.step, value.tag, scalar)),
                    _ => None,
                }));
            }
            file = &rest[8 + length..];
        }
        found
    }

    #[test]
    fn every_number_stands_under_its_own_tag() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDirectory::create(folder.path().join("run"), IfExists::Fail).unwrap();
        let mut board = TensorBoard::create(&run).unwrap();
        let path = board.path.clone();
        let event = StepEvent {
            epoch: 1,
            step: 3,
            loss: 0.5,
            accuracy: 25.0,
            learning_rate: 0.125,
            gradient_norm: 2.0,
        };
        let (step_in_epoch, steps_per_epoch, images, running) = (3, 3, 8, metrics(0.0));
        let progress = Progress { event: &event, step_in_epoch, steps_per_epoch, images, running };
        // A teacher's step is none of the run's.
        board.teacher(TeacherNumber { number: 1, count: 1 }).on_step(&progress);
        board.on_step(&progress);
        let (training, validation) = (metrics(10.0), metrics(20.0));
        let (training_seconds, validation_seconds) = (1.0, 1.0);
        let epoch =
            EpochEvent { epoch: 1, step: 3, training, validation, training_seconds, validation_seconds };
        board.on_epoch(&epoch, true);
        let split = EvaluationSplit::Evaluation;
        board.on_finish(&Report { split, images: 8, pairs: 8, metrics: metrics(30.0) });
        board.finish().unwrap();

        let mut expected = vec![
            ("step/loss".to_owned(), 0.5),
            ("step/accuracy".into(), 25.0),
            ("step/learning_rate".into(), 0.125),
            ("step/gradient_norm".into(), 2.0),
        ];
        for (set, first) in [("training", 10.0), ("validation", 20.0), ("evaluation", 30.0)] {
            for (head, at) in [("digit", 0.0), ("sum", 2.0), ("both", 4.0)] {
                expected.push((format!("{set}_loss/{head}"), first + at));
                expected.push((format!("{set}_accuracy/{head}"), first + at + 1.0));
            }
        }
        let expected: Vec<_> = expected.into_iter().map(|(tag, value)| (3, tag, value)).collect();
        assert_eq!(scalars(&std::fs::read(path).unwrap()), expected);
    }
}
