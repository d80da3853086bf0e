//! The two heads together.

use serde::{Deserialize, Serialize};

use super::answered_pair::{AnsweredPair, percent};

/// The right answers of the two heads together. The four counts from `both_right` to `neither_right` make up all pairs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Joint {
    /// Pairs of an image and an addend.
    pub pairs: u64,
    /// Digit and sum are right.
    pub both_right: u64,
    /// The digit is right, the sum is wrong: a slip in adding.
    pub digit_only: u64,
    /// The sum is right, the digit is wrong.
    pub sum_only: u64,
    /// Digit and sum are wrong.
    pub neither_right: u64,
    /// The sum less the addend is the digit answered, be it right or wrong.
    pub consistent: u64,
    /// Consistent pairs with neither right: a digit misread and then added rightly.
    pub misread: u64,
    /// Share of the right sum among the pairs with the right digit, in percent.
    pub sum_given_digit: Option<f64>,
    /// Share of the right digit among the pairs with the right sum, in percent.
    pub digit_given_sum: Option<f64>,
    /// Share of consistent pairs, in percent.
    pub consistency: Option<f64>,
}

impl Joint {
    pub(super) fn add(&mut self, answer: &AnsweredPair<'_>) {
        self.pairs += 1;
        let consistent = u64::from(answer.is_consistent());
        self.consistent += consistent;
        match (answer.digit_is_right(), answer.sum_is_right()) {
            (true, true) => self.both_right += 1,
            (true, false) => self.digit_only += 1,
            (false, true) => self.sum_only += 1,
            (false, false) => {
                self.neither_right += 1;
                self.misread += consistent;
            }
        }
    }

    pub(super) fn with_shares(self) -> Self {
        Self {
            sum_given_digit: percent(self.both_right, self.both_right + self.digit_only),
            digit_given_sum: percent(self.both_right, self.both_right + self.sum_only),
            consistency: percent(self.consistent, self.pairs),
            ..self
        }
    }
}
