//! Losses and accuracies as sums and counts, divided once.

use std::ops::AddAssign;

use adder_kernels::loss::{HeadTally, Tally as HeadsTally};
use serde::{Deserialize, Serialize};

use crate::{DIGITS, Error, Result, SUMS};

/// Sums over pairs of an image and an addend. Adding two tallies gives that of both sets, so a last, smaller batch
/// counts by its size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// Pairs of an image and an addend.
    pub pairs: u64,
    /// Sum of the digit head's cross-entropies, in nats.
    pub digit_loss: f64,
    /// Sum of the sum head's cross-entropies, in nats.
    pub sum_loss: f64,
    /// Pairs whose digit is right.
    pub digit_correct: u64,
    /// Pairs whose sum is right.
    pub sum_correct: u64,
    /// Pairs of which both are right.
    pub both_correct: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.pairs += other.pairs;
        self.digit_loss += other.digit_loss;
        self.sum_loss += other.sum_loss;
        self.digit_correct += other.digit_correct;
        self.sum_correct += other.sum_correct;
        self.both_correct += other.both_correct;
    }
}

/// Loss and accuracy of one head, or of both together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadMetrics {
    /// Mean loss per pair, in nats.
    pub loss: f64,
    /// Share of right answers, in percent.
    pub accuracy: f64,
}

/// Means and accuracies of a tally.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// The digit head.
    pub digit: HeadMetrics,
    /// The sum head.
    pub sum: HeadMetrics,
    /// The loss of the two added up, as trained; a pair is right when both heads are.
    pub both: HeadMetrics,
}

impl Tally {
    /// The tally of one batch from its logits, `digit` as `[pairs, 10]` and `sum` as `[pairs, 19]`, row by row. The
    /// prediction is the first largest logit; the loss is computed in `f64`.
    ///
    /// # Errors
    /// [`Error::Argument`] where lengths disagree or a target is out of range.
    pub fn of_logits(digit: &[f32], sum: &[f32], digits: &[u8], sums: &[u8]) -> Result<Self> {
        let pairs = digits.len();
        check_len("digit logits", digit.len(), pairs * DIGITS)?;
        check_len("sum logits", sum.len(), pairs * SUMS)?;
        check_len("sums", sums.len(), pairs)?;
        Ok(Self::from(&score_heads(&[(digit, digits), (sum, sums)])?))
    }

    /// Means per pair and accuracies in percent; not a number where there are no pairs.
    pub fn metrics(&self) -> Metrics {
        let pairs = self.pairs as f64;
        let head = |loss: f64, correct: u64| HeadMetrics {
            loss: loss / pairs,
            accuracy: 100.0 * correct as f64 / pairs,
        };
        Metrics {
            digit: head(self.digit_loss, self.digit_correct),
            sum: head(self.sum_loss, self.sum_correct),
            both: head(self.digit_loss + self.sum_loss, self.both_correct),
        }
    }
}

impl From<&HeadsTally> for Tally {
    /// The tally of a digit head and a sum head.
    fn from(tally: &HeadsTally) -> Self {
        let [digit, sum] = [0, 1].map(|head| &tally.heads[head]);
        Self {
            pairs: tally.rows as u64,
            digit_loss: digit.loss,
            sum_loss: sum.loss,
            digit_correct: digit.correct as u64,
            sum_correct: sum.correct as u64,
            both_correct: tally.all_correct as u64,
        }
    }
}

/// The tally of a batch from each head's logits, `[rows, classes]`, and labels, `[rows]`, in `f64`.
pub(crate) fn score_heads(heads: &[(&[f32], &[u8])]) -> Result<HeadsTally> {
    let rows = heads.first().map_or(0, |(_, labels)| labels.len());
    let mut all_correct = vec![true; rows];
    let mut tally = HeadsTally { rows, heads: Vec::new(), all_correct: 0 };
    for (logits, labels) in heads {
        check_len("labels", labels.len(), rows)?;
        let mut head = HeadTally { loss: 0.0, correct: 0 };
        let classes = logits.len().checked_div(rows).unwrap_or(1).max(1);
        for ((row, &label), all_correct) in logits.chunks_exact(classes).zip(*labels).zip(&mut all_correct) {
            let (loss, right) = score(row, label)?;
            head.loss += loss;
            head.correct += usize::from(right);
            *all_correct &= right;
        }
        tally.heads.push(head);
    }
    tally.all_correct = all_correct.into_iter().filter(|&right| right).count();
    Ok(tally)
}

/// The index of the first largest element, which is a head's prediction; 0 where there is none.
pub fn argmax<T: PartialOrd>(row: &[T]) -> usize {
    let mut best = 0;
    for (index, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = index;
        }
    }
    best
}

/// Cross-entropy of one row and whether its largest logit is the target.
fn score(logits: &[f32], target: u8) -> Result<(f64, bool)> {
    let target = usize::from(target);
    let Some(&logit) = logits.get(target) else {
        let expected = format!("classes below {}", logits.len());
        return Err(Error::Argument { what: "labels", expected, found: target.to_string() });
    };
    let best = argmax(logits);
    // Subtracting the largest logit keeps every exponential in range.
    let largest = f64::from(logits[best]);
    let total: f64 = logits.iter().map(|&x| (f64::from(x) - largest).exp()).sum();
    Ok((total.ln() + (largest - f64::from(logit)), best == target))
}

fn check_len(what: &'static str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Argument { what, expected: format!("{expected} elements"), found: found.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(classes: usize, class: usize) -> Vec<f32> {
        (0..classes).map(|c| if c == class { 2.0 } else { 0.0 }).collect()
    }

    #[test]
    fn a_hand_made_batch_counts_as_it_should() {
        let digit = [row(DIGITS, 3), row(DIGITS, 4)].concat();
        let sum = [row(SUMS, 5), row(SUMS, 6)].concat();
        let tally = Tally::of_logits(&digit, &sum, &[3, 4], &[5, 7]).unwrap();
        assert_eq!((tally.pairs, tally.digit_correct, tally.sum_correct, tally.both_correct), (2, 2, 1, 1));
        let log_total = |classes: f64| (2f64.exp() + classes - 1.0).ln();
        assert!((tally.digit_loss - 2.0 * (log_total(10.0) - 2.0)).abs() < 1e-12);
        assert!((tally.sum_loss - (log_total(19.0) - 2.0 + log_total(19.0))).abs() < 1e-12);
        let metrics = tally.metrics();
        assert_eq!(
            (metrics.digit.accuracy, metrics.sum.accuracy, metrics.both.accuracy),
            (100.0, 50.0, 50.0)
        );
        assert!((metrics.both.loss - metrics.digit.loss - metrics.sum.loss).abs() < 1e-12);
    }

    #[test]
    fn batches_of_any_size_add_up() {
        let digit: Vec<f32> = (0..5 * DIGITS).map(|i| (i * 7 % 11) as f32).collect();
        let sum: Vec<f32> = (0..5 * SUMS).map(|i| (i * 5 % 13) as f32).collect();
        let (digits, sums) = ([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]);
        let whole = Tally::of_logits(&digit, &sum, &digits, &sums).unwrap();
        let mut parts = Tally::of_logits(&digit[..30], &sum[..57], &digits[..3], &sums[..3]).unwrap();
        parts += Tally::of_logits(&digit[30..], &sum[57..], &digits[3..], &sums[3..]).unwrap();
        assert_eq!((whole.digit_correct, whole.sum_correct), (parts.digit_correct, parts.sum_correct));
        assert!((whole.digit_loss - parts.digit_loss).abs() < 1e-9);
    }

    #[test]
    fn huge_logits_stay_finite() {
        let tally = Tally::of_logits(&[3e38; DIGITS], &[-3e38; SUMS], &[0], &[0]).unwrap();
        assert!((tally.digit_loss - 10f64.ln()).abs() < 1e-9 && (tally.sum_loss - 19f64.ln()).abs() < 1e-9);
    }

    #[test]
    fn wrong_lengths_and_targets_are_errors() {
        let (digit, sum) = ([0.0; DIGITS], [0.0; SUMS]);
        assert!(Tally::of_logits(&digit[1..], &sum, &[0], &[0]).is_err());
        assert!(Tally::of_logits(&digit, &sum, &[0], &[]).is_err());
        assert!(Tally::of_logits(&digit, &sum, &[10], &[0]).is_err());
        assert!(Tally::of_logits(&digit, &sum, &[0], &[19]).is_err());
    }
}
