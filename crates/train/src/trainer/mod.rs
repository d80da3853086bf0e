//! The training loop.

pub(crate) mod error;
mod finish;
pub mod gradients;
mod setup;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::File;
use std::time::Instant;

use adder_data::{Dataset, Position, Split, TrainLoader};
use adder_model::{IdentityAdder, Tally};
use adder_nn::optim::{Gradients, ScheduleStep};

pub use error::TrainError;

use crate::checkpoint::{CheckpointName, LoopState, TrainState};
use crate::config::Config;
use crate::divergence::Divergence;
use crate::environment::Machine;
use crate::evaluation::Report;
use crate::events::{Event, EventLog, StepEvent};
use crate::images::RunImages;
use crate::observer::{Observer, Progress, RunPlan, StopFlag};
use crate::run_directory::RunDirectory;
use crate::targets::TargetSource;
use gradients::next_gradients;

/// The end of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// All epochs are done; the report is on the evaluation set.
    Finished(Report),
    /// It was asked to stop, and saved; [`Trainer::resume`] takes it up.
    Stopped {
        /// The next step.
        position: Position,
        /// Steps of the run that are done.
        steps: u64,
    },
}

/// A run, ready to train.
#[derive(Debug)]
pub struct Trainer {
    directory: RunDirectory,
    config: Config,
    machine: Machine,
    data: Dataset,
    images: RunImages,
    train_state: TrainState,
    /// Learned from beside the labels.
    targets: Option<Box<dyn TargetSource>>,
    state: LoopState,
    events: EventLog,
    /// Keeps other programs out of the directory.
    _lock: File,
}

impl Trainer {
    /// The run directory.
    pub fn directory(&self) -> &RunDirectory {
        &self.directory
    }

    /// Everything that decides the run.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The data that it was started on.
    pub fn data(&self) -> &Dataset {
        &self.data
    }

    /// The images that train and validate.
    pub fn split(&self) -> &Split {
        &self.images.split
    }

    /// The machine that it is computed on.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The network to use, with the weights of the last checkpoint.
    pub fn model(&self) -> &IdentityAdder {
        self.train_state.result()
    }

    /// Lets the run learn from soft targets beside its labels.
    pub fn set_targets(&mut self, targets: Box<dyn TargetSource>) {
        self.targets = Some(targets);
    }

    /// Whether no step is left, so that at most the evaluation is.
    pub fn is_over(&self) -> bool {
        self.config.training.is_over(self.state.position.epoch, self.state.best.map(|best| best.epoch))
    }

    /// The outcome of a run that is stopped where it is.
    pub fn stopped(&self) -> Outcome {
        Outcome::Stopped { position: self.state.position, steps: self.state.steps }
    }

    /// Trains to the end and evaluates, or saves as soon as `stop` is requested.
    ///
    /// # Errors
    /// [`TrainError::NotFinite`] where the run diverges; otherwise where something cannot be computed or written.
    pub fn run(mut self, observer: &mut dyn Observer, stop: &StopFlag) -> Result<Outcome, TrainError> {
        if self.train(observer, stop)? {
            let report = self.evaluate(observer);
            return Ok(Outcome::Finished(self.noting_divergence(report)?));
        }
        Ok(self.stopped())
    }

    /// Trains to the end without a look at the evaluation set; `false` if `stop` was requested before, and the run saved.
    ///
    /// # Errors
    /// As [`Trainer::run`].
    pub fn train(&mut self, observer: &mut dyn Observer, stop: &StopFlag) -> Result<bool, TrainError> {
        let teachers = self.config.distillation.teachers;
        if teachers > 0 && self.targets.is_none() && !self.is_over() {
            return Err(TrainError::NoTargets(teachers));
        }
        observer.on_start(&self.plan());
        let done = self.epochs(observer, stop);
        self.noting_divergence(done)
    }

    /// The epochs that are left.
    fn epochs(&mut self, observer: &mut dyn Observer, stop: &StopFlag) -> Result<bool, TrainError> {
        let mut batches = self.loader()?;
        while !self.is_over() {
            while self.state.position.step < self.batches_per_epoch() {
                if stop.is_requested() {
                    self.save(CheckpointName::Last, BTreeMap::new(), observer)?;
                    return Ok(false);
                }
                let started = Instant::now();
                let (event, images) = self.step(&mut batches)?;
                self.state.training_seconds += started.elapsed().as_secs_f64();
                observer.on_step(&self.progress(&event, images));
            }
            self.finish_epoch(observer)?;
        }
        Ok(true)
    }

    /// One step of stochastic gradient descent, and the number of its images.
    fn step(&mut self, batches: &mut TrainLoader) -> Result<(StepEvent, usize), TrainError> {
        // Forward and backward.
        let (gradients, tally) = self.gradients(batches)?;
        let metrics = tally.metrics();
        let gradient_norm = gradients.norm()?;
        self.check_finite("gradient norm", gradient_norm)?;

        // Update.
        let gradients = gradients.clipped(gradient_norm, self.config.training.clip_norm)?;
        let place = ScheduleStep {
            done: self.state.steps,
            total: self.total_steps(),
            per_epoch: self.steps_per_epoch(),
        };
        let settings = self.config.schedule.at(place);
        self.train_state.optimizer.step_with(&gradients, settings)?;
        if let Some(averaged) = &self.train_state.averaged {
            averaged.ema.update(place.done)?;
        }

        // Record.
        self.state.steps += 1;
        self.state.training += tally;
        let event = StepEvent {
            epoch: self.state.position.epoch + 1,
            step: self.state.steps,
            loss: metrics.both.loss,
            accuracy: metrics.both.accuracy,
            learning_rate: self.config.optimizer.learning_rate * settings.rate_factor,
            gradient_norm,
        };
        self.events.append(&Event::Step(event))?;
        Ok((event, tally.pairs as usize / self.config.data.addends_per_image))
    }

    /// The gradients of the mean loss over the pairs of the next batches, as many as make a step.
    fn gradients(&mut self, batches: &mut TrainLoader) -> Result<(Gradients, Tally), TrainError> {
        let left = self.batches_per_epoch() - self.state.position.step;
        let count = self.config.training.accumulation.min(left);
        let next =
            next_gradients(&self.train_state.model, self.targets.as_deref(), batches, count, &self.config)?;
        self.check_finite("loss", next.1.metrics().both.loss)?;
        self.state.position.step += count;
        Ok(next)
    }

    fn loader(&self) -> Result<TrainLoader, TrainError> {
        let config = self.config.loader(self.machine.loader_workers);
        let train = self.images.split.train().to_vec();
        Ok(TrainLoader::new(self.data.train.clone(), train, config, self.state.position)?)
    }

    fn batches_per_epoch(&self) -> u64 {
        self.images.split.train().len().div_ceil(self.config.training.batch_size) as u64
    }

    fn steps_per_epoch(&self) -> u64 {
        self.config.training.steps_per_epoch(self.images.split.train().len())
    }

    fn total_steps(&self) -> u64 {
        self.config.training.epochs * self.steps_per_epoch()
    }

    fn plan(&self) -> RunPlan<'_> {
        RunPlan {
            directory: self.directory.path(),
            parameters: self
                .train_state
                .model
                .parameters()
                .iter()
                .map(|parameter| parameter.var.elem_count())
                .sum(),
            training_images: self.images.split.train().len(),
            validation_images: self.images.split.validation().len(),
            evaluation_images: self.images.evaluation.len(),
            epochs: self.config.training.epochs,
            steps_per_epoch: self.steps_per_epoch(),
            steps_before: self.state.steps,
        }
    }

    fn progress<'a>(&self, event: &'a StepEvent, images: usize) -> Progress<'a> {
        Progress {
            event,
            step_in_epoch: self.state.position.step.div_ceil(self.config.training.accumulation),
            steps_per_epoch: self.steps_per_epoch(),
            images,
            running: self.state.training.metrics(),
        }
    }

    /// Stops the run at a number of the step under way that is infinite or not a number.
    fn check_finite(&self, what: &'static str, value: f64) -> Result<(), TrainError> {
        if value.is_finite() {
            return Ok(());
        }
        let (epoch, step) = (self.state.position.epoch + 1, self.state.steps + 1);
        Err(TrainError::NotFinite(Divergence { what: what.into(), value, epoch, step }))
    }

    /// Keeps in the directory that the run diverged, if it did.
    fn noting_divergence<T>(&self, result: Result<T, TrainError>) -> Result<T, TrainError> {
        if let Err(TrainError::NotFinite(divergence)) = &result {
            self.directory.write_divergence(divergence)?;
        }
        result
    }
}
