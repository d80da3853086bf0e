//! Seeded dropout: the mask is a function of the run's seed, the step and the element.

use adder_kernels::dropout::{DropoutKey, DropoutRate, mask};
use adder_random::{Purpose, Stream};
use candle_core::Tensor;

use crate::{Mode, Result};

/// The key of one training step's masks, shared by all dropout layers; nothing where the pass evaluates.
pub(crate) fn step_key(mode: Mode) -> Option<DropoutKey> {
    match mode {
        Mode::Train { seed, epoch, step } => {
            Some(DropoutKey(Stream::new(seed, Purpose::Dropout, epoch, step).next_u64()))
        }
        Mode::Evaluate => None,
    }
}

/// Multiplies `x`, `[b, c, h, w]` or `[b, c]`, by the mask of the network's dropout layer `number`: 0, or 1 / (1 - probability).
/// The fused kernels draw the very same masks.
pub(crate) fn dropout(x: &Tensor, probability: f32, key: DropoutKey, number: usize) -> Result<Tensor> {
    if probability == 0.0 {
        return Ok(x.clone());
    }
    let mut shape = [1; 4];
    shape[..x.rank()].copy_from_slice(x.dims());
    let mut factors = vec![0.0; x.elem_count()];
    mask(key, number as u32, DropoutRate::new(probability)?, shape, &mut factors)?;
    Ok((x * Tensor::from_vec(factors, x.shape(), x.device())?)?)
}
