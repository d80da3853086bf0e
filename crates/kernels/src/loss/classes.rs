//! Softmax cross-entropy of one tensor of logits with any number of classes.

use rayon::prelude::*;

use super::row::{RowTarget, exponentials, shift};
use crate::arch::{Kernel, Lanes};
use crate::math::exp;
use crate::matrix::WIDTH;
use crate::shape::{check_len, check_probability, volume};
use crate::{Error, Isa, Result};

/// The logits of a task, some 10 us of work.
const TASK_LOGITS: usize = 4 * 1024;

/// What rows of logits should give.
#[derive(Clone, Copy, Debug)]
pub enum ClassTargets<'a> {
    /// The class of each row, `[b]`.
    Labels(&'a [u32]),
    /// A distribution over the classes for each row, `[b, classes]`. Rows that don't sum to 1 have the loss that the formula
    /// `-sum(p * ln(softmax))` gives.
    Probabilities(&'a [f32]),
}

impl ClassTargets<'_> {
    #[inline(always)]
    fn of_row(&self, row: usize, classes: usize, smoothing: f32) -> RowTarget<'_> {
        let even_share = smoothing / classes as f32;
        match self {
            Self::Labels(labels) => RowTarget {
                label: Some((labels[row] as usize, 1.0 - smoothing)),
                even_share,
                soft: None,
                mass: 1.0,
            },
            Self::Probabilities(probabilities) => {
                let probabilities = &probabilities[row * classes..][..classes];
                let total: f64 = probabilities.iter().map(|&probability| f64::from(probability)).sum();
                let mass = (total * f64::from(1.0 - smoothing)) as f32 + smoothing;
                RowTarget { label: None, even_share, soft: Some((probabilities, 1.0 - smoothing)), mass }
            }
        }
    }

    fn check(&self, rows: usize, classes: usize) -> Result<()> {
        match self {
            Self::Labels(labels) => {
                check_len("labels", labels, rows)?;
                match labels.iter().position(|&label| label as usize >= classes) {
                    Some(index) => {
                        Err(Error::Class { argument: "labels", index, found: labels[index], classes })
                    }
                    None => Ok(()),
                }
            }
            Self::Probabilities(probabilities) => {
                check_len("probabilities", probabilities, volume("probabilities", &[rows, classes])?)
            }
        }
    }
}

/// The sum over all rows of the softmax cross-entropies, in nats, of `logits`, `[b, classes]`; their gradients at the logits are
/// written over `grad`, `[b, classes]`.
///
/// A `label_smoothing` of `s` makes a distribution `1 - s` of itself plus `s / classes` at every class, as in PyTorch. The rows
/// are shared out over the threads.
///
/// # Errors
/// [`Error::Length`] for a slice of another size, [`Error::Dimension`] for no classes, [`Error::Class`] for a label that is no
/// class, and [`Error::Probability`] for a smoothing that is not at least 0 and less than 1.
pub fn cross_entropy(
    isa: Isa,
    logits: &[f32],
    [rows, classes]: [usize; 2],
    targets: ClassTargets<'_>,
    label_smoothing: f32,
    grad: &mut [f32],
) -> Result<f64> {
    if classes == 0 {
        return Err(Error::Dimension { argument: "classes", found: 0, expected: "at least 1".into() });
    }
    check_len("logits", logits, volume("logits", &[rows, classes])?)?;
    check_len("grad", grad, logits.len())?;
    check_probability("label_smoothing", label_smoothing)?;
    targets.check(rows, classes)?;
    let rows_a_task = TASK_LOGITS.div_ceil(classes);
    let tasks = logits.par_chunks(rows_a_task * classes).zip(grad.par_chunks_mut(rows_a_task * classes));
    let losses: Vec<f64> = tasks
        .enumerate()
        .map(|(task, (logits, grad))| {
            let first_row = task * rows_a_task;
            isa.run(WIDTH, Rows { logits, classes, first_row, targets, label_smoothing, grad })
        })
        .collect();
    Ok(losses.into_iter().sum())
}

/// The cross-entropies of the rows from `first_row` on.
struct Rows<'a> {
    logits: &'a [f32],
    classes: usize,
    first_row: usize,
    targets: ClassTargets<'a>,
    label_smoothing: f32,
    grad: &'a mut [f32],
}

impl Kernel for Rows<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) -> f64 {
        let Self { logits, classes, first_row, targets, label_smoothing, grad } = self;
        let (mut loss, least) = (0.0, exp(-87.0));
        let rows = logits.chunks_exact(classes).zip(grad.chunks_exact_mut(classes));
        for (row, (logits, grad)) in rows.enumerate() {
            let top = shift(logits, grad);
            exponentials(grad);
            // That of a class that is ruled out is nothing, where `exp` stops at its smallest normal number.
            grad.iter_mut().for_each(|value| *value = if *value <= least { 0.0 } else { *value });
            let target = targets.of_row(first_row + row, classes, label_smoothing);
            loss += f64::from(target.finish(logits, logits[top], grad));
        }
        loss
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_that_is_no_class_is_named_and_nothing_is_written() {
        let (isa, logits, mut grad) = (Isa::best(), [0.0; 600], [7.0; 600]);
        let labels = ClassTargets::Labels(&[299, 300]);
        let error = cross_entropy(isa, &logits, [2, 300], labels, 0.0, &mut grad).unwrap_err();
        assert_eq!(error, Error::Class { argument: "labels", index: 1, found: 300, classes: 300 });
        assert_eq!(grad, [7.0; 600]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let (isa, labels) = (Isa::best(), ClassTargets::Labels(&[0, 1]));
        let run = |logits: &[f32], shape, targets, smoothing| {
            cross_entropy(isa, logits, shape, targets, smoothing, &mut [0.0; 6]).unwrap_err()
        };
        let wrong = |argument, expected, found| Error::Length { argument, expected, found };
        assert_eq!(run(&[0.0; 5], [2, 3], labels, 0.0), wrong("logits", 6, 5));
        assert_eq!(run(&[0.0; 6], [3, 2], labels, 0.0), wrong("labels", 3, 2));
        let soft = ClassTargets::Probabilities(&[0.0; 5]);
        assert_eq!(run(&[0.0; 6], [2, 3], soft, 0.0), wrong("probabilities", 6, 5));
        assert_eq!(
            run(&[0.0; 6], [2, 3], labels, 1.0),
            Error::Probability { argument: "label_smoothing", found: 1.0 }
        );
        assert!(matches!(run(&[], [2, 0], labels, 0.0), Error::Dimension { argument: "classes", .. }));
    }

    #[test]
    fn a_class_that_is_ruled_out_has_no_gradient() {
        let (logits, mut grad) = ([0.0, f32::NEG_INFINITY, -1000.0, 0.0], [7.0; 4]);
        let labels = ClassTargets::Labels(&[3]);
        let loss = cross_entropy(Isa::best(), &logits, [1, 4], labels, 0.0, &mut grad).unwrap();
        assert!((loss - 2f64.ln()).abs() < 1e-6);
        assert_eq!(grad, [0.5, 0.0, 0.0, -0.5]);
        // A NaN is not ruled out.
        cross_entropy(Isa::best(), &[f32::NAN, 0.0], [1, 2], ClassTargets::Labels(&[1]), 0.0, &mut grad[..2])
            .unwrap();
        assert!(grad[0].is_nan() && grad[1].is_nan());
    }
}
