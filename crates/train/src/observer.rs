//! Watching a run and stopping it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use adder_model::Metrics;

use crate::checkpoint::CheckpointName;
use crate::evaluation::{EvaluationSplit, Report};
use crate::events::{EpochEvent, StepEvent};

/// A watcher of a run. Every method does nothing unless it is written; `()` watches nothing.
pub trait Observer {
    /// Training starts or resumes.
    fn on_start(&mut self, _plan: &RunPlan<'_>) {}
    /// The weights were updated.
    fn on_step(&mut self, _progress: &Progress<'_>) {}
    /// A validation or evaluation over so many images starts, which takes a while.
    fn on_evaluation(&mut self, _split: EvaluationSplit, _images: usize) {}
    /// An epoch is over; `best` if its validation accuracy of both heads is the best so far.
    fn on_epoch(&mut self, _event: &EpochEvent, _best: bool) {}
    /// A checkpoint was written to a folder.
    fn on_checkpoint(&mut self, _name: CheckpointName, _folder: &Path) {}
    /// The evaluation set was evaluated, the last thing in a run.
    fn on_finish(&mut self, _report: &Report) {}
}

impl Observer for () {}

impl<O: Observer + ?Sized> Observer for &mut O {
    fn on_start(&mut self, plan: &RunPlan<'_>) {
        (**self).on_start(plan);
    }

    fn on_step(&mut self, progress: &Progress<'_>) {
        (**self).on_step(progress);
    }

    fn on_evaluation(&mut self, split: EvaluationSplit, images: usize) {
        (**self).on_evaluation(split, images);
    }

    fn on_epoch(&mut self, event: &EpochEvent, best: bool) {
        (**self).on_epoch(event, best);
    }

    fn on_checkpoint(&mut self, name: CheckpointName, folder: &Path) {
        (**self).on_checkpoint(name, folder);
    }

    fn on_finish(&mut self, report: &Report) {
        (**self).on_finish(report);
    }
}

/// The extent of a run, as it starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunPlan<'a> {
    /// The run directory.
    pub directory: &'a Path,
    /// Trained numbers in the network.
    pub parameters: usize,
    /// Images to train on.
    pub training_images: usize,
    /// Images to validate on.
    pub validation_images: usize,
    /// Images to evaluate on.
    pub evaluation_images: usize,
    /// Epochs of the whole run.
    pub epochs: u64,
    /// Steps of each epoch.
    pub steps_per_epoch: u64,
    /// Steps of the run that are done already: zero unless it resumes.
    pub steps_before: u64,
}

/// The progress of a run after a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress<'a> {
    /// The step.
    pub event: &'a StepEvent,
    /// Steps of this epoch so far, this one included.
    pub step_in_epoch: u64,
    /// Steps of each epoch.
    pub steps_per_epoch: u64,
    /// Images in the step's batches, each with one or more addends.
    pub images: usize,
    /// Over the epoch's batches so far.
    pub running: Metrics,
}

/// Asks a run to stop after the step that it is at. Clones ask the same run; a signal handler may hold one.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Asks.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
