//! The same recipe with several seeds: how its results spread.
//!
//! One seed's figure has a standard error of about 0.08 points on ten thousand images, so a recipe is judged by the mean of
//! several.

mod measurements;
mod spread;
mod table;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use measurements::{Exhaustive, Measurements};
pub use spread::Spread;

use crate::evaluation::EvaluationError;
use crate::run_directory::RunError;
use crate::series::SeriesError;

/// What the runs of a repetition come to together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repetition {
    /// Each run, in the order of the seeds.
    pub runs: Vec<Measurements>,
    /// The spread of each metric over the runs, where every run has it.
    pub summary: Summary,
}

/// The spread of each metric of [`Measurements`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the spread of the field of the same name in Measurements")]
pub struct Summary {
    pub validation_both: Option<Spread>,
    pub evaluation_digit: Option<Spread>,
    pub evaluation_sum: Option<Spread>,
    pub evaluation_both: Option<Spread>,
    pub exhaustive_both: Option<Spread>,
    pub sum_given_digit: Option<Spread>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tta_both: Option<Spread>,
    pub training_seconds: Option<Spread>,
}

/// A repetition that cannot be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepeatError {
    /// A run cannot be had, read or written.
    #[error(transparent)]
    Series(#[from] SeriesError),
    /// The weights cannot be used.
    #[error(transparent)]
    Model(#[from] adder_model::Error),
    /// The network cannot be evaluated.
    #[error(transparent)]
    Evaluation(#[from] EvaluationError),
    /// There is nothing to measure yet.
    #[error("{0}: expected a finished run, found no evaluation in it")]
    Unfinished(PathBuf),
}

impl From<RunError> for RepeatError {
    fn from(error: RunError) -> Self {
        Self::Series(error.into())
    }
}

impl Repetition {
    /// Puts measured runs together.
    pub fn of(runs: Vec<Measurements>) -> Self {
        let spread = |metric: &dyn Fn(&Measurements) -> Option<f64>| {
            let values: Option<Vec<f64>> = runs.iter().map(metric).collect();
            Spread::of(&values?)
        };
        let summary = Summary {
            validation_both: spread(&|run| Some(run.validation_both)),
            evaluation_digit: spread(&|run| Some(run.evaluation_digit)),
            evaluation_sum: spread(&|run| Some(run.evaluation_sum)),
            evaluation_both: spread(&|run| Some(run.evaluation_both)),
            exhaustive_both: spread(&|run| Some(run.exhaustive_both)),
            sum_given_digit: spread(&|run| run.sum_given_digit),
            tta_both: spread(&|run| run.tta_both),
            training_seconds: spread(&|run| Some(run.training_seconds)),
        };
        Self { runs, summary }
    }
}
