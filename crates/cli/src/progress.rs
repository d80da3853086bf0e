//! The progress of a run: a bar on a terminal, plain lines elsewhere, one clear line an epoch either way.

use std::time::{Duration, Instant};

use adder_experiment::{RunObserver, TeacherNumber};
use adder_model::{counted, thousands};
use adder_report::format::duration;
use adder_train::events::EpochEvent;
use adder_train::{EvaluationSplit, Observer, Progress, Report, RunPlan};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::{self, shown};

/// The time between two lines where there is no bar, at most.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Writes a run's progress to standard error.
pub(crate) struct Watcher {
    /// Said before the first line.
    label: String,
    quiet: bool,
    bar: ProgressBar,
    plain: bool,
    epochs: u64,
    steps_per_epoch: u64,
    steps_before: u64,
    /// The start of this session's first step, and the images trained on since.
    started: Instant,
    images: u64,
    last_line: Instant,
}

impl Watcher {
    /// A quiet one says nothing at all.
    pub(crate) fn new(quiet: bool) -> Self {
        // Hidden where nothing can be drawn: no terminal, or one that cannot move its cursor (`TERM=dumb`, or none).
        let drawn = ProgressDrawTarget::stderr_with_hz(10);
        let plain = drawn.is_hidden();
        let target = if quiet { ProgressDrawTarget::hidden() } else { drawn };
        let now = Instant::now();
        Self {
            label: String::new(),
            quiet,
            bar: ProgressBar::with_draw_target(None, target),
            plain: plain && !quiet,
            epochs: 0,
            steps_per_epoch: 0,
            steps_before: 0,
            started: now,
            images: 0,
            last_line: now,
        }
    }

    fn say(&self, line: &str) {
        if self.plain {
            output::say(line);
        } else {
            self.bar.println(output::escaped(line));
        }
    }

    fn images_per_second(&self) -> f64 {
        self.images as f64 / self.started.elapsed().as_secs_f64().max(1e-9)
    }

    /// Seconds to the end of the run at the pace so far.
    fn eta(&self, steps_done: u64) -> f64 {
        let done = steps_done.saturating_sub(self.steps_before).max(1);
        let left = (self.epochs * self.steps_per_epoch).saturating_sub(steps_done);
        self.started.elapsed().as_secs_f64() * left as f64 / done as f64
    }
}

impl Observer for Watcher {
    fn on_start(&mut self, plan: &RunPlan<'_>) {
        self.epochs = plan.epochs;
        self.steps_per_epoch = plan.steps_per_epoch;
        self.steps_before = plan.steps_before;
        let images = [plan.validation_images, plan.evaluation_images].map(|images| thousands(images as u64));
        self.say(&format!(
            "{}{}; {} to train on, {} to validate, {} to evaluate",
            self.label,
            counted(plan.parameters as u64, "parameter"),
            counted(plan.training_images as u64, "image"),
            images[0],
            images[1]
        ));
        let (run, done) = (shown(plan.directory), plan.steps_before);
        match done {
            0 => {
                let (epochs, steps) = (counted(plan.epochs, "epoch"), counted(plan.steps_per_epoch, "step"));
                self.say(&format!("{epochs} of {steps} into {run}"));
            }
            _ => self.say(&format!("resuming {run} after step {}", thousands(done))),
        }
        self.bar.set_length(plan.steps_per_epoch);
        if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:24}] {pos}/{len}  {msg}") {
            self.bar.set_style(style.progress_chars("=> "));
        }
        self.images = 0;
        self.started = Instant::now();
        self.last_line = self.started;
    }

    fn on_step(&mut self, progress: &Progress<'_>) {
        self.images += progress.images as u64;
        let line_is_due = self.plain && self.last_line.elapsed() >= LINE_EVERY;
        if !line_is_due && self.bar.is_hidden() {
            return;
        }
        let prefix = format!("epoch {}/{}", progress.event.epoch, self.epochs);
        let both = progress.running.both;
        let message = format!(
            "loss {:.4}  both {:.2} %  {} images/s  {} left",
            both.loss,
            both.accuracy,
            thousands(self.images_per_second() as u64),
            duration(self.eta(progress.event.step))
        );
        if line_is_due {
            self.last_line = Instant::now();
            let (step, steps) = (progress.step_in_epoch, progress.steps_per_epoch);
            self.say(&format!("{prefix}, step {step}/{steps}: {message}"));
        } else {
            self.bar.set_prefix(prefix);
            self.bar.set_message(message);
            self.bar.set_position(progress.step_in_epoch);
        }
    }

    fn on_evaluation(&mut self, split: EvaluationSplit, images: usize) {
        let what = match split {
            EvaluationSplit::Validation => "validating",
            EvaluationSplit::Evaluation => "evaluating",
        };
        self.bar.set_message(format!("{what} on {}", counted(images as u64, "image")));
    }

    fn on_epoch(&mut self, event: &EpochEvent, best: bool) {
        let (training, validation) = (event.training.both, event.validation.both);
        self.say(&format!(
            "epoch {:>2}/{}  loss {:.4}  both {:.2} %  |  validation loss {:.4}  both {:.2} %{}  |  {}",
            event.epoch,
            self.epochs,
            training.loss,
            training.accuracy,
            validation.loss,
            validation.accuracy,
            if best { " (best)" } else { "       " },
            duration(event.training_seconds + event.validation_seconds)
        ));
        self.last_line = Instant::now();
        self.bar.set_position(0);
    }

    fn on_finish(&mut self, _report: &Report) {
        self.bar.finish_and_clear();
    }
}

impl RunObserver for Watcher {
    fn teacher(&mut self, teacher: TeacherNumber) -> Box<dyn Observer + '_> {
        let mut watcher = Self::new(self.quiet);
        watcher.label = format!("{teacher}: ");
        Box::new(watcher)
    }
}

impl Drop for Watcher {
    /// An error, or Ctrl-C, must not leave half a bar on the screen.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
