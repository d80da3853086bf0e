//! The learning-rate range test (Smith, "Cyclical Learning Rates for Training Neural Networks", 2015): train for a few hundred
//! steps while the rate grows from tiny to far too large, and look at where the loss falls and where it explodes.
//!
//! The network is a new one of the configuration's seed and is thrown away: no run, no weights and no data are changed. All that
//! belongs to the configuration but what [`left_aside`] names is as in its training: network, optimizer, batches, augmentation, dropout.

mod curve;
mod session;

pub use curve::{Curve, End, Point, Suggestions};
pub use session::{find_learning_rate, left_aside};

use adder_train::TrainError;
use serde::{Deserialize, Serialize};

/// The range of a test: how the rate grows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RangeTest {
    /// The rate of the first step, above 0.
    pub from: f64,
    /// The rate of the last step, above `from`.
    pub to: f64,
    /// Steps, each by the same factor above the one before; at least 2.
    pub steps: u64,
}

/// A range test that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LrFindError {
    /// A setting is out of its range.
    #[error("{field}: expected {expected}, found {found}")]
    Setting {
        /// Its name.
        field: &'static str,
        /// The values that it takes.
        expected: &'static str,
        /// The value that it was given.
        found: f64,
    },
    /// The network cannot be trained.
    #[error(transparent)]
    Train(#[from] TrainError),
}

impl Default for RangeTest {
    /// fastai's range, in twice its steps.
    fn default() -> Self {
        Self { from: 1e-7, to: 10.0, steps: 200 }
    }
}

impl RangeTest {
    /// `Ok` if every setting is in its range.
    ///
    /// # Errors
    /// [`LrFindError::Setting`] with the first that is not.
    pub fn check(&self) -> Result<(), LrFindError> {
        let check = |holds, field, expected, found| match holds {
            true => Ok(()),
            false => Err(LrFindError::Setting { field, expected, found }),
        };
        let is_rate = |rate: f64| rate > 0.0 && rate.is_finite();
        check(is_rate(self.from), "from", "a rate above 0", self.from)?;
        check(is_rate(self.to) && self.to > self.from, "to", "a rate above the one it starts from", self.to)?;
        check(self.steps >= 2, "steps", "at least 2 steps", self.steps as f64)
    }

    /// The rate of the step that `done` others came before.
    pub fn rate(&self, done: u64) -> f64 {
        let way = done as f64 / (self.steps - 1) as f64;
        self.from * (self.to / self.from).powf(way)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_grow_by_one_factor_from_end_to_end() {
        let test = RangeTest { from: 1e-4, to: 1.0, steps: 5 };
        for (done, expected) in [1e-4, 1e-3, 1e-2, 1e-1, 1.0].into_iter().enumerate() {
            let rate = test.rate(done as u64);
            assert!((rate / expected - 1.0).abs() < 1e-12, "{rate} is not {expected}");
        }
    }

    #[test]
    fn impossible_settings_are_named() {
        let field = |test: RangeTest| match test.check() {
            Err(LrFindError::Setting { field, .. }) => Some(field),
            _ => None,
        };
        let good = RangeTest::default();
        assert_eq!(field(good), None);
        assert_eq!(field(RangeTest { from: 0.0, ..good }), Some("from"));
        assert_eq!(field(RangeTest { from: f64::NAN, ..good }), Some("from"));
        assert_eq!(field(RangeTest { to: 1e-7, ..good }), Some("to"));
        assert_eq!(field(RangeTest { to: f64::INFINITY, ..good }), Some("to"));
        assert_eq!(field(RangeTest { steps: 1, ..good }), Some("steps"));
    }
}
