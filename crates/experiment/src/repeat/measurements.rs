//! The measurements of one run of a repetition.

use std::path::PathBuf;

use adder_data::{Dataset, EvaluationAddends};
use adder_train::evaluation::ExhaustiveReport;
use adder_train::{EvaluationError, EvaluationSet, EvaluationSplit, Machine, RunDirectory, RunError, Tta};
use serde::{Deserialize, Serialize};

use crate::series::{SeriesError, evaluated_epoch};

/// A finished run in numbers. Accuracies and shares are in percent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurements {
    /// The seed of the run.
    pub seed: u64,
    /// Validation: both heads right, each image with its fixed addend.
    pub validation_both: f64,
    /// Evaluation: the digit right, each image with its fixed addend.
    pub evaluation_digit: f64,
    /// Evaluation: the sum right, each image with its fixed addend.
    pub evaluation_sum: f64,
    /// Evaluation: both heads right, each image with its fixed addend.
    pub evaluation_both: f64,
    /// Evaluation over all ten addends of each image: both heads right.
    pub exhaustive_both: f64,
    /// Evaluation over all ten addends: of the pairs with the right digit, those with the right sum.
    pub sum_given_digit: Option<f64>,
    /// Evaluation over all ten addends: both heads right, of the pairs that training held out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen_both: Option<f64>,
    /// Evaluation over all ten addends with test-time augmentation: both heads right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tta_both: Option<f64>,
    /// Seconds spent in training steps: loading and augmentation of the batches included, validation not.
    pub training_seconds: f64,
}

/// A repetition that cannot be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepeatError {
    /// A run cannot be had, read or written.
    #[error(transparent)]
    Series(#[from] SeriesError),
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

impl Measurements {
    /// Measures a finished run of `data`. The evaluation over all ten addends is made once and kept in the run directory.
    ///
    /// # Errors
    /// Where the run is not finished, not whole, or cannot be evaluated.
    pub fn measure(
        run: &RunDirectory,
        data: &Dataset,
        machine: &Machine,
        tta: Option<Tta>,
    ) -> Result<Self, RepeatError> {
        let config = run.config()?;
        let report = run.evaluation()?.ok_or_else(|| RepeatError::Unfinished(run.path().to_owned()))?;
        let (epoch, training_seconds) = evaluated_epoch(run, &config)?;
        let exhaustive = exhaustive(run, data, machine, tta)?;
        Ok(Self {
            seed: config.seed,
            validation_both: epoch.validation.both.accuracy,
            evaluation_digit: report.metrics.digit.accuracy,
            evaluation_sum: report.metrics.sum.accuracy,
            evaluation_both: report.metrics.both.accuracy,
            exhaustive_both: exhaustive.report.metrics.both.accuracy,
            sum_given_digit: exhaustive.joint.sum_given_digit,
            unseen_both: exhaustive.report.parts.unseen.map(|part| part.metrics.both.accuracy),
            tta_both: tta.and(exhaustive.tta).map(|(_, report)| report.metrics.both.accuracy),
            training_seconds,
        })
    }
}

/// The evaluation over all ten addends that the run directory has, completed by what is asked for and missing.
fn exhaustive(
    run: &RunDirectory,
    data: &Dataset,
    machine: &Machine,
    tta: Option<Tta>,
) -> Result<ExhaustiveReport, RepeatError> {
    let known = run.exhaustive()?;
    let knows_tta =
        |known: &ExhaustiveReport| tta.is_none_or(|tta| known.tta.is_some_and(|(known, _)| known == tta));
    if let Some(known) = known
        && knows_tta(&known)
    {
        return Ok(known);
    }
    let model = run.evaluated_model(&machine.device, machine.backend)?;
    let config = run.config()?;
    let indices = config.data.limited(data.evaluation.indices());
    let set = EvaluationSet {
        split: EvaluationSplit::Evaluation,
        data: &data.evaluation,
        indices: &indices,
        addends: EvaluationAddends::Exhaustive,
        held_out: config.data.held_out_pairs.pairs(),
        tta: Tta::default(),
    };
    let (report, joint) = match known {
        Some(ExhaustiveReport { report, joint, .. }) => (report, joint),
        None => {
            let (report, analysis) = set.analyze(&model, 0)?;
            (report, analysis.joint)
        }
    };
    let tta = tta.map(|tta| Ok::<_, RepeatError>((tta, EvaluationSet { tta, ..set }.evaluate(&model)?)));
    let exhaustive = ExhaustiveReport { report, joint, tta: tta.transpose()? };
    run.write_exhaustive(&exhaustive)?;
    Ok(exhaustive)
}
