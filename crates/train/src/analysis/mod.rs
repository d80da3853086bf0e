//! The errors of an evaluation: per class, per addend, by confidence, and of the two heads together.
//!
//! Two heads answer one question each, and the second answer follows from the first and the addend. So beside what any
//! classifier can be asked (confusion, precision, calibration) there is the joint question: does the network add what it
//! reads? [`Joint`] counts it, over all ten addends of each image where the evaluation is exhaustive.

mod answered_pair;
mod calibration;
mod confusion;
mod errors;
mod joint;
mod table;
#[cfg(test)]
mod tests;
mod worst;

use adder_data::{Batch, DIGITS, EvaluationAddends, SUMS};
use adder_model::{Logits, argmax};
use serde::{Deserialize, Serialize};

pub use calibration::{Bin, Calibration};
pub use confusion::{ClassScores, Confusion};
pub use errors::{ErrorCounts, Errors};
pub use joint::Joint;
pub use worst::WorstImage;

use answered_pair::AnsweredPair;
use calibration::CalibrationTally;
use worst::WorstImages;

/// The details of an evaluation beyond its losses and accuracies. Shares, scores and errors of calibration are in percent;
/// `null` in JSON where they would divide by zero. Probabilities are from 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// Pairs of an image and an addend that were counted.
    pub pairs: u64,
    /// Whether each image was asked with all ten addends.
    pub exhaustive: bool,
    /// The digit head: ten classes.
    pub digit: HeadAnalysis,
    /// The sum head: nineteen classes.
    pub sum: HeadAnalysis,
    /// The right answers of the two heads together.
    pub joint: Joint,
    /// Errors by digit and addend.
    pub errors: Errors,
    /// The images that fail most, the worst first; images that never fail are not among them.
    pub worst: Vec<WorstImage>,
}

/// One head by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadAnalysis {
    /// Counts of true and answered classes.
    pub confusion: Confusion,
    /// Precision, recall and F1 of each class, in the order of the classes.
    pub classes: Vec<ClassScores>,
    /// The head's confidence against its accuracy.
    pub calibration: Calibration,
}

/// An [`Analysis`] in the making: batches go in, in any number.
#[derive(Clone, Debug)]
pub(crate) struct AnalysisTally {
    exhaustive: bool,
    digit: HeadTally,
    sum: HeadTally,
    joint: Joint,
    errors: Errors,
    worst: WorstImages,
}

#[derive(Clone, Debug)]
struct HeadTally {
    confusion: Confusion,
    calibration: CalibrationTally,
}

impl AnalysisTally {
    /// Nothing counted yet; of the images that fail, the `worst` many will be shown.
    pub(crate) fn new(addends: EvaluationAddends, worst: usize) -> Self {
        Self {
            exhaustive: addends == EvaluationAddends::Exhaustive,
            digit: HeadTally::new(DIGITS),
            sum: HeadTally::new(SUMS),
            joint: Joint::default(),
            errors: Errors::default(),
            worst: WorstImages::new(worst),
        }
    }

    /// Counts a batch with its logits, which [`Tally::of_logits`](adder_model::Tally::of_logits) has found to fit it.
    pub(crate) fn add(&mut self, batch: &Batch, logits: &Logits) {
        let per_image = batch.addends_per_image;
        for (place, &image) in batch.indices.iter().enumerate() {
            for pair in place * per_image..(place + 1) * per_image {
                let digit_logits = &logits.digit[pair * DIGITS..][..DIGITS];
                let sum_logits = &logits.sum[pair * SUMS..][..SUMS];
                self.add_pair(&AnsweredPair {
                    addend: batch.addends[pair],
                    digit: [batch.digits[pair], argmax(digit_logits) as u8],
                    sum: [batch.sums[pair], argmax(sum_logits) as u8],
                    digit_probabilities: &softmax(digit_logits),
                    sum_probabilities: &softmax(sum_logits),
                });
            }
            self.worst.finish_image(image, batch.digits[place * per_image]);
        }
    }

    fn add_pair(&mut self, answer: &AnsweredPair<'_>) {
        self.digit.add(answer.digit, answer.digit_probabilities);
        self.sum.add(answer.sum, answer.sum_probabilities);
        self.joint.add(answer);
        self.errors.add(answer);
        self.worst.add(answer);
    }

    /// The analysis of all that was counted.
    pub(crate) fn finish(self) -> Analysis {
        Analysis {
            pairs: self.joint.pairs,
            exhaustive: self.exhaustive,
            digit: self.digit.finish(),
            sum: self.sum.finish(),
            joint: self.joint.with_shares(),
            errors: self.errors,
            worst: self.worst.finish(),
        }
    }
}

impl HeadTally {
    fn new(classes: usize) -> Self {
        Self { confusion: Confusion::new(classes), calibration: CalibrationTally::default() }
    }

    fn add(&mut self, [target, answer]: [u8; 2], probabilities: &[f64]) {
        self.confusion.add(target, answer);
        self.calibration.add(probabilities[usize::from(answer)], target == answer);
    }

    fn finish(self) -> HeadAnalysis {
        let classes = self.confusion.scores();
        HeadAnalysis { confusion: self.confusion, classes, calibration: self.calibration.finish() }
    }
}

/// Probabilities in `f64`, so that confidences near 1 keep their distance from it.
fn softmax(logits: &[f32]) -> Vec<f64> {
    let largest = f64::from(logits[argmax(logits)]);
    let exponentials: Vec<f64> = logits.iter().map(|&logit| (f64::from(logit) - largest).exp()).collect();
    let total: f64 = exponentials.iter().sum();
    exponentials.into_iter().map(|exponential| exponential / total).collect()
}
