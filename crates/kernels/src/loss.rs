//! Softmax cross-entropy over any number of heads, its gradient, and the count of right classes.

mod classes;
mod row;

use crate::arch::{Kernel, Lanes};
use crate::math::exp;
use crate::matrix::{Matrix, WIDTH};
use crate::shape::{check_classes, check_heads, check_len, check_part, check_probability};
use crate::{Error, Isa, Result};

pub use classes::{ClassTargets, cross_entropy};
use row::{RowTarget, exponentials, shift};

/// The distributions that one head should give: the labels, and others beside them.
#[derive(Clone, Copy, Debug)]
pub struct Targets<'a> {
    /// The class of each row, `[b]`.
    pub labels: &'a [u8],
    /// Smoothing `s` makes a label's distribution `1 - s` at its class plus `s / classes` at every class, as in PyTorch.
    pub label_smoothing: f32,
    /// Distributions that take the place of the labels, or of a part of them.
    pub soft: Option<SoftTargets<'a>>,
}

impl Targets<'_> {
    /// The distribution of one row.
    #[inline(always)]
    fn of_row(&self, row: usize, classes: usize) -> RowTarget<'_> {
        let of_label = 1.0 - self.soft.map_or(0.0, |soft| soft.weight);
        RowTarget {
            label: Some((usize::from(self.labels[row]), of_label * (1.0 - self.label_smoothing))),
            even_share: of_label * self.label_smoothing / classes as f32,
            soft: self.soft.map(|soft| (&soft.probabilities[row * classes..][..classes], soft.weight)),
            mass: 1.0,
        }
    }
}

/// Distributions over the classes of a head, such as the probabilities of other networks (Hinton, Vinyals and Dean,
/// "Distilling the Knowledge in a Neural Network", 2015, at a temperature of 1).
#[derive(Clone, Copy, Debug)]
pub struct SoftTargets<'a> {
    /// `[b, classes]`, each row summing to 1.
    pub probabilities: &'a [f32],
    /// The part of the target, 0 to 1, that they are. The rest is the label's.
    pub weight: f32,
}

/// Sums over the rows of a batch: add them over batches, divide once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Rows of the batch.
    pub rows: usize,
    /// The sums of each head.
    pub heads: Vec<HeadTally>,
    /// Rows of which every head is right.
    pub all_correct: usize,
}

/// Sums over the rows of a batch for one head.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HeadTally {
    /// The cross-entropies, in nats.
    pub loss: f64,
    /// Rows whose class is right: the first largest logit counts.
    pub correct: usize,
}

/// Refuses targets that are not of `rows` rows, or no classes of `heads`.
pub(crate) fn check(targets: &[Targets<'_>], heads: &[usize], rows: usize) -> Result<()> {
    check_len("targets", targets, heads.len())?;
    check_heads(targets.iter().zip(heads), |(targets, &classes)| {
        check_len("labels", targets.labels, rows)?;
        check_classes("labels", targets.labels, classes)?;
        check_probability("label_smoothing", targets.label_smoothing)?;
        if let Some(soft) = &targets.soft {
            check_len("probabilities", soft.probabilities, rows * classes)?;
            check_part("weight", soft.weight)?;
        }
        Ok(())
    })
}

/// The cross-entropies of free-standing logits, `[b, classes]` for each head, against a target for each.
///
/// Writes the gradients of the sum over all rows and heads to `grads`, of the same shapes. The number of rows is that of
/// the labels, the number of classes what the logits have for each of them. Allocates; the loss of
/// [`dense`](crate::dense) does not.
///
/// # Errors
/// [`Error::Length`] where there are not as many targets and gradients as logits, and in [`Error::Head`]:
/// [`Error::Length`] for a slice of another size, [`Error::Dimension`] for more than 256 classes, [`Error::Class`] for a
/// label that is no class, [`Error::Probability`] for a smoothing that is not at least 0 and less than 1, and
/// [`Error::Part`] for a weight that is not from 0 to 1.
pub fn softmax_cross_entropy(
    isa: Isa,
    logits: &[&[f32]],
    targets: &[Targets<'_>],
    grads: &mut [&mut [f32]],
) -> Result<Tally> {
    if logits.is_empty() {
        let expected = "at least 1 head".into();
        return Err(Error::Dimension { argument: "logits", found: 0, expected });
    }
    check_len("targets", targets, logits.len())?;
    check_len("grads", grads, logits.len())?;
    let rows = targets.first().map_or(0, |first| first.labels.len());
    // Without rows nobody can tell how many classes there are, nor does it matter.
    let heads: Vec<usize> = logits.iter().map(|logits| (logits.len() / rows.max(1)).max(1)).collect();
    check_heads(heads.iter().enumerate(), |(head, &classes)| {
        check_len("logits", logits[head], rows * classes)?;
        check_len("grads", grads[head], rows * classes)?;
        match classes {
            0..=256 => Ok(()),
            found => Err(Error::Dimension { argument: "logits", found, expected: "1 to 256 classes".into() }),
        }
    })?;
    check(targets, &heads, rows)?;
    let mut joined = Matrix::new(heads.iter().sum());
    let mut grad = joined.clone();
    joined.join_columns(rows, &heads, logits);
    let tally = CrossEntropy { logits: &joined, heads: &heads, targets, grad: &mut grad }.run(isa);
    grad.split_columns(&heads, 0, grads);
    Ok(tally)
}

/// The cross-entropies of rows that hold the logits of all heads side by side.
pub(crate) struct CrossEntropy<'a> {
    /// `[b, all classes]`.
    pub(crate) logits: &'a Matrix,
    /// Classes of each head.
    pub(crate) heads: &'a [usize],
    /// A target for each head.
    pub(crate) targets: &'a [Targets<'a>],
    /// The gradient of the sum over rows and heads with respect to each logit, `[b, all classes]`.
    pub(crate) grad: &'a mut Matrix,
}

impl CrossEntropy<'_> {
    pub(crate) fn run(self, isa: Isa) -> Tally {
        self.grad.clear(self.logits.rows());
        isa.run(WIDTH, self)
    }
}

impl Kernel for CrossEntropy<'_> {
    type Output = Tally;

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) -> Tally {
        let Self { logits, heads, targets, grad } = self;
        let (stride, columns) = (logits.stride(), logits.columns());
        let mut tally =
            Tally { rows: logits.rows(), heads: vec![HeadTally::default(); heads.len()], all_correct: 0 };
        let mut tops = vec![0; heads.len()];
        let rows = logits.values().chunks_exact(stride).zip(grad.values_mut().chunks_exact_mut(stride));
        for (row, (logits, grad)) in rows.enumerate() {
            let mut first = 0;
            for (&classes, top) in heads.iter().zip(&mut tops) {
                *top = shift(&logits[first..][..classes], &mut grad[first..][..classes]);
                first += classes;
            }
            exponentials(grad);
            grad[columns..].fill(0.0);

            let (mut first, mut all_right) = (0, true);
            for (head, (&classes, targets)) in heads.iter().zip(targets).enumerate() {
                let (logits, grad) = (&logits[first..][..classes], &mut grad[first..][..classes]);
                let loss = targets.of_row(row, classes).finish(logits, logits[tops[head]], grad);
                let right = tops[head] == usize::from(targets.labels[row]);
                tally.heads[head].loss += f64::from(loss);
                tally.heads[head].correct += usize::from(right);
                all_right &= right;
                first += classes;
            }
            tally.all_correct += usize::from(all_right);
        }
        tally
    }
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
