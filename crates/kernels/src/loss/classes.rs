//! Softmax cross-entropy of one tensor of logits with any number of classes.

use rayon::prelude::*;

use super::row::{RowTarget, exponentials, shift};
use crate::arch::{Kernel, Lanes};
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
        let mut loss = 0.0;
        let rows = logits.chunks_exact(classes).zip(grad.chunks_exact_mut(classes));
        for (row, (logits, grad)) in rows.enumerate() {
            let top = shift(logits, grad);
            exponentials(grad);
            let target = targets.of_row(first_row + row, classes, label_smoothing);
            loss += f64::from(target.finish(logits, logits[top], grad));
        }
        loss
    }
}
