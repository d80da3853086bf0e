//! The course of the learning rate, and with one-cycle of the momentum, over a run.
//!
//! Every curve is a factor on `optimizer.learning_rate`: a warm-up to 1, then the decay of its kind. The first step of a run
//! is at 0 of it and the step after the last would be at 1.
//!
//! | `kind` | after the warm-up, with p going from 0 to 1 |
//! | --- | --- |
//! | `constant` | 1 |
//! | `linear` | from 1 to `final_factor` in a straight line |
//! | `cosine` | from 1 to `final_factor` as (1 + cos(pi p)) / 2 (Loshchilov and Hutter 2016) |
//! | `step` | times `step_factor` after every `step_epochs` epochs, warm-up included |
//! | `one_cycle` | as `cosine`, with a warm-up that is half a cosine too (Smith 2018, as PyTorch's `OneCycleLR`) |

#[cfg(test)]
mod tests;

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::range::{Invalid, check};

/// The section `[schedule]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleConfig {
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// `optimizer.learning_rate` in every step.
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

/// The place of a step in its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScheduleStep {
    /// Steps before it.
    pub done: u64,
    /// Steps of the run.
    pub total: u64,
    /// Steps of an epoch.
    pub per_epoch: u64,
}

/// The settings of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The factor on `optimizer.learning_rate`.
    pub rate_factor: f64,
    /// The momentum, where the schedule moves it.
    pub momentum: Option<f64>,
}

impl Default for ScheduleConfig {
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

impl ScheduleConfig {
    pub(crate) fn validate(&self) -> Result<(), Invalid> {
        check("schedule.warmup", self.warmup, 0.0..1.0, "a number from 0 to below 1")?;
        check("schedule.warmup_from", self.warmup_from, 0.0..=1.0, "a number from 0 to 1")?;
        check("schedule.final_factor", self.final_factor, 0.0..=1.0, "a number from 0 to 1")?;
        check("schedule.step_epochs", self.step_epochs, 1..=1_000_000, "1 to 1,000,000 epochs")?;
        check(
            "schedule.step_factor",
            self.step_factor,
            f64::MIN_POSITIVE..=1.0,
            "a number above 0, up to 1",
        )?;
        for momentum in self.momentum_range {
            check("schedule.momentum_range", momentum, 0.0..1.0, "two numbers from 0 to below 1")?;
        }
        Ok(())
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
                let falls = done / per_epoch.max(1) / self.step_epochs;
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
