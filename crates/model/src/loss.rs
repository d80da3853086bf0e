//! The loss that training minimises: the cross-entropies of both heads, added up.

use candle_core::{D, Tensor};

use crate::{Logits, Result, Tally};

/// What one forward pass in training gives.
#[derive(Debug)]
pub struct Step {
    /// CE(digit) + CE(sum), each the mean over the batch: a differentiable scalar.
    pub loss: Tensor,
    /// Losses and right answers of the batch.
    pub tally: Tally,
}

/// The loss of `logits` against digits and sums, both u32 `[b]`.
pub(crate) fn joint_loss(logits: &Logits, digits: &Tensor, sums: &Tensor) -> Result<Step> {
    let loss = (cross_entropy(&logits.digit, digits)? + cross_entropy(&logits.sum, sums)?)?;
    let tally = Tally::of_logits(
        &logits.digit.flatten_all()?.to_vec1()?,
        &logits.sum.flatten_all()?.to_vec1()?,
        &classes(digits)?,
        &classes(sums)?,
    )?;
    Ok(Step { loss, tally })
}

/// Mean over the batch of -log softmax(logits)[target]; `[b, classes]` and u32 `[b]` to a scalar.
fn cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let log_probabilities = candle_nn::ops::log_softmax(logits, D::Minus1)?;
    Ok(log_probabilities.gather(&targets.unsqueeze(1)?, 1)?.mean_all()?.neg()?)
}

fn classes(targets: &Tensor) -> Result<Vec<u8>> {
    // A class that does not fit a byte is out of every head's range, and so is 255.
    Ok(targets.to_vec1::<u32>()?.into_iter().map(|class| u8::try_from(class).unwrap_or(u8::MAX)).collect())
}
