//! The networks that a run learns from.

use adder_data::{Batch, Position};
use adder_model::{ADDENDS, Addends, DIGITS, Predictor, SUMS, SoftTargets, softmax, weights};
use adder_random::{Purpose, Stream};
use candle_core::{Device, Tensor};

use crate::checkpoint::CheckpointName;
use crate::config::Config;
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
}

/// What the teachers say of a batch.
#[derive(Debug)]
pub(crate) struct Answers {
    /// f32 `[pairs, 10]`.
    digits: Tensor,
    /// f32 `[pairs, 19]`.
    sums: Tensor,
    weight: f32,
}

impl Answers {
    pub(crate) fn as_targets(&self) -> SoftTargets<'_> {
        SoftTargets { digits: &self.digits, sums: &self.sums, weight: self.weight }
    }
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
        let own = &config.distillation;
        Ok(Some(Self { predictors, weight: own.weight, mixup: own.mixup }))
    }

    /// Makes the batch at `position` what the teachers are asked about and the student learns from: mixtures, where the run of
    /// `seed` has teachers and mixes.
    pub(crate) fn mix(&self, batch: &mut Batch, seed: u64, position: Position) {
        if !self.predictors.is_empty() && self.mixup > 0.0 {
            mix(batch, self.mixup, &mut Stream::new(seed, Purpose::Mixup, position.epoch, position.step));
        }
    }

    /// The mean of their probabilities for each pair of a batch; `None` where there is no teacher.
    pub(crate) fn answer(&self, batch: &Batch, device: &Device) -> adder_model::Result<Option<Answers>> {
        if self.predictors.is_empty() {
            return Ok(None);
        }
        let pairs = batch.pairs();
        let [mut digits, mut sums] = [DIGITS, SUMS].map(|classes| MeanOfRows::new(pairs, classes));
        // Rows of the pairs among those of all ten addends of each image.
        let per_image = pairs / batch.len();
        let rows: Vec<usize> =
            (0..pairs).map(|pair| pair / per_image * ADDENDS + usize::from(batch.addends[pair])).collect();
        for predictor in &self.predictors {
            let logits = predictor.predict_batch(&batch.images, Addends::All)?;
            digits.add(&logits.digit, &rows);
            sums.add(&logits.sum, &rows);
        }
        let tensor = |mean: MeanOfRows| {
            let classes = mean.classes;
            Tensor::from_vec(mean.finish(self.predictors.len()), (pairs, classes), device)
        };
        Ok(Some(Answers { digits: tensor(digits)?, sums: tensor(sums)?, weight: self.weight }))
    }
}

/// The mean over teachers of the probabilities in some rows of theirs. Not in logarithms as that of test-time augmentation: a
/// target needs no logarithm of a hopeless class, but the same bits on every machine.
struct MeanOfRows {
    classes: usize,
    sums: Vec<f32>,
    row: Vec<f32>,
}

impl MeanOfRows {
    fn new(rows: usize, classes: usize) -> Self {
        Self { classes, sums: vec![0.0; rows * classes], row: vec![0.0; classes] }
    }

    /// Adds the softmax of the logits in `rows`.
    fn add(&mut self, logits: &[f32], rows: &[usize]) {
        for (sums, row) in self.sums.chunks_exact_mut(self.classes).zip(rows) {
            self.row.copy_from_slice(&logits[row * self.classes..][..self.classes]);
            softmax(&mut self.row, self.classes);
            sums.iter_mut().zip(&self.row).for_each(|(sum, probability)| *sum += probability);
        }
    }

    fn finish(mut self, teachers: usize) -> Vec<f32> {
        let share = 1.0 / teachers as f32;
        self.sums.iter_mut().for_each(|sum| *sum *= share);
        self.sums
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
