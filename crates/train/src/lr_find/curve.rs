//! The loss over the rates.

use serde::{Deserialize, Serialize};

use super::{RangeTest, Suggestions};

/// How much of the smoothed loss stays in a step, as in fastai.
const SMOOTHING: f64 = 0.98;
/// A smoothed loss so many times the lowest one has diverged, as in fastai.
const DIVERGED: f64 = 4.0;

/// What a range test found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// How it was made.
    pub test: RangeTest,
    /// Why it ends where it does.
    pub end: End,
    /// Rates to train with.
    pub suggestions: Suggestions,
    /// Each step.
    pub points: Vec<Point>,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Its learning rate.
    pub rate: f64,
    /// The loss of its batch before the update, per pair, in nats.
    pub loss: f64,
    /// The exponential average of the losses so far, without the bias of its start.
    pub smoothed: f64,
}

/// Why a range test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The last rate was tried.
    Reached,
    /// The loss exploded.
    Diverged,
    /// Somebody stopped it.
    Stopped,
}

/// A curve while it grows.
#[derive(Clone, Debug, Default)]
pub(super) struct Recorder {
    points: Vec<Point>,
    average: f64,
    lowest: f64,
}

impl Recorder {
    /// Records a step; `false` where the loss has diverged, after which no more steps are wanted.
    pub(super) fn record(&mut self, rate: f64, loss: f64) -> bool {
        if !loss.is_finite() {
            return false;
        }
        self.average = SMOOTHING * self.average + (1.0 - SMOOTHING) * loss;
        let weight = 1.0 - SMOOTHING.powi(self.points.len() as i32 + 1);
        let smoothed = self.average / weight;
        self.lowest = if self.points.is_empty() { smoothed } else { self.lowest.min(smoothed) };
        self.points.push(Point { rate, loss, smoothed });
        smoothed <= DIVERGED * self.lowest
    }

    pub(super) fn last(&self) -> Option<&Point> {
        self.points.last()
    }

    pub(super) fn finish(self, test: RangeTest, end: End) -> Curve {
        let suggestions = Suggestions::of(&self.points, test.steps);
        Curve { test, end, suggestions, points: self.points }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_has_no_bias_at_its_start() {
        let mut recorder = Recorder::default();
        for _ in 0..50 {
            assert!(recorder.record(0.1, 3.0));
            assert!((recorder.last().unwrap().smoothed - 3.0).abs() < 1e-12);
        }
        let mut recorder = Recorder::default();
        recorder.record(0.1, 1.0);
        recorder.record(0.2, 2.0);
        // (0.98 * 0.02 * 1 + 0.02 * 2) / (1 - 0.98^2)
        let expected = (0.98 * 0.02 + 0.04) / (1.0 - 0.98 * 0.98);
        assert!((recorder.last().unwrap().smoothed - expected).abs() < 1e-12);
    }

    #[test]
    fn four_times_the_lowest_is_the_end() {
        let mut recorder = Recorder::default();
        assert!(recorder.record(0.1, 1.0));
        // Smoothed: (0.0196 + 0.02 x) / 0.0396, which is 4 at x = 6.94.
        assert!(recorder.clone().record(0.2, 6.9));
        assert!(!recorder.record(0.2, 7.0));
    }

    #[test]
    fn what_is_no_number_ends_it_and_is_no_point() {
        for loss in [f64::NAN, f64::INFINITY] {
            let mut recorder = Recorder::default();
            assert!(recorder.record(0.1, 1.0));
            assert!(!recorder.record(0.2, loss));
            assert_eq!(recorder.finish(RangeTest::default(), End::Diverged).points.len(), 1);
        }
    }
}
