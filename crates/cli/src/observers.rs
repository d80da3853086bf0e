//! Several observers of one run.

use std::path::Path;

use adder_train::events::EpochEvent;
use adder_train::{CheckpointName, EvaluationSplit, Observer, Plan, Progress, Report};

/// Tells each of them everything, in order.
pub(crate) struct Observers<'a>(pub(crate) Vec<&'a mut dyn Observer>);

impl Observer for Observers<'_> {
    fn on_start(&mut self, plan: &Plan<'_>) {
        self.0.iter_mut().for_each(|observer| observer.on_start(plan));
    }

    fn on_step(&mut self, progress: &Progress<'_>) {
        self.0.iter_mut().for_each(|observer| observer.on_step(progress));
    }

    fn on_evaluation(&mut self, split: EvaluationSplit, images: usize) {
        self.0.iter_mut().for_each(|observer| observer.on_evaluation(split, images));
    }

    fn on_epoch(&mut self, event: &EpochEvent, best: bool) {
        self.0.iter_mut().for_each(|observer| observer.on_epoch(event, best));
    }

    fn on_checkpoint(&mut self, name: CheckpointName, folder: &Path) {
        self.0.iter_mut().for_each(|observer| observer.on_checkpoint(name, folder));
    }

    fn on_finish(&mut self, report: &Report) {
        self.0.iter_mut().for_each(|observer| observer.on_finish(report));
    }
}
