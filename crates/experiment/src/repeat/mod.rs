//! The same recipe with several seeds: how its results spread.
//!
//! One seed's figure has a standard error of about 0.08 points on ten thousand images, so a recipe is judged by the mean of
//! several.

mod diverged;
mod measurements;
mod spread;
mod table;

use serde::{Deserialize, Serialize};

pub use diverged::DivergedRun;
pub use measurements::{Measurements, RepeatError};
pub use spread::Spread;

/// The runs of a repetition, measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repetition {
    /// Each run, in the order of the seeds.
    pub runs: Vec<Measurements>,
    /// The runs that diverged, in the order of the seeds: nothing of them can be measured.
    #[serde(default)]
    pub diverged: Vec<DivergedRun>,
    /// The spread of each metric over the measured runs, where every one of them has it.
    pub summary: RepetitionSummary,
}

/// The spread of each metric of [`Measurements`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the spread of the field of the same name in Measurements")]
pub struct RepetitionSummary {
    pub validation_both: Option<Spread>,
    pub evaluation_digit: Option<Spread>,
    pub evaluation_sum: Option<Spread>,
    pub evaluation_both: Option<Spread>,
    pub exhaustive_both: Option<Spread>,
    pub sum_given_digit: Option<Spread>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen_both: Option<Spread>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tta_both: Option<Spread>,
    pub training_seconds: Option<Spread>,
}

impl Repetition {
    /// Puts measured runs together, and those that diverged beside them.
    pub fn new(runs: Vec<Measurements>, diverged: Vec<DivergedRun>) -> Self {
        let spread = |metric: &dyn Fn(&Measurements) -> Option<f64>| {
            let values: Option<Vec<f64>> = runs.iter().map(metric).collect();
            Spread::of(&values?)
        };
        let summary = RepetitionSummary {
            validation_both: spread(&|run| Some(run.validation_both)),
            evaluation_digit: spread(&|run| Some(run.evaluation_digit)),
            evaluation_sum: spread(&|run| Some(run.evaluation_sum)),
            evaluation_both: spread(&|run| Some(run.evaluation_both)),
            exhaustive_both: spread(&|run| Some(run.exhaustive_both)),
            sum_given_digit: spread(&|run| run.sum_given_digit),
            unseen_both: spread(&|run| run.unseen_both),
            tta_both: spread(&|run| run.tta_both),
            training_seconds: spread(&|run| Some(run.training_seconds)),
        };
        Self { runs, diverged, summary }
    }
}
