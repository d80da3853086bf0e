//! The images that fail most.

use adder_data::DIGITS;
use serde::{Deserialize, Serialize};

use super::answered_pair::AnsweredPair;

/// An image that failed with at least one addend. Its probabilities and its loss are means over the addends it was asked with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorstImage {
    /// Its index in its own file: the training file for the validation set, the test file for the evaluation set.
    pub index: u32,
    /// The digit that it is labelled with.
    pub digit: u8,
    /// Pairs that it was asked as.
    pub pairs: u64,
    /// The addends with which the digit, the sum or both were wrong, in the order asked.
    pub failed_addends: Vec<u8>,
    /// Loss of both heads per pair, in nats.
    pub loss: f64,
    /// The digit head's probability of each digit, `[10]`.
    pub digit_probabilities: Vec<f64>,
    /// The sum head's probability of each digit plus the addend, `[10]`. What is missing to 1 are sums that no digit makes
    /// with the addend.
    pub sum_probabilities: Vec<f64>,
}

/// The worst images so far, and the one at hand.
#[derive(Clone, Debug)]
pub(super) struct WorstImages {
    most: usize,
    failed: Vec<WorstImage>,
    current: ImageTally,
}

#[derive(Clone, Debug, Default)]
struct ImageTally {
    pairs: u64,
    failed_addends: Vec<u8>,
    loss: f64,
    digit_probabilities: [f64; DIGITS],
    sum_probabilities: [f64; DIGITS],
}

impl WorstImages {
    pub(super) fn new(most: usize) -> Self {
        Self { most, failed: Vec::new(), current: ImageTally::default() }
    }

    /// Counts a pair of the image at hand.
    pub(super) fn add(&mut self, answer: &AnsweredPair<'_>) {
        let image = &mut self.current;
        image.pairs += 1;
        image.loss += answer.loss();
        if !answer.both_are_right() {
            image.failed_addends.push(answer.addend);
        }
        let sums = &answer.sum_probabilities[usize::from(answer.addend)..];
        add(&mut image.digit_probabilities, answer.digit_probabilities);
        add(&mut image.sum_probabilities, sums);
    }

    /// Keeps the image at hand if it failed, and makes room for the next.
    pub(super) fn finish_image(&mut self, index: u32, digit: u8) {
        let image = std::mem::take(&mut self.current);
        if image.failed_addends.is_empty() {
            return;
        }
        let pairs = image.pairs as f64;
        let mean = |sums: [f64; DIGITS]| sums.map(|sum| sum / pairs).to_vec();
        self.failed.push(WorstImage {
            index,
            digit,
            pairs: image.pairs,
            failed_addends: image.failed_addends,
            loss: image.loss / pairs,
            digit_probabilities: mean(image.digit_probabilities),
            sum_probabilities: mean(image.sum_probabilities),
        });
    }

    /// The images that fail with most addends first; among equals, those with the highest loss.
    pub(super) fn finish(mut self) -> Vec<WorstImage> {
        let failures = |image: &WorstImage| image.failed_addends.len();
        self.failed.sort_by(|a, b| {
            failures(b).cmp(&failures(a)).then(b.loss.total_cmp(&a.loss)).then(a.index.cmp(&b.index))
        });
        self.failed.truncate(self.most);
        self.failed
    }
}

/// Adds as many of `terms` as there are `sums`.
fn add(sums: &mut [f64], terms: &[f64]) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum += term;
    }
}
