//! Many runs at a glance.

use std::path::PathBuf;

use adder_train::{Config, Recipe, RunDirectory};
use serde::Serialize;

use crate::{Record, Result};

/// A run as a line of a table, and as an object of the JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overview {
    /// The name of its folder.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// Its state.
    pub state: RunState,
    /// The recipe with the same configuration, whatever its seed; `None` where something was changed.
    pub recipe: Option<&'static str>,
    /// The recipe that the fewest keys were changed of, the seed aside.
    pub nearest_recipe: &'static str,
    /// Those keys, dotted.
    pub changed_keys: Vec<&'static str>,
    /// The seed.
    pub seed: u64,
    /// Epochs that are done.
    pub epochs: u64,
    /// Epochs that were wanted.
    pub epochs_planned: u64,
    /// Best validation accuracy of both heads, in percent.
    pub best_validation: Option<f64>,
    /// Evaluation accuracy of both heads, in percent.
    pub evaluation: Option<f64>,
    /// The same of the pairs that training held out, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen: Option<f64>,
    /// Time spent in training and validation, that of its teachers included, in seconds.
    pub seconds: f64,
    /// The time of the start, in UTC.
    pub started: Option<String>,
}

/// The state of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// A program trains it now.
    Training,
    /// It can be resumed.
    Stopped,
    /// A number of it was infinite or not a number, which ended it.
    Diverged,
    /// No step is left, and it was not evaluated: a trial of a sweep.
    Trained,
    /// It was evaluated.
    Finished,
}

impl RunState {
    /// The state in a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Stopped => "stopped",
            Self::Diverged => "diverged",
            Self::Trained => "trained",
            Self::Finished => "finished",
        }
    }
}

impl Overview {
    /// The line of a run.
    ///
    /// # Errors
    /// As [`Record::read`].
    pub fn read(run: &RunDirectory) -> Result<Self> {
        let diverged = run.divergence()?.is_some();
        Ok(Self::from_record(&Record::read(run)?, run.is_training(), diverged))
    }

    fn from_record(record: &Record, training: bool, diverged: bool) -> Self {
        let epochs = record.history.epochs.len() as u64;
        let state = match (training, record.evaluation) {
            (true, _) => RunState::Training,
            (false, Some(_)) => RunState::Finished,
            (false, None) if diverged => RunState::Diverged,
            (false, None) if record.is_trained() => RunState::Trained,
            (false, None) => RunState::Stopped,
        };
        let (nearest_recipe, changed_keys) = nearest_recipe(&record.config);
        Self {
            name: record.name.clone(),
            path: record.path.clone(),
            state,
            recipe: changed_keys.is_empty().then_some(nearest_recipe),
            nearest_recipe,
            changed_keys,
            seed: record.config.seed,
            epochs,
            epochs_planned: record.config.training.epochs,
            best_validation: record.history.best().map(|best| best.validation.both.accuracy),
            evaluation: record.evaluation.map(|report| report.metrics.both.accuracy),
            unseen: record
                .evaluation
                .and_then(|report| report.parts.unseen)
                .map(|part| part.metrics.both.accuracy),
            seconds: record.seconds(),
            started: record.environment.sessions.first().map(|session| session.started.clone()),
        }
    }
}

/// The recipe that the fewest keys of `config` differ from, whatever its seed, and these keys; of equals the one that is listed first.
fn nearest_recipe(config: &Config) -> (&'static str, Vec<&'static str>) {
    let changed = |recipe: &Recipe| {
        let recipe = Config { seed: config.seed, ..recipe.config() };
        // Keys are compared as they are written: equal configurations have none that differ.
        config.changed_keys(&recipe)
    };
    let nearest = Recipe::ALL.iter().map(|recipe| (recipe.name, changed(recipe)));
    nearest.min_by_key(|(_, changed)| changed.len()).unwrap_or_default()
}
