//! Calibration: reliability bins and the expected calibration error of a head's confidence.

use serde::{Deserialize, Serialize};

use super::answered_pair::percent;

/// Bins of equal width, as in Guo et al., "On Calibration of Modern Neural Networks" (2017).
const BINS: usize = 15;

/// Confidence against accuracy. The confidence of an answer is the probability that the head gives to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The expected calibration error, in percent: the distance between mean confidence and accuracy, averaged over the bins
    /// by their pairs.
    pub expected_error: Option<f64>,
    /// Fifteen bins of equal width, empty ones too.
    pub bins: Vec<Bin>,
}

/// The answers with a confidence above `from`, up to and with `to`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// In percent.
    pub from: f64,
    /// In percent.
    pub to: f64,
    /// Number of answers in it.
    pub pairs: u64,
    /// Mean confidence, in percent.
    pub confidence: Option<f64>,
    /// Share of right answers, in percent.
    pub accuracy: Option<f64>,
}

/// Sums and counts, divided once.
#[derive(Clone, Debug, Default)]
pub(super) struct CalibrationTally([BinTally; BINS]);

#[derive(Clone, Copy, Debug, Default)]
struct BinTally {
    pairs: u64,
    right: u64,
    confidence: f64,
}

impl CalibrationTally {
    /// Counts an answer given with `confidence`, from 0 to 1.
    pub(super) fn add(&mut self, confidence: f64, right: bool) {
        let bin = (confidence * BINS as f64).ceil() as usize;
        let bin = &mut self.0[bin.clamp(1, BINS) - 1];
        bin.pairs += 1;
        bin.right += u64::from(right);
        bin.confidence += confidence;
    }

    pub(super) fn finish(&self) -> Calibration {
        let pairs: u64 = self.0.iter().map(|bin| bin.pairs).sum();
        // A bin's share of the pairs times its distance: its pairs cancel.
        let distance: f64 = self.0.iter().map(|bin| (bin.right as f64 - bin.confidence).abs()).sum();
        let edge = |bin: usize| 100.0 * bin as f64 / BINS as f64;
        let bin = |(place, bin): (usize, &BinTally)| Bin {
            from: edge(place),
            to: edge(place + 1),
            pairs: bin.pairs,
            confidence: (bin.pairs > 0).then(|| 100.0 * bin.confidence / bin.pairs as f64),
            accuracy: percent(bin.right, bin.pairs),
        };
        Calibration {
            expected_error: (pairs > 0).then(|| 100.0 * distance / pairs as f64),
            bins: self.0.iter().enumerate().map(bin).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_what_a_pencil_says() {
        let mut tally = CalibrationTally::default();
        // Bin 12 of 15, above 11/15 = 0.733 and up to 0.8: two of three right at 0.75 on average.
        for (confidence, right) in [(0.74, true), (0.75, false), (0.76, true)] {
            tally.add(confidence, right);
        }
        // The last bin: one of one right at 0.95.
        tally.add(0.95, true);
        let found = tally.finish();
        // (3 * |2/3 - 0.75| + 1 * |1 - 0.95|) / 4 = (0.25 + 0.05) / 4
        assert!((found.expected_error.unwrap() - 7.5).abs() < 1e-9, "{found:?}");
        let full: Vec<usize> = (0..BINS).filter(|&bin| found.bins[bin].pairs > 0).collect();
        assert_eq!(full, [11, 14]);
        let Bin { from, to, pairs, confidence, accuracy } = found.bins[11];
        assert!((from - 100.0 * 11.0 / 15.0).abs() < 1e-9 && (to - 80.0).abs() < 1e-9 && pairs == 3);
        assert!((confidence.unwrap() - 75.0).abs() < 1e-9 && (accuracy.unwrap() - 200.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn an_edge_belongs_to_the_bin_below_it() {
        let mut tally = CalibrationTally::default();
        for confidence in [0.0, 0.2, 0.2 + 1e-9, 1.0] {
            tally.add(confidence, true);
        }
        let pairs: Vec<u64> = tally.finish().bins.iter().map(|bin| bin.pairs).collect();
        assert_eq!(pairs, [1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn nothing_counted_is_no_error_at_all() {
        assert_eq!(CalibrationTally::default().finish().expected_error, None);
    }
}
