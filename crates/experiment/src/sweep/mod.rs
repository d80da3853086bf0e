//! A small search over configurations: each trial is a run of its own, and the best is the one that validates best.
//!
//! The values of a trial are a function of the plan, the trial's number and the results before it, so a sweep that was stopped
//! resumes as if it had not been. The evaluation set has no say: trials are not evaluated.

mod dimension;
mod error;
mod journal;
mod plan;
mod sampler;
mod trial;

use std::path::Path;

use adder_data::Dataset;
use adder_train::{ConfigSources, RunDirectory, TrainError, adopt_data};

pub use dimension::{Dimension, Values};
pub use error::SweepError;
pub use journal::Journal;
pub use plan::{Method, SweepPlan};
pub use trial::{Ranking, Trial, TrialOutcome};

use crate::observer::RunObserver;
use crate::series::{Series, SeriesError, evaluated_epoch};

/// Trains the next trial into `folder`, or takes it as it is if it is there, and writes it into the journal; `None` if it was
/// stopped.
///
/// # Errors
/// Any [`SweepError`]; values that cannot be trained with are a [`TrialOutcome::Failed`] instead.
pub fn next_trial(
    journal: &mut Journal,
    base: &ConfigSources,
    series: &Series<'_>,
    folder: &Path,
    observer: &mut dyn RunObserver,
) -> Result<Option<Trial>, SweepError> {
    let number = journal.trials().len() as u64 + 1;
    let values = sampler::propose(journal.plan(), number - 1, journal.trials());
    let config = journal.plan().config(base, &values)?;
    let outcome = match series.complete(&folder.join(format!("trial{number}")), &config, observer) {
        Ok(None) => return Ok(None),
        Ok(Some(run)) => {
            let (epoch, training_seconds) = evaluated_epoch(&run, &config)?;
            let both = epoch.validation.both;
            TrialOutcome::Finished {
                validation_both: both.accuracy,
                validation_loss: both.loss,
                training_seconds,
            }
        }
        Err(error) if is_of_the_values(&error) => TrialOutcome::Failed { reason: error.to_string() },
        Err(error) => return Err(error.into()),
    };
    let trial = Trial { trial: number, values, outcome };
    journal.add(trial.clone())?;
    Ok(Some(trial))
}

/// Holds the images of a sweep to those of its trials so far, which are in `folder`: `data` may lie elsewhere than they did, and
/// the trials then remember their place.
///
/// # Errors
/// [`TrainError::OtherData`] within a [`SweepError::Series`] where they are others.
pub fn check_data(journal: &Journal, folder: &Path, data: &Dataset) -> Result<(), SweepError> {
    for number in 1..=journal.trials().len() {
        let Ok(run) = RunDirectory::open(folder.join(format!("trial{number}"))) else { continue };
        if run.config().map_err(SeriesError::from)?.data.source != data.origin {
            adopt_data(&run, data).map_err(SeriesError::from)?;
        }
    }
    Ok(())
}

/// Whether the reason is in the values of the trial, of the run or of a teacher.
fn is_of_the_values(error: &SeriesError) -> bool {
    match error {
        SeriesError::Train(error) => {
            matches!(**error, TrainError::NotFinite(_) | TrainError::LoneImage { .. })
        }
        SeriesError::Teacher { error, .. } => is_of_the_values(error),
        _ => false,
    }
}
