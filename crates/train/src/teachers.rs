//! The networks that a run learns from.

use adder_data::{Batch, Position};
use adder_model::{Addends, Predictor, weights};
use adder_random::{Purpose, Stream};
use candle_core::Device;

use crate::answers::{Answers, PairTargets};
use crate::checkpoint::CheckpointName;
use crate::config::{Config, DistillationConfig};
use crate::evaluation::EvaluationSplit;
use crate::events::EpochEvent;
use crate::mixup::mix;
use crate::observer::{Observer, Plan, Progress};
use crate::run_directory::RunDirectory;
use crate::series::Series;
use crate::trainer::TrainError;

/// Trained networks whose answers are targets; none by default.
#[derive(Debug, Default)]
pub(crate) struct Teachers {
    predictors: Vec<Predictor>,
    weight: f32,
    mixup: f32,
    consistent: bool,
}

impl Teachers {
    /// The teachers of the run of `config` in `directory`, trained as far as they are not yet; `None` if the series was
    /// stopped.
    pub(crate) fn complete(
        directory: &RunDirectory,
        config: &Config,
        series: &Series<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Option<Self>, TrainError> {
        let count = config.distillation.teachers;
        let mut predictors = Vec::new();
        for number in 1..=count {
            let mut observer = OfTeacher { observer, number, count };
            let teacher = config.teacher(number);
            let run = series.complete(&directory.teacher_path(number), &teacher, &mut observer);
            let run = run.map_err(|error| TrainError::Teacher { number, error: Box::new(error) })?;
            let Some(run) = run else { return Ok(None) };
            let weights = run.weights(teacher.training.evaluate)?;
            let (model, _) = weights::load(&weights, &series.machine.device)?;
            predictors.push(Predictor::new(&model.with_backend(series.machine.backend)?)?);
        }
        let &DistillationConfig { weight, mixup, consistent, .. } = &config.distillation;
        Ok(Some(Self { predictors, weight, mixup, consistent }))
    }

    /// Makes the batch at `position` what the teachers are asked about and the student learns from: mixtures, where the run of
    /// `seed` has teachers and mixes.
    pub(crate) fn mix(&self, batch: &mut Batch, seed: u64, position: Position) {
        if !self.predictors.is_empty() && self.mixup > 0.0 {
            mix(batch, self.mixup, &mut Stream::new(seed, Purpose::Mixup, position.epoch, position.step));
        }
    }

    /// The mean of their probabilities for each pair of a batch; `None` where there is no teacher.
    pub(crate) fn answer(&self, batch: &Batch, device: &Device) -> adder_model::Result<Option<PairTargets>> {
        if self.predictors.is_empty() {
            return Ok(None);
        }
        let predictions = self.predictors.iter();
        let predictions = predictions.map(|predictor| predictor.predict_batch(&batch.images, Addends::All));
        let mut answers = Answers::mean(predictions)?;
        if self.consistent {
            answers.agree();
        }
        Ok(Some(answers.for_pairs(batch, self.weight, device)?))
    }
}

/// Tells an observer of a run about the training of one of its teachers.
struct OfTeacher<'a> {
    observer: &'a mut dyn Observer,
    number: u64,
    count: u64,
}

impl Observer for OfTeacher<'_> {
    fn on_start(&mut self, plan: &Plan<'_>) {
        self.observer.on_start(&Plan { teacher: Some((self.number, self.count)), ..*plan });
    }

    fn on_step(&mut self, progress: &Progress<'_>) {
        self.observer.on_step(progress);
    }

    fn on_evaluation(&mut self, split: EvaluationSplit, images: usize) {
        self.observer.on_evaluation(split, images);
    }

    fn on_epoch(&mut self, event: &EpochEvent, best: bool) {
        self.observer.on_epoch(event, best);
    }

    fn on_checkpoint(&mut self, name: CheckpointName, folder: &std::path::Path) {
        self.observer.on_checkpoint(name, folder);
    }
}
