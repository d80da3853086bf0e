//! The state of the dashboard, and what keys do to it.

use std::time::{Duration, Instant};

use adder_experiment::TeacherNumber;
use adder_train::events::EpochEvent;
use adder_train::{Progress, RunPlan};

/// Points of a curve; beyond them, every second one is dropped.
const MOST_POINTS: usize = 2000;

/// An image that the network of the last checkpoint gets wrong.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mistake {
    pub(super) pixels: [u8; adder_data::PIXELS],
    /// Such as `4 + 3`.
    pub(super) asked: String,
    /// Such as `9, 12`.
    pub(super) answered: String,
}

/// Everything that is drawn.
#[derive(Debug)]
pub(super) struct DashboardState {
    /// The run, and which of its teachers is in training.
    pub(super) title: String,
    pub(super) epochs: u64,
    pub(super) steps_per_epoch: u64,
    steps_before: u64,
    pub(super) epoch: u64,
    pub(super) step: u64,
    pub(super) step_in_epoch: u64,
    pub(super) learning_rate: f64,
    pub(super) losses: MovingAverage,
    pub(super) accuracies: MovingAverage,
    /// Step and accuracy of both heads in validation.
    pub(super) validation: Vec<(f64, f64)>,
    pub(super) best: Option<(u64, f64)>,
    pub(super) doing: &'static str,
    pub(super) paused: bool,
    pub(super) mistakes: Vec<Mistake>,
    images: u64,
    /// Time at work, pauses left out.
    worked: Duration,
    since: Instant,
}

/// A moving average over the steps, short enough to draw.
#[derive(Clone, Debug, Default)]
pub(super) struct MovingAverage {
    pub(super) points: Vec<(f64, f64)>,
    average: Option<f64>,
    /// One of so many steps is kept.
    every: u64,
}

impl MovingAverage {
    fn push(&mut self, step: u64, value: f64) {
        // The weight of about the last fifty steps.
        let average = self.average.map_or(value, |average| average + 0.02 * (value - average));
        self.average = Some(average);
        if step.is_multiple_of(self.every.max(1)) {
            self.points.push((step as f64, average));
        }
        if self.points.len() > MOST_POINTS {
            self.every = 2 * self.every.max(1);
            let mut place = 0;
            self.points.retain(|_| {
                place += 1;
                place % 2 == 0
            });
        }
    }

    /// The moving average now.
    pub(super) fn last(&self) -> f64 {
        self.average.unwrap_or(0.0)
    }
}

impl DashboardState {
    /// The state at the start of a run, or of the training of one of its teachers.
    pub(super) fn new(plan: &RunPlan<'_>, teacher: Option<TeacherNumber>) -> Self {
        let run = plan.directory.display();
        Self {
            title: teacher.map_or_else(|| run.to_string(), |teacher| format!("{teacher}, {run}")),
            epochs: plan.epochs,
            steps_per_epoch: plan.steps_per_epoch,
            steps_before: plan.steps_before,
            epoch: plan.steps_before / plan.steps_per_epoch.max(1) + 1,
            step: plan.steps_before,
            step_in_epoch: 0,
            learning_rate: 0.0,
            losses: MovingAverage::default(),
            accuracies: MovingAverage::default(),
            validation: Vec::new(),
            best: None,
            doing: "training",
            paused: false,
            mistakes: Vec::new(),
            images: 0,
            worked: Duration::ZERO,
            since: Instant::now(),
        }
    }

    pub(super) fn step(&mut self, progress: &Progress<'_>) {
        let event = progress.event;
        (self.epoch, self.step, self.step_in_epoch) = (event.epoch, event.step, progress.step_in_epoch);
        self.learning_rate = event.learning_rate;
        self.losses.push(event.step, event.loss);
        self.accuracies.push(event.step, event.accuracy);
        self.images += progress.images as u64;
        self.doing = "training";
    }

    pub(super) fn epoch(&mut self, event: &EpochEvent, best: bool) {
        let accuracy = event.validation.both.accuracy;
        self.validation.push((event.step as f64, accuracy));
        if best {
            self.best = Some((event.epoch, accuracy));
        }
    }

    /// Pauses or goes on, as the caller does it.
    pub(super) fn pause(&mut self, pause: bool) {
        self.worked = self.seconds_worked();
        self.since = Instant::now();
        self.paused = pause;
    }

    fn seconds_worked(&self) -> Duration {
        if self.paused { self.worked } else { self.worked + self.since.elapsed() }
    }

    pub(super) fn images_per_second(&self) -> f64 {
        self.images as f64 / self.seconds_worked().as_secs_f64().max(1e-9)
    }

    /// Seconds to the end of the run at the pace so far.
    pub(super) fn seconds_left(&self) -> f64 {
        let done = self.step.saturating_sub(self.steps_before).max(1);
        let left = (self.epochs * self.steps_per_epoch).saturating_sub(self.step);
        self.seconds_worked().as_secs_f64() * left as f64 / done as f64
    }
}
