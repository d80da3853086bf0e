//! The plan of a sweep: its method and the keys that vary.

use std::collections::BTreeMap;

use adder_train::{Config, ConfigSources};
use serde::{Deserialize, Serialize};
use toml::Value;

use super::dimension::Dimension;
use super::error::SweepError;

/// The way that trials are chosen.
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

/// The search: the way that trials are chosen, and the keys that vary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepPlan {
    /// The way that trials are chosen.
    pub method: Method,
    /// Seeds the choice of trials; each trial trains with the seed of its configuration.
    pub seed: u64,
    /// The keys that vary.
    pub dimensions: Vec<Dimension>,
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

    /// Number of different trials; `None` where there is no end.
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
    pub fn config(
        &self,
        base: &ConfigSources,
        values: &BTreeMap<String, Value>,
    ) -> Result<Config, SweepError> {
        let mut sources = base.clone();
        for (key, value) in values {
            sources.add_flag(&format!("{key} of the sweep"), key, value.clone());
        }
        Ok(sources.resolve().map_err(Box::new)?)
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
    fn a_trials_values_have_the_highest_precedence() {
        let mut base = ConfigSources::default();
        base.add_flag("--epochs", "training.epochs", 9);
        let plan = plan(Method::Grid, &[Dimension::choices("training.epochs=1,2").unwrap()]);
        let values = BTreeMap::from([("training.epochs".to_owned(), Value::Integer(2))]);
        assert_eq!(plan.config(&base, &values).unwrap().training.epochs, 2);
        let values = BTreeMap::from([("training.epochz".to_owned(), Value::Integer(2))]);
        let error = plan.config(&base, &values).unwrap_err().to_string();
        assert!(error.contains("training.epochz of the sweep"), "{error}");
    }
}
