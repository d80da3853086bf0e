//! How the learning rate moves over a run.

use serde::{Deserialize, Serialize};

/// The section `[schedule]`: one `kind` and what belongs to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleConfig {
    /// The curve.
    pub kind: ScheduleKind,
}

/// The curve of the learning rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// `optimizer.learning_rate` in every step.
    #[default]
    Constant,
}

impl ScheduleConfig {
    /// The factor on `optimizer.learning_rate` in the step that `done` steps of `total` came before.
    pub fn factor(&self, done: u64, total: u64) -> f64 {
        debug_assert!(done < total, "step {done} of a run of {total}");
        match self.kind {
            ScheduleKind::Constant => 1.0,
        }
    }
}
