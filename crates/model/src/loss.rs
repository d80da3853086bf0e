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

/// What a batch is trained towards.
#[derive(Clone, Copy, Debug)]
pub struct Targets<'a> {
    /// The digit of each pair, u32 `[pairs]`.
    pub digits: &'a Tensor,
    /// The sum of each pair, u32 `[pairs]`.
    pub sums: &'a Tensor,
    /// Part of each label that is spread evenly over all classes, 0 to below 1, as in PyTorch's `CrossEntropyLoss`.
    pub label_smoothing: f32,
}

/// The loss of `logits`. With smoothing, the tally's losses are smoothed ones.
pub(crate) fn joint_loss(logits: &Logits, targets: Targets<'_>) -> Result<Step> {
    let Targets { digits, sums, label_smoothing } = targets;
    let digit = cross_entropy(&logits.digit, digits, label_smoothing)?;
    let sum = cross_entropy(&logits.sum, sums, label_smoothing)?;
    let mut tally = Tally::of_logits(
        &logits.digit.flatten_all()?.to_vec1()?,
        &logits.sum.flatten_all()?.to_vec1()?,
        &classes(digits)?,
        &classes(sums)?,
    )?;
    if label_smoothing > 0.0 {
        let total =
            |mean: &Tensor| -> Result<f64> { Ok(f64::from(mean.to_scalar::<f32>()?) * tally.pairs as f64) };
        (tally.digit_loss, tally.sum_loss) = (total(&digit)?, total(&sum)?);
    }
    Ok(Step { loss: (digit + sum)?, tally })
}

/// Mean over the batch of -log softmax(logits)[target], and of its mean over all classes by as much as labels are smoothed;
/// `[b, classes]` and u32 `[b]` to a scalar.
fn cross_entropy(logits: &Tensor, targets: &Tensor, label_smoothing: f32) -> Result<Tensor> {
    let log_probabilities = candle_nn::ops::log_softmax(logits, D::Minus1)?;
    let at_targets = log_probabilities.gather(&targets.unsqueeze(1)?, 1)?.mean_all()?.neg()?;
    if label_smoothing == 0.0 {
        return Ok(at_targets);
    }
    let smoothing = f64::from(label_smoothing);
    let anywhere = log_probabilities.mean_all()?.neg()?;
    Ok(((at_targets * (1.0 - smoothing))? + (anywhere * smoothing)?)?)
}

fn classes(targets: &Tensor) -> Result<Vec<u8>> {
    // A class that does not fit a byte is out of every head's range, and so is 255.
    Ok(targets.to_vec1::<u32>()?.into_iter().map(|class| u8::try_from(class).unwrap_or(u8::MAX)).collect())
}
