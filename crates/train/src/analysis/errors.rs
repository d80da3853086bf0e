//! Errors by digit, by addend, and by both.

use std::ops::AddAssign;

use adder_data::{ADDENDS, DIGITS};
use serde::{Deserialize, Serialize};

use super::answered_pair::AnsweredPair;

/// Errors by what the pair is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errors {
    /// For each digit 0..=9.
    pub by_digit: Vec<ErrorCounts>,
    /// For each addend 0..=9.
    pub by_addend: Vec<ErrorCounts>,
    /// `[digit][addend]`.
    pub by_digit_and_addend: Vec<Vec<ErrorCounts>>,
}

/// Pairs, and how many of them are wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorCounts {
    /// All pairs.
    pub pairs: u64,
    /// Pairs whose digit is wrong.
    pub digit: u64,
    /// Pairs whose sum is wrong.
    pub sum: u64,
    /// Pairs of which one or both are wrong.
    pub either: u64,
}

impl Default for Errors {
    fn default() -> Self {
        let none = ErrorCounts::default();
        Self {
            by_digit: vec![none; DIGITS],
            by_addend: vec![none; ADDENDS],
            by_digit_and_addend: vec![vec![none; ADDENDS]; DIGITS],
        }
    }
}

impl Errors {
    pub(super) fn add(&mut self, answer: &AnsweredPair<'_>) {
        let counts = ErrorCounts {
            pairs: 1,
            digit: u64::from(!answer.digit_is_right()),
            sum: u64::from(!answer.sum_is_right()),
            either: u64::from(!answer.both_are_right()),
        };
        let [digit, addend] = [answer.digit[0], answer.addend].map(usize::from);
        self.by_digit[digit] += counts;
        self.by_addend[addend] += counts;
        self.by_digit_and_addend[digit][addend] += counts;
    }
}

impl AddAssign for ErrorCounts {
    fn add_assign(&mut self, other: Self) {
        self.pairs += other.pairs;
        self.digit += other.digit;
        self.sum += other.sum;
        self.either += other.either;
    }
}
