//! The course of the learning rate, and with one-cycle of the momentum, over a training.

#[cfg(test)]
mod tests;

use std::f64::consts::PI;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// The course of the learning rate over a training, and with one-cycle of the momentum: a warm-up to the optimizer's learning
/// rate, then the decay of its kind. The first step of a training is at 0 of the curve and the step after the last would be at 1.
///
/// | `kind` | factor on the learning rate after the warm-up, with p going from 0 to 1 |
/// | --- | --- |
/// | [`Constant`](ScheduleKind::Constant) | 1 |
/// | [`Linear`](ScheduleKind::Linear) | from 1 to `final_factor` in a straight line |
/// | [`Cosine`](ScheduleKind::Cosine) | from 1 to `final_factor` as (1 + cos(pi p)) / 2 (Loshchilov and Hutter 2016) |
/// | [`Step`](ScheduleKind::Step) | times `step_factor` after every `step_epochs` epochs, warm-up included |
/// | [`OneCycle`](ScheduleKind::OneCycle) | as `Cosine`, with a warm-up that is half a cosine too (Smith 2018, as PyTorch's `OneCycleLR`) |
///
/// With the feature `serde` it is serde's data: a table of these fields, where what is left out has its default and what is
/// unknown is refused.
///
/// ```
/// use adder_nn::optim::{Schedule, ScheduleKind, ScheduleStep};
/// use adder_nn::{Optimizer, SGD};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let schedule = Schedule { kind: ScheduleKind::Cosine, warmup: 0.1, ..Schedule::default() };
/// schedule.check()?;
/// let mut optimizer = SGD::new(vec![], 0.1)?;
/// let total = 1000;
/// for done in 0..total {
///     let settings = schedule.at(ScheduleStep { done, total, per_epoch: 100 });
///     optimizer.set_settings(settings);
///     // optimizer.backward_step(&loss)?;
///     assert!(settings.rate_factor <= 1.0 && settings.momentum.is_none());
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Differences from candle-nn
/// candle-nn has no schedules.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize), serde(deny_unknown_fields, default))]
pub struct Schedule {
    /// The curve.
    pub kind: ScheduleKind,
    /// Part of all steps that the warm-up takes, 0 to below 1.
    pub warmup: f64,
    /// The factor that the warm-up starts from.
    pub warmup_from: f64,
    /// The factor that linear, cosine and one_cycle end at.
    pub final_factor: f64,
    /// Epochs between two falls of `step`.
    pub step_epochs: u64,
    /// The factor of the rate in a fall of `step`.
    pub step_factor: f64,
    /// The momentum of SGD and Muon and the first beta of AdamW in one_cycle: the first where the rate is highest, the
    /// second where it is lowest.
    pub momentum_range: [f64; 2],
}

/// The curve of the learning rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ScheduleKind {
    /// The optimizer's learning rate in every step.
    #[default]
    Constant,
    /// A straight line down.
    Linear,
    /// Half a cosine down.
    Cosine,
    /// Down by a factor every few epochs.
    Step,
    /// Half a cosine up, half a cosine down; the momentum goes the other way.
    OneCycle,
}

/// The place of a step in its training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScheduleStep {
    /// Steps before it.
    pub done: u64,
    /// Steps of the training.
    pub total: u64,
    /// Steps of an epoch.
    pub per_epoch: u64,
}

/// The settings of one step; by default those of the optimizer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The factor on the optimizer's learning rate.
    pub rate_factor: f64,
    /// The momentum, where the schedule moves it.
    pub momentum: Option<f64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { rate_factor: 1.0, momentum: None }
    }
}

/// A number of a schedule that is out of its range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field}: expected {expected}, found {found}")]
pub struct ScheduleError {
    /// The field of [`Schedule`].
    pub field: &'static str,
    /// The values that it may hold.
    pub expected: &'static str,
    /// The value that it holds.
    pub found: String,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            kind: ScheduleKind::Constant,
            warmup: 0.0,
            warmup_from: 0.04,
            final_factor: 0.0,
            step_epochs: 5,
            step_factor: 0.1,
            momentum_range: [0.85, 0.95],
        }
    }
}

impl Schedule {
    /// Checks the range of every number.
    ///
    /// # Errors
    /// [`ScheduleError`] of the first that is out of its range.
    pub fn check(&self) -> Result<(), ScheduleError> {
        let Self { warmup, warmup_from, final_factor, step_epochs, step_factor, momentum_range, .. } = *self;
        let below_one = 0.0..1.0;
        let refuse = |field, expected, found| Err(ScheduleError { field, expected, found });
        if !below_one.contains(&warmup) {
            return refuse("warmup", "a number from 0 to below 1", format!("{warmup:?}"));
        }
        for (field, value) in [("warmup_from", warmup_from), ("final_factor", final_factor)] {
            if !(0.0..=1.0).contains(&value) {
                return refuse(field, "a number from 0 to 1", format!("{value:?}"));
            }
        }
        if !(1..=1_000_000).contains(&step_epochs) {
            return refuse("step_epochs", "1 to 1,000,000 epochs", format!("{step_epochs:?}"));
        }
        if !(f64::MIN_POSITIVE..=1.0).contains(&step_factor) {
            return refuse("step_factor", "a number above 0, up to 1", format!("{step_factor:?}"));
        }
        match momentum_range.into_iter().find(|momentum| !below_one.contains(momentum)) {
            Some(momentum) => {
                refuse("momentum_range", "two numbers from 0 to below 1", format!("{momentum:?}"))
            }
            None => Ok(()),
        }
    }

    /// The settings of the step at `place`.
    pub fn at(&self, place: ScheduleStep) -> Settings {
        let ScheduleStep { done, total, per_epoch } = place;
        debug_assert!(done < total, "step {done} of a run of {total}");
        let warmup_steps = self.warmup * total as f64;
        let done_steps = done as f64;
        let (progress, from, to) = if done_steps < warmup_steps {
            (done_steps / warmup_steps, self.warmup_from, 1.0)
        } else {
            ((done_steps - warmup_steps) / (total as f64 - warmup_steps), 1.0, self.final_factor)
        };
        let warm = done_steps < warmup_steps;
        let rate_factor = match self.kind {
            ScheduleKind::OneCycle => cosine(from, to, progress),
            _ if warm => line(from, to, progress),
            ScheduleKind::Constant => 1.0,
            ScheduleKind::Linear => line(from, to, progress),
            ScheduleKind::Cosine => cosine(from, to, progress),
            ScheduleKind::Step => {
                let falls = done / per_epoch.max(1) / self.step_epochs.max(1);
                self.step_factor.powf(falls as f64)
            }
        };
        let [low, high] = self.momentum_range;
        let momentum = (self.kind == ScheduleKind::OneCycle).then(|| match warm {
            true => cosine(high, low, progress),
            false => cosine(low, high, progress),
        });
        Settings { rate_factor, momentum }
    }
}

fn line(from: f64, to: f64, progress: f64) -> f64 {
    from + (to - from) * progress
}

fn cosine(from: f64, to: f64, progress: f64) -> f64 {
    to + (from - to) * (1.0 + (PI * progress).cos()) / 2.0
}
