//! The backward pass of the head.

use super::buffers::Buffers;
use super::{HeadPass, HeadTally};
use crate::Result;
use crate::dense::Matrix;
use crate::shape::check_len;

/// A forward pass with its loss, ready to go back.
#[derive(Debug)]
pub struct HeadLoss {
    pub(super) pass: HeadPass,
    pub(super) tally: HeadTally,
}

impl HeadLoss {
    /// Losses and right answers of this batch, as sums.
    pub fn tally(&self) -> HeadTally {
        self.tally
    }

    /// The forward pass.
    pub fn pass(&self) -> &HeadPass {
        &self.pass
    }

    /// Writes the gradients of `grad_scale` times the mean over the batch of both heads' losses added up:
    /// `grad_features` is `[b, features]`, `grad_params` is laid out as the parameters.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) where a slice has another size.
    pub fn backward(
        mut self,
        grad_scale: f32,
        grad_features: &mut [f32],
        grad_params: &mut [f32],
    ) -> Result<()> {
        let (spec, isa, layout) = (&self.pass.spec, self.pass.isa, self.pass.spec.layout());
        let Buffers {
            features, addends, embedding, embedding_norm, hidden, hidden_norm, heads, grads, ..
        } = &mut *self.pass.buffers;
        check_len("grad_features", grad_features, addends.len() * spec.features)?;
        check_len("grad_params", grad_params, spec.parameters())?;

        let mean_scale = grad_scale / addends.len().max(1) as f32;
        grads.logits.values_mut().iter_mut().for_each(|grad| *grad *= mean_scale);
        let grad_weight = &mut grad_params[layout.digit_weight.start..layout.sum_weight.end];
        heads.weight_gradient(isa, &hidden_norm.output, &grads.logits, grad_weight);
        heads.input_gradient(isa, &grads.logits, &mut grads.hidden);

        hidden_norm.backward(isa, &mut grads.hidden, &mut grads.norm);
        grad_params[layout.hidden_gamma].copy_from_slice(&grads.norm.gamma[..spec.hidden]);
        grad_params[layout.hidden_beta].copy_from_slice(&grads.norm.beta[..spec.hidden]);
        let grad_weight = &mut grad_params[layout.hidden_weight];
        hidden.weight_gradient(isa, &embedding_norm.output, &grads.hidden, grad_weight);
        sum_by_addend(&grads.hidden, addends, spec.addends, &mut grads.addends);
        grads.addends.transpose_to(&mut grad_weight[spec.embedding..], spec.hidden_inputs());
        hidden.input_gradient(isa, &grads.hidden, &mut grads.embedding);

        embedding_norm.backward(isa, &mut grads.embedding, &mut grads.norm);
        grad_params[layout.embedding_gamma].copy_from_slice(&grads.norm.gamma[..spec.embedding]);
        grad_params[layout.embedding_beta].copy_from_slice(&grads.norm.beta[..spec.embedding]);
        embedding.weight_gradient(isa, features, &grads.embedding, &mut grad_params[layout.embedding_weight]);
        embedding.input_gradient(isa, &grads.embedding, &mut grads.features);
        grads.features.copy_to(grad_features, spec.features);
        Ok(())
    }
}

/// The sum of the rows of each addend, `[addends, hidden]`: the gradient of a weight's columns under one-hot inputs.
fn sum_by_addend(rows: &Matrix, addends: &[u8], count: usize, sums: &mut Matrix) {
    sums.clear(count);
    for (row, &addend) in addends.iter().enumerate() {
        for (sum, value) in sums.row_mut(addend.into()).iter_mut().zip(rows.row(row)) {
            *sum += value;
        }
    }
}
