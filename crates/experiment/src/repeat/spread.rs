//! Mean and deviation of a few numbers.

use serde::{Deserialize, Serialize};

/// The spread of a quantity over several runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The arithmetic mean.
    pub mean: f64,
    /// The sample standard deviation, divided by one less than the number of runs; `None` of a single run.
    pub deviation: Option<f64>,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// The spread of `values`; `None` of none.
    pub fn of(values: &[f64]) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Some(Self {
            mean,
            deviation: (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt()),
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deviation_is_that_of_a_sample() {
        // Mean 5; squares 9 + 1 + 1 + 9 = 20 over 3.
        let spread = Spread::of(&[2.0, 4.0, 6.0, 8.0]).unwrap();
        assert_eq!((spread.mean, spread.min, spread.max), (5.0, 2.0, 8.0));
        assert!((spread.deviation.unwrap() - (20f64 / 3.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn one_run_has_no_deviation_and_none_no_spread() {
        let spread = Spread::of(&[7.0]).unwrap();
        assert_eq!(spread, Spread { mean: 7.0, deviation: None, min: 7.0, max: 7.0 });
        assert_eq!(Spread::of(&[]), None);
    }
}
