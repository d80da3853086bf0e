//! The cross-entropy of one row and one distribution.

use crate::math::{exp, ln};
use crate::matrix::WIDTH;

/// Exponentials that are taken together: compilers vectorize loops of constant length.
const TOGETHER: usize = WIDTH.lanes();

/// The distribution that a row should give: the sum of three parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowTarget<'a> {
    /// A class, and the part of the whole at it.
    pub(crate) label: Option<(usize, f32)>,
    /// The part of the whole at every class.
    pub(crate) even_share: f32,
    /// Probabilities of all classes and the part of the whole that they are.
    pub(crate) soft: Option<(&'a [f32], f32)>,
    /// What the three sum to: 1 where they are a distribution.
    pub(crate) mass: f32,
}

impl RowTarget<'_> {
    /// Turns the exponentials of a row's shifted logits, `values`, into their gradient, in place. Returns the loss in nats.
    /// `largest` is the logit that was subtracted from all.
    #[inline(always)]
    pub(crate) fn finish(&self, logits: &[f32], largest: f32, values: &mut [f32]) -> f32 {
        let &Self { label, even_share, soft, mass } = self;
        let total: f32 = values.iter().fold(0.0, |total, value| total + value);
        let inverse = 1.0 / total;
        for value in values.iter_mut() {
            *value = *value * inverse * mass - even_share;
        }
        let mut loss = ln(total) * mass;
        if let Some((label, share)) = label {
            values[label] -= share;
            loss -= share * (logits[label] - largest);
        }
        if even_share > 0.0 {
            let shifted_sum = logits.iter().fold(0.0, |total, logit| total + (logit - largest));
            loss -= even_share * shifted_sum;
        }
        if let Some((probabilities, weight)) = soft {
            let mut expected = 0.0;
            for ((value, logit), probability) in values.iter_mut().zip(logits).zip(probabilities) {
                let share = weight * probability;
                *value -= share;
                expected += share * (logit - largest);
            }
            loss -= expected;
        }
        loss
    }
}

/// Writes the logits less the largest, whose class, the first of equals, is returned.
#[inline(always)]
pub(crate) fn shift(logits: &[f32], shifted: &mut [f32]) -> usize {
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

/// Replaces each value by its exponential, all at most 0.
#[inline(always)]
pub(crate) fn exponentials(values: &mut [f32]) {
    let (chunks, rest) = values.as_chunks_mut::<TOGETHER>();
    for chunk in chunks {
        for value in chunk {
            *value = exp(*value);
        }
    }
    for value in rest {
        *value = exp(*value);
    }
}
