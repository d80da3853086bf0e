//! A small search over configurations: each trial is a run of its own, and the best is the one that validates best.
//!
//! What a trial tries is a function of the plan, the trial's number and the results before it, so a sweep that was stopped goes
//! on as if it had not been. The evaluation set has no say: trials are not evaluated.

mod dimension;
mod journal;
mod sampler;
mod table;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use toml::Value;

pub use dimension::{Dimension, Values};
pub use journal::Journal;
pub use table::Ranking;

use crate::config::{Config, ConfigError, Layers};
use crate::files::FileError;
use crate::observer::Observer;
use crate::series::{Series, SeriesError, counting_epoch};
use crate::trainer::TrainError;

/// How trials are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Every combination of the choices, the last dimension fastest.
    Grid,
    /// Each value drawn by itself.
    Random,
    /// A tree-structured Parzen estimator (Bergstra et al. 2011), after eight random trials.
    Tpe,
}

/// What is searched and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepPlan {
    /// How trials are chosen.
    pub method: Method,
    /// Seeds the choice of trials; each trial trains with the seed of its configuration.
    pub seed: u64,
    /// What varies.
    pub dimensions: Vec<Dimension>,
}

/// A trial and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Counted from 1.
    pub trial: u64,
    /// The values tried, by their keys.
    pub values: BTreeMap<String, Value>,
    /// What came of it.
    pub outcome: TrialOutcome,
}

/// What came of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialOutcome {
    /// The run is finished. All numbers are of the weights that `training.evaluate` takes.
    Finished {
        /// Both heads right in validation, in percent.
        validation_both: f64,
        /// Loss of both heads in validation, per pair, in nats.
        validation_loss: f64,
        /// Seconds spent in training steps.
        training_seconds: f64,
    },
    /// These values cannot be trained with, because the loss explodes or the batches do not come out even.
    Failed {
        /// Why.
        reason: String,
    },
}

/// A sweep that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// A dimension is not written as it should be.
    #[error("`{text}`: expected {expected}")]
    Dimension {
        /// What was given.
        text: String,
        /// What it should look like.
        expected: &'static str,
    },
    /// The dimensions do not fit the method or each other.
    #[error("{0}")]
    Plan(String),
    /// The values of a trial make no configuration.
    #[error(transparent)]
    Config(#[from] Box<ConfigError>),
    /// A run cannot be trained.
    #[error(transparent)]
    Series(#[from] SeriesError),
    /// The journal cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The journal is not whole.
    #[error("{path}, line {line}: {message}")]
    Journal {
        /// The file.
        path: std::path::PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// The journal is of another plan or configuration.
    #[error("{0}: another sweep is here")]
    OtherSweep(std::path::PathBuf),
}

impl SweepPlan {
    /// `Ok` if the dimensions fit the method and each other.
    ///
    /// # Errors
    /// [`SweepError::Plan`].
    pub fn check(&self) -> Result<(), SweepError> {
        let plan = |words: String| Err(SweepError::Plan(words));
        if self.dimensions.is_empty() {
            return plan("a sweep needs at least one key to vary".into());
        }
        for (place, dimension) in self.dimensions.iter().enumerate() {
            if self.dimensions[..place].iter().any(|other| other.key == dimension.key) {
                return plan(format!("`{}` is given twice", dimension.key));
            }
            if self.method == Method::Grid && dimension.options().is_none() {
                return plan(format!("`{}` is a range, of which no grid can be made", dimension.key));
            }
        }
        Ok(())
    }

    /// How many different trials there are; `None` where there is no end.
    pub fn combinations(&self) -> Option<u64> {
        match self.method {
            Method::Grid => self
                .dimensions
                .iter()
                .map(|dimension| dimension.options().map_or(1, |options| options.len() as u64))
                .product::<u64>()
                .into(),
            Method::Random | Method::Tpe => None,
        }
    }

    /// The configuration of a trial.
    ///
    /// # Errors
    /// [`SweepError::Config`] where a key is unknown or a value is out of its range.
    pub fn config(&self, base: &Layers, values: &BTreeMap<String, Value>) -> Result<Config, SweepError> {
        let mut layers = base.clone();
        for (key, value) in values {
            layers.add_flag(&format!("{key} of the sweep"), key, value.clone());
        }
        Ok(layers.resolve().map_err(Box::new)?)
    }
}

/// Trains the next trial into `folder`, or takes it as it is if it is there, and writes it into the journal; `None` if it was
/// stopped.
///
/// # Errors
/// Any [`SweepError`]; values that cannot be trained with are a [`TrialOutcome::Failed`] instead.
pub fn next_trial(
    journal: &mut Journal,
    base: &Layers,
    series: &Series<'_>,
    folder: &Path,
    observer: &mut dyn Observer,
) -> Result<Option<Trial>, SweepError> {
    let number = journal.trials().len() as u64 + 1;
    let values = sampler::propose(journal.plan(), number - 1, journal.trials());
    let config = journal.plan().config(base, &values)?;
    let outcome = match series.complete(&folder.join(format!("trial{number}")), &config, observer) {
        Ok(None) => return Ok(None),
        Ok(Some(run)) => {
            let (epoch, training_seconds) = counting_epoch(&run, &config)?;
            let both = epoch.validation.both;
            TrialOutcome::Finished {
                validation_both: both.accuracy,
                validation_loss: both.loss,
                training_seconds,
            }
        }
        Err(SeriesError::Train(error)) if is_of_the_values(&error) => {
            TrialOutcome::Failed { reason: error.to_string() }
        }
        Err(error) => return Err(error.into()),
    };
    let trial = Trial { trial: number, values, outcome };
    journal.add(trial.clone())?;
    Ok(Some(trial))
}

fn is_of_the_values(error: &TrainError) -> bool {
    match error {
        TrainError::NotFinite { .. } | TrainError::LoneImage { .. } => true,
        TrainError::Teacher { error, .. } => {
            matches!(&**error, SeriesError::Train(error) if is_of_the_values(error))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(method: Method, dimensions: &[Dimension]) -> SweepPlan {
        SweepPlan { method, seed: 1, dimensions: dimensions.to_vec() }
    }

    #[test]
    fn plans_that_cannot_be_are_refused() {
        let rate = Dimension::range("optimizer.learning_rate=0.01..0.1:log").unwrap();
        let epochs = Dimension::choices("training.epochs=1,2").unwrap();
        assert!(plan(Method::Random, &[]).check().is_err());
        assert!(plan(Method::Random, &[rate.clone(), rate.clone()]).check().is_err());
        assert!(plan(Method::Grid, &[epochs.clone(), rate.clone()]).check().is_err());
        assert!(plan(Method::Tpe, &[epochs, rate]).check().is_ok());
    }

    #[test]
    fn a_trials_values_are_the_strongest_voice() {
        let mut base = Layers::default();
        base.add_flag("--epochs", "training.epochs", 9);
        let plan = plan(Method::Grid, &[Dimension::choices("training.epochs=1,2").unwrap()]);
        let values = BTreeMap::from([("training.epochs".to_owned(), Value::Integer(2))]);
        assert_eq!(plan.config(&base, &values).unwrap().training.epochs, 2);
        let values = BTreeMap::from([("training.epochz".to_owned(), Value::Integer(2))]);
        let error = plan.config(&base, &values).unwrap_err().to_string();
        assert!(error.contains("training.epochz of the sweep"), "{error}");
    }
}
