//! Softmax cross-entropy of both heads, its gradient and the count of right answers.

use super::Targets;
use super::math::{exp, ln};
use crate::Isa;
use crate::arch::{Kernel, Lanes};
use crate::dense::{Matrix, WIDTH};

/// Exponentials that are taken together: compilers vectorise loops of constant length.
const TOGETHER: usize = WIDTH.lanes();

/// Sums over the images of a batch: add them over batches, divide once.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HeadTally {
    /// Pairs of an image and an addend.
    pub pairs: usize,
    /// The cross-entropies of the digit head, in nats.
    pub digit_loss: f64,
    /// The cross-entropies of the sum head, in nats.
    pub sum_loss: f64,
    /// Pairs whose digit is right: the first largest logit counts.
    pub digit_correct: usize,
    /// Pairs whose sum is right.
    pub sum_correct: usize,
    /// Pairs of which both are right.
    pub both_correct: usize,
}

/// The cross-entropies of rows that hold the digit head's logits, then the sum head's.
pub(super) struct CrossEntropy<'a> {
    /// `[b, digits + sums]`.
    pub(super) logits: &'a Matrix,
    /// Classes of the digit head: where those of the sum head begin.
    pub(super) classes: usize,
    pub(super) targets: Targets<'a>,
    /// Of the sum over the batch with respect to each logit, `[b, digits + sums]`.
    pub(super) grad: &'a mut Matrix,
}

impl CrossEntropy<'_> {
    pub(super) fn run(self, isa: Isa) -> HeadTally {
        self.grad.clear(self.logits.rows());
        isa.run(WIDTH, self)
    }
}

impl<'a> Kernel for CrossEntropy<'a> {
    type Output = HeadTally;

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) -> HeadTally {
        let (stride, ends) = (self.logits.stride(), [self.classes, self.logits.columns()]);
        let rows = self.logits.values().chunks_exact(stride);
        let rows = rows.zip(self.grad.values_mut().chunks_exact_mut(stride));
        let Targets { digits, sums, label_smoothing, soft } = self.targets;
        let weight = soft.map_or(0.0, |soft| soft.weight);
        let mut tally = HeadTally { pairs: digits.len(), ..HeadTally::default() };
        for (pair, ((logits, grad), (&digit, &sum))) in rows.zip(digits.iter().zip(sums)).enumerate() {
            let (digit_logits, sum_logits) = logits[..ends[1]].split_at(ends[0]);
            let [digit_grad, sum_grad, _] = parts(grad, ends);
            let digit_top = shift(digit_logits, digit_grad);
            let sum_top = shift(sum_logits, sum_grad);
            for values in grad.as_chunks_mut::<TOGETHER>().0 {
                for value in values {
                    *value = exp(*value);
                }
            }
            let [digit_grad, sum_grad, padding] = parts(grad, ends);
            padding.fill(0.0);

            let target = |class: u8, distributions: Option<&'a [f32]>, classes: usize| {
                let soft = distributions.map(|all| &all[pair * classes..][..classes]);
                Target { class: class.into(), smoothing: label_smoothing, soft, weight }
            };
            let target_digit = target(digit, soft.map(|soft| soft.digits), digit_logits.len());
            let target_sum = target(sum, soft.map(|soft| soft.sums), sum_logits.len());
            let digit_loss = target_digit.finish(digit_logits, digit_logits[digit_top], digit_grad);
            let sum_loss = target_sum.finish(sum_logits, sum_logits[sum_top], sum_grad);
            tally.digit_loss += f64::from(digit_loss);
            tally.sum_loss += f64::from(sum_loss);
            let (digit_right, sum_right) = (digit_top == usize::from(digit), sum_top == usize::from(sum));
            tally.digit_correct += usize::from(digit_right);
            tally.sum_correct += usize::from(sum_right);
            tally.both_correct += usize::from(digit_right && sum_right);
        }
        tally
    }
}

/// A row's values of the digit head and of the sum head, which end at `ends`, and its padding.
#[inline(always)]
fn parts(row: &mut [f32], ends: [usize; 2]) -> [&mut [f32]; 3] {
    let (classes, padding) = row.split_at_mut(ends[1]);
    let (digit, sum) = classes.split_at_mut(ends[0]);
    [digit, sum, padding]
}

/// Writes the logits less the largest, whose class, the first of equals, is returned.
#[inline(always)]
fn shift(logits: &[f32], shifted: &mut [f32]) -> usize {
    let mut top = 0;
    for (class, &logit) in logits.iter().enumerate() {
        if logit > logits[top] {
            top = class;
        }
    }
    for (shifted, logit) in shifted.iter_mut().zip(logits) {
        *shifted = logit - logits[top];
    }
    top
}

/// Turns rows of `classes` logits into probabilities, in place: the same bits on every machine.
///
/// # Panics
/// If there are no classes.
pub fn softmax(logits: &mut [f32], classes: usize) {
    for row in logits.chunks_exact_mut(classes) {
        let largest = row.iter().fold(f32::NEG_INFINITY, |largest, &logit| largest.max(logit));
        for value in row.iter_mut() {
            *value = exp(*value - largest);
        }
        let total: f32 = row.iter().fold(0.0, |total, value| total + value);
        let inverse = 1.0 / total;
        for value in row.iter_mut() {
            *value *= inverse;
        }
    }
}

/// What one head's distribution should be: all at one class, but for what smoothing spreads evenly over all and for the part
/// `weight` that is another distribution.
struct Target<'a> {
    class: usize,
    smoothing: f32,
    soft: Option<&'a [f32]>,
    weight: f32,
}

impl Target<'_> {
    /// From the exponentials of the shifted logits, `values`, to their gradient, in place. Returns the loss.
    #[inline(always)]
    fn finish(&self, logits: &[f32], largest: f32, values: &mut [f32]) -> f32 {
        let total: f32 = values.iter().fold(0.0, |total, value| total + value);
        let of_label = 1.0 - self.weight;
        let (inverse, even_share) = (1.0 / total, of_label * self.smoothing / logits.len() as f32);
        for value in values.iter_mut() {
            *value = *value * inverse - even_share;
        }
        let label_share = of_label * (1.0 - self.smoothing);
        values[self.class] -= label_share;

        let mut loss = ln(total) - label_share * (logits[self.class] - largest);
        if self.smoothing > 0.0 {
            let shifted_sum = logits.iter().fold(0.0, |total, logit| total + (logit - largest));
            loss -= even_share * shifted_sum;
        }
        if let Some(soft) = self.soft {
            let mut expected = 0.0;
            for ((value, logit), probability) in values.iter_mut().zip(logits).zip(soft) {
                let share = self.weight * probability;
                *value -= share;
                expected += share * (logit - largest);
            }
            loss -= expected;
        }
        loss
    }
}
