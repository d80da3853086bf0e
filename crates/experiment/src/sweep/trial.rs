//! Trials, and their ranking as a Markdown table.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::{Display, Formatter, Result};

use serde::{Deserialize, Serialize};
use toml::Value;

/// A trial and its outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Counted from 1.
    pub trial: u64,
    /// The values tried, by their keys.
    pub values: BTreeMap<String, Value>,
    /// Its outcome.
    pub outcome: TrialOutcome,
}

/// The outcome of a trial.
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

/// Trials in the order of their accuracy in validation, the lower loss first among equals, failures last.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking(Vec<Trial>);

impl Ranking {
    /// Ranks `trials`.
    pub fn new(trials: &[Trial]) -> Self {
        Self(ranked(trials).into_iter().cloned().collect())
    }

    /// The best first.
    pub fn trials(&self) -> &[Trial] {
        &self.0
    }
}

/// The trials, the best first; of equals the earlier.
pub(super) fn ranked(trials: &[Trial]) -> Vec<&Trial> {
    let mut ranked: Vec<_> = trials.iter().collect();
    ranked.sort_by(|a, b| order(&a.outcome, &b.outcome));
    ranked
}

fn order(a: &TrialOutcome, b: &TrialOutcome) -> Ordering {
    // Not a number comes last of all numbers.
    let merit = |outcome: &TrialOutcome| match *outcome {
        TrialOutcome::Finished { validation_both, validation_loss, .. } => {
            (validation_both, -validation_loss)
        }
        TrialOutcome::Failed { .. } => (f64::NEG_INFINITY, f64::NEG_INFINITY),
    };
    let (a, b) = (merit(a), merit(b));
    b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1))
}

impl Display for Ranking {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let keys: Vec<&str> =
            self.0.first().map_or(Vec::new(), |trial| trial.values.keys().map(String::as_str).collect());
        let ends = ["validation both, %", "validation loss", "training, s"];
        let heads: Vec<&str> = [&["trial"], &keys[..], &ends].concat();
        writeln!(f, "| {} |", heads.join(" | "))?;
        writeln!(f, "|{}", " --- |".repeat(heads.len()))?;
        for trial in &self.0 {
            write!(f, "| {} |", trial.trial)?;
            for value in trial.values.values() {
                write!(f, " {} |", value.as_str().map_or_else(|| value.to_string(), str::to_owned))?;
            }
            match &trial.outcome {
                TrialOutcome::Finished { validation_both, validation_loss, training_seconds } => {
                    writeln!(f, " {validation_both:.3} | {validation_loss:.4} | {training_seconds:.1} |")?;
                }
                TrialOutcome::Failed { reason } => writeln!(f, " failed: {reason} | - | - |")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(number: u64, outcome: TrialOutcome) -> Trial {
        let values = BTreeMap::from([
            ("optimizer.learning_rate".to_owned(), Value::Float(0.05)),
            ("schedule.kind".to_owned(), Value::from("cosine")),
        ]);
        Trial { trial: number, values, outcome }
    }

    #[test]
    fn the_best_in_validation_comes_first_and_failures_last() {
        let finished = |validation_both, validation_loss| TrialOutcome::Finished {
            validation_both,
            validation_loss,
            training_seconds: 7.26,
        };
        let ranking = Ranking::new(&[
            trial(1, TrialOutcome::Failed { reason: "the loss is NaN".into() }),
            trial(2, finished(98.5, 0.2)),
            trial(3, finished(99.0, 0.1)),
            trial(4, finished(98.5, 0.1)),
        ]);
        let expected = "\
| trial | optimizer.learning_rate | schedule.kind | validation both, % | validation loss | training, s |
| --- | --- | --- | --- | --- | --- |
| 3 | 0.05 | cosine | 99.000 | 0.1000 | 7.3 |
| 4 | 0.05 | cosine | 98.500 | 0.1000 | 7.3 |
| 2 | 0.05 | cosine | 98.500 | 0.2000 | 7.3 |
| 1 | 0.05 | cosine | failed: the loss is NaN | - | - |
";
        assert_eq!(ranking.to_string(), expected);
    }
}
