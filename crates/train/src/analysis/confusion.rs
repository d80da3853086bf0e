//! The confusion matrix and the scores that follow.

use serde::{Deserialize, Serialize};

use super::answered_pair::percent;

/// Counts of (true class, answered class). As JSON: an array of rows, one for each true class, with a column for each answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Confusion(Vec<Vec<u64>>);

/// Scores of one class against the rest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    /// The class: a digit or a sum.
    pub class: u8,
    /// Pairs that are of this class.
    pub pairs: u64,
    /// Pairs that were answered with it.
    pub answered: u64,
    /// Share of the pairs of it among those answered with it, in percent.
    pub precision: Option<f64>,
    /// Share of the pairs answered with it among those of it, in percent.
    pub recall: Option<f64>,
    /// Harmonic mean of precision and recall, in percent.
    pub f1: Option<f64>,
}

impl Confusion {
    pub(super) fn new(classes: usize) -> Self {
        Self(vec![vec![0; classes]; classes])
    }

    pub(super) fn add(&mut self, target: u8, answer: u8) {
        self.0[usize::from(target)][usize::from(answer)] += 1;
    }

    /// One row for each true class, with a column for each answer.
    pub fn rows(&self) -> &[Vec<u64>] {
        &self.0
    }

    /// The mistakes as (true class, answer, pairs), the most frequent first.
    pub fn mistakes(&self) -> Vec<(u8, u8, u64)> {
        let cells = self.0.iter().enumerate().flat_map(|(target, row)| {
            row.iter().enumerate().map(move |(answer, &pairs)| (target as u8, answer as u8, pairs))
        });
        let mut mistakes: Vec<_> =
            cells.filter(|&(target, answer, pairs)| target != answer && pairs > 0).collect();
        // Stable: equals stay in the order of the classes.
        mistakes.sort_by_key(|&(_, _, pairs)| std::cmp::Reverse(pairs));
        mistakes
    }

    pub(super) fn scores(&self) -> Vec<ClassScores> {
        let score = |class: usize| {
            let right = self.0[class][class];
            let pairs = self.0[class].iter().sum();
            let answered = self.0.iter().map(|row| row[class]).sum();
            ClassScores {
                class: class as u8,
                pairs,
                answered,
                precision: percent(right, answered),
                recall: percent(right, pairs),
                // 2PR / (P + R) with the common factor gone, which is also right where one of the two is zero.
                f1: percent(2 * right, pairs + answered),
            }
        };
        (0..self.0.len()).map(score).collect()
    }
}
