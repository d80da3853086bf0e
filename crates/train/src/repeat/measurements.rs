//! What one run of a repetition comes to.

use adder_data::{Dataset, EvaluationAddends};
use adder_model::weights;
use serde::{Deserialize, Serialize};

use super::RepeatError;
use crate::analysis::Joint;
use crate::evaluation::{EvaluationSet, EvaluationSplit, Report};
use crate::run_directory::RunDirectory;
use crate::series::counting_epoch;
use crate::trainer::Machine;
use crate::views::Views;

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
    /// Evaluation over all ten addends with test-time augmentation: both heads right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tta_both: Option<f64>,
    /// Seconds spent in training steps: loading and augmentation of the batches included, validation not.
    pub training_seconds: f64,
}

/// The file `exhaustive.json` of a run: the evaluation set with all ten addends of each image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exhaustive {
    /// Losses and accuracies.
    pub report: Report,
    /// The two heads together.
    pub joint: Joint,
    /// The same with test-time augmentation, if somebody asked for it.
    pub tta: Option<(Views, Report)>,
}

impl Measurements {
    /// Measures a finished run of `data`. The evaluation over all ten addends is made once and kept in the run directory.
    ///
    /// # Errors
    /// Where the run is not finished, not whole, or cannot be evaluated.
    pub fn of_run(
        run: &RunDirectory,
        data: &Dataset,
        machine: &Machine,
        views: Option<Views>,
    ) -> Result<Self, RepeatError> {
        let config = run.config()?;
        let report = run.evaluation()?.ok_or_else(|| RepeatError::Unfinished(run.path().to_owned()))?;
        let (epoch, training_seconds) = counting_epoch(run, &config)?;
        let exhaustive = exhaustive(run, data, machine, views)?;
        Ok(Self {
            seed: config.seed,
            validation_both: epoch.validation.both.accuracy,
            evaluation_digit: report.metrics.digit.accuracy,
            evaluation_sum: report.metrics.sum.accuracy,
            evaluation_both: report.metrics.both.accuracy,
            exhaustive_both: exhaustive.report.metrics.both.accuracy,
            sum_given_digit: exhaustive.joint.sum_given_digit,
            tta_both: views.and(exhaustive.tta).map(|(_, report)| report.metrics.both.accuracy),
            training_seconds,
        })
    }
}

/// What the run directory knows, completed by what is asked for and missing.
fn exhaustive(
    run: &RunDirectory,
    data: &Dataset,
    machine: &Machine,
    views: Option<Views>,
) -> Result<Exhaustive, RepeatError> {
    let known = run.exhaustive()?;
    let knows_views = |known: &Exhaustive| {
        views.is_none_or(|views| known.tta.is_some_and(|(of_views, _)| of_views == views))
    };
    if let Some(known) = known
        && knows_views(&known)
    {
        return Ok(known);
    }
    let config = run.config()?;
    let (model, _) = weights::load(&run.weights(config.training.evaluate)?, &machine.device)?;
    let model = model.with_backend(machine.backend)?;
    let mut indices = data.evaluation.indices();
    if config.data.limit > 0 {
        indices.truncate(config.data.limit);
    }
    let set = EvaluationSet {
        split: EvaluationSplit::Evaluation,
        data: &data.evaluation,
        indices: &indices,
        addends: EvaluationAddends::Exhaustive,
        views: Views::default(),
    };
    let (report, joint) = match known {
        Some(Exhaustive { report, joint, .. }) => (report, joint),
        None => {
            let (report, analysis) = set.analyse(&model, 0)?;
            (report, analysis.joint)
        }
    };
    let tta =
        views.map(|views| Ok::<_, RepeatError>((views, EvaluationSet { views, ..set }.evaluate(&model)?)));
    let exhaustive = Exhaustive { report, joint, tta: tta.transpose()? };
    run.write_exhaustive(&exhaustive)?;
    Ok(exhaustive)
}
