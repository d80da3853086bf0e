//! The loss over the rates, and the rates that it suggests, as fastai reads it (`fastai/callback/schedule.py`, `steep` and `valley`).

use serde::{Deserialize, Serialize};

use super::RangeTest;

/// The part of the smoothed loss that stays in a step, as in fastai.
const SMOOTHING: f64 = 0.98;
/// A smoothed loss so many times the lowest one has diverged, as in fastai.
const DIVERGED: f64 = 4.0;

/// Points at the end that are not looked at: there the loss explodes.
const LAST: usize = 5;

/// The result of a range test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// The test.
    pub test: RangeTest,
    /// The reason that it ends where it does.
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

/// The reason that a range test ended.
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
        let suggestions = Suggestions::from_points(&self.points, test.steps);
        Curve { test, end, suggestions, points: self.points }
    }
}

/// Rates to train with. Both look at the smoothed loss, without the first tenth of all steps and the last five points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Suggestions {
    /// The rate where the loss falls steepest over its logarithm; `None` where there are fewer than two points.
    pub steepest: Option<f64>,
    /// At half of the longest valley: half of the way along the longest run of ever lower losses, gaps allowed. The more
    /// careful of the two on a noisy curve.
    pub valley: Option<f64>,
}

impl Suggestions {
    /// The suggestions of the points of a test of `steps` steps.
    fn from_points(points: &[Point], steps: u64) -> Self {
        let first = (steps / 10) as usize;
        let last = points.len().saturating_sub(LAST);
        let Some(points) = points.get(first..last).filter(|points| points.len() > 1) else {
            return Self::default();
        };
        Self { steepest: Some(points[steepest(points)].rate), valley: Some(points[valley(points)].rate) }
    }
}

/// The point after which the loss falls fastest; the first of equals.
fn steepest(points: &[Point]) -> usize {
    let slope =
        |pair: &[Point]| (pair[1].smoothed - pair[0].smoothed) / (pair[1].rate.ln() - pair[0].rate.ln());
    let slopes = points.windows(2).map(slope).enumerate();
    slopes.min_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(0, |(place, _)| place)
}

/// The middle third's middle of the longest decreasing subsequence.
fn valley(points: &[Point]) -> usize {
    let losses: Vec<f64> = points.iter().map(|point| point.smoothed).collect();
    // The length of the longest decreasing subsequence that ends at each point.
    let mut lengths = vec![1usize; losses.len()];
    let mut end = 0;
    for place in 1..losses.len() {
        for before in 0..place {
            if losses[place] < losses[before] && lengths[place] < lengths[before] + 1 {
                lengths[place] = lengths[before] + 1;
            }
            if lengths[end] < lengths[place] {
                end = place;
            }
        }
    }
    let start = end as f64 - lengths[end] as f64;
    let third = lengths[end] as f64 / 3.0;
    let middle = start + third.trunc() + (third / 2.0).trunc();
    // A valley from the very first point on starts, by fastai's arithmetic, before it.
    middle.max(0.0) as usize
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

    /// Points at rates 10^(i / 10 - 5).
    fn points(losses: impl IntoIterator<Item = f64>) -> Vec<Point> {
        let rate = |place: usize| 10f64.powf(place as f64 / 10.0 - 5.0);
        losses
            .into_iter()
            .enumerate()
            .map(|(place, loss)| Point { rate: rate(place), loss, smoothed: loss })
            .collect()
    }

    fn place(rate: Option<f64>) -> usize {
        ((rate.unwrap().log10() + 5.0) * 10.0).round() as usize
    }

    #[test]
    fn the_steepest_place_of_a_sigmoid_is_its_middle() {
        // Falls from 4 to 1 around place 30 and rises from place 45 on.
        let loss = |place: usize| {
            let x = place as f64;
            1.0 + 3.0 / (1.0 + ((x - 30.0) / 3.0).exp()) + (x - 45.0).max(0.0).powi(2)
        };
        let found = Suggestions::from_points(&points((0..60).map(loss)), 60);
        assert!((29..=30).contains(&place(found.steepest)), "{found:?}");
    }

    #[test]
    fn the_valley_is_fastais() {
        // Flat noise, then a fall of 30 from place 10 on, then a rise. The trimmed part is 6..55 of 60.
        let loss = |place: usize| match place {
            0..10 => 5.0 + 0.01 * (place % 2) as f64,
            10..40 => 4.9 - 0.1 * (place - 10) as f64,
            _ => 3.0 + (place - 40) as f64,
        };
        let found = Suggestions::from_points(&points((0..60).map(loss)), 60);
        // fastai's `valley` over the same 49 losses ends at 33 with a length of 32: start 1, plus 10, plus 5.
        assert_eq!(place(found.valley), 6 + 16);
    }

    #[test]
    fn gaps_do_not_end_a_valley() {
        let loss = |place: usize| 5.0 - 0.1 * place as f64 + if place.is_multiple_of(5) { 1.0 } else { 0.0 };
        // Again fastai's own answer; without the gaps, it is 18.
        assert_eq!(valley(&points((0..40).map(loss))), 22);
        assert_eq!(valley(&points((0..40).map(|place| 5.0 - 0.1 * place as f64))), 18);
    }

    #[test]
    fn too_few_points_suggest_nothing() {
        for count in [0, 3, 11, 12] {
            assert_eq!(
                Suggestions::from_points(&points((0..count).map(f64::from)), 60),
                Suggestions::default()
            );
        }
        assert_ne!(Suggestions::from_points(&points((0..13).map(f64::from)), 60), Suggestions::default());
    }
}
