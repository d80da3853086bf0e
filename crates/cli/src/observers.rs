//! Several observers of one run.

use std::ops::DerefMut;
use std::path::Path;

use adder_experiment::{RunObserver, TeacherNumber};
use adder_train::events::EpochEvent;
use adder_train::{CheckpointName, EvaluationSplit, Observer, Progress, Report, RunPlan};

/// Observers that are told everything, in order.
pub(crate) struct Observers<O>(pub(crate) Vec<O>);

impl<O: DerefMut<Target: Observer>> Observer for Observers<O> {
    fn on_start(&mut self, plan: &RunPlan<'_>) {
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

impl<O: DerefMut<Target: RunObserver>> RunObserver for Observers<O> {
    fn teacher(&mut self, teacher: TeacherNumber) -> Box<dyn Observer + '_> {
        Box::new(Observers(self.0.iter_mut().map(|observer| observer.teacher(teacher)).collect()))
    }
}
