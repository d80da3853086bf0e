//! The gradients of one step from its batches.

use adder_data::{Batch, Position, SIDE, TrainLoader};
use adder_model::{IdentityAdder, Mode, SoftTargets, Step, Tally, Targets};
use adder_nn::optim::Gradients;
use candle_core::Tensor;

use super::error::TrainError;
use crate::config::Config;
use crate::targets::{PairTargets, TargetSource};

/// The gradients of the mean loss over the pairs of the next `count` batches, one or more, against labels and, where there is a
/// source of them, soft targets.
///
/// # Errors
/// Where a batch cannot be computed on.
pub fn next_gradients(
    model: &IdentityAdder,
    targets: Option<&dyn TargetSource>,
    batches: &mut TrainLoader,
    count: u64,
    config: &Config,
) -> Result<(Gradients, Tally), TrainError> {
    let (mut sum, mut total) = (None::<Gradients>, Tally::default());
    for _ in 0..count {
        let position @ Position { epoch, step } = TrainLoader::position(batches);
        let mut batch = batches.next_batch();
        let soft = targets
            .map(|source| source.targets(&mut batch, config.seed, position, model.device()))
            .transpose()?;
        let mode = Mode::Train { seed: config.seed, epoch, step };
        let soft = soft.as_ref().map(PairTargets::as_targets);
        let Step { loss, tally } = loss(model, &batch, (config.training.label_smoothing, soft), mode)?;
        let gradients = Gradients::take(loss.backward()?, model.parameters())?;
        batches.recycle(batch);
        total += tally;
        if count == 1 {
            return Ok((gradients, total));
        }
        let gradients = gradients.scaled(tally.pairs as f64)?;
        sum = Some(match sum {
            Some(sum) => sum.plus(&gradients)?,
            None => gradients,
        });
    }
    let sum = sum.expect("a step is of one batch or more");
    Ok((sum.scaled(1.0 / total.pairs as f64)?, total))
}

/// The forward pass of a batch: its differentiable loss, against labels smoothed and mixed with soft targets, and its tally.
///
/// # Errors
/// Where the batch cannot be computed on.
pub fn loss(
    model: &IdentityAdder,
    batch: &Batch,
    (label_smoothing, soft): (f32, Option<SoftTargets<'_>>),
    mode: Mode,
) -> Result<Step, TrainError> {
    let device = model.device();
    let images = Tensor::from_slice(&batch.images, (batch.len(), 1, SIDE, SIDE), device)?;
    let classes = |values: &[u8]| {
        let values: Vec<u32> = values.iter().map(|&value| u32::from(value)).collect();
        Tensor::from_vec(values, batch.pairs(), device)
    };
    let (addends, digits, sums) = (classes(&batch.addends)?, classes(&batch.digits)?, classes(&batch.sums)?);
    let targets = Targets { digits: &digits, sums: &sums, label_smoothing, soft };
    Ok(model.loss(&images, &addends, targets, mode)?)
}
