//! The forward pass of the head.

use super::buffers::Buffers;
use super::loss::CrossEntropy;
use super::norm::NormStatistics;
use super::{HeadLoss, HeadSpec, Targets};
use crate::shape::check_len;
use crate::shelf::Lent;
use crate::{Isa, Result};

/// A forward pass of a [`Head`](super::Head). It holds what the loss and the backward pass need.
#[derive(Debug)]
pub struct HeadPass {
    pub(super) spec: HeadSpec,
    pub(super) isa: Isa,
    pub(super) buffers: Lent<Buffers>,
}

impl HeadPass {
    /// The logits of both heads: `digits` becomes `[b, digits]` and `sums` `[b, sums]`.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) where a slice has another size.
    pub fn copy_logits(&self, digits: &mut [f32], sums: &mut [f32]) -> Result<()> {
        let (logits, classes) = (&self.buffers.logits, self.spec.digits);
        check_len("digits", digits, logits.rows() * classes)?;
        check_len("sums", sums, logits.rows() * self.spec.sums)?;
        for (row, to) in digits.chunks_exact_mut(classes).enumerate() {
            to.copy_from_slice(&logits.row(row)[..classes]);
        }
        for (row, to) in sums.chunks_exact_mut(self.spec.sums).enumerate() {
            to.copy_from_slice(&logits.row(row)[classes..][..self.spec.sums]);
        }
        Ok(())
    }

    /// What the embedding layer's norm found in this batch.
    pub fn embedding_statistics(&self) -> NormStatistics<'_> {
        self.buffers.embedding_norm.statistics()
    }

    /// What the hidden layer's norm found in this batch.
    pub fn hidden_statistics(&self) -> NormStatistics<'_> {
        self.buffers.hidden_norm.statistics()
    }

    /// The loss against what both heads should say of each pair.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) where there is not one target for each pair,
    /// [`Error::Class`](crate::Error::Class) for a label that is no class,
    /// [`Error::Probability`](crate::Error::Probability) for a smoothing that is not at least 0 and less than 1, and
    /// [`Error::Part`](crate::Error::Part) for a weight that is not from 0 to 1.
    pub fn loss(mut self, targets: Targets<'_>) -> Result<HeadLoss> {
        let Buffers { logits, grads, .. } = &mut *self.buffers;
        targets.check(&self.spec, logits.rows())?;
        let (classes, grad) = (self.spec.digits, &mut grads.logits);
        let tally = CrossEntropy { logits, classes, targets, grad }.run(self.isa);
        Ok(HeadLoss { pass: self, tally })
    }

    /// Embedding -> norm -> ReLU -> addend -> hidden -> norm -> ReLU -> both heads.
    pub(super) fn forward(&mut self, features: &[f32], addends: &[u8], params: &[f32]) {
        let (spec, isa, layout, batch) = (&self.spec, self.isa, self.spec.layout(), addends.len());
        let buffers = &mut *self.buffers;
        buffers.embedding.pack(&params[layout.embedding_weight]);
        buffers.hidden.pack(&params[layout.hidden_weight]);
        buffers.heads.pack(&params[layout.digit_weight.start..layout.sum_weight.end]);

        let norm = &mut buffers.embedding_norm;
        buffers.features.copy_from(features, spec.features);
        norm.values.clear(batch);
        buffers.embedding.forward(isa, &buffers.features, &mut norm.values);
        norm.forward(isa, &params[layout.embedding_gamma], &params[layout.embedding_beta]);
        let embedding = &norm.output;

        // A one-hot input times a weight is one of the weight's columns: the sums start from it.
        let norm = &mut buffers.hidden_norm;
        buffers.addends.clear();
        buffers.addends.extend_from_slice(addends);
        norm.values.clear(batch);
        for (row, &addend) in addends.iter().enumerate() {
            norm.values.row_mut(row).copy_from_slice(buffers.hidden.column(addend.into()));
        }
        buffers.hidden.forward(isa, embedding, &mut norm.values);
        norm.forward(isa, &params[layout.hidden_gamma], &params[layout.hidden_beta]);

        buffers.logits.clear(batch);
        buffers.heads.forward(isa, &norm.output, &mut buffers.logits);
    }
}
