//! Seeded dropout: the mask is a function of the run's seed, the step and the element.

use adder_kernels::dropout::{DropoutKey, DropoutRate, mask};
use adder_random::{Purpose, Stream};
use candle_core::Tensor;

use crate::{Mode, Result};

/// The key of one training step's masks, shared by all blocks; nothing where the pass evaluates.
pub(crate) fn step_key(mode: Mode) -> Option<DropoutKey> {
    match mode {
        Mode::Train { seed, epoch, step } => {
            Some(DropoutKey(Stream::new(seed, Purpose::Dropout, epoch, step).next_u64()))
        }
        Mode::Evaluate => None,
    }
}

/// Multiplies `x`, `[b, c, h, w]`, by the mask of block `block`: 0, or 1 / (1 - probability). The fused kernels draw the
/// very same masks.
pub(crate) fn dropout(x: &Tensor, probability: f32, key: DropoutKey, block: usize) -> Result<Tensor> {
    if probability == 0.0 {
        return Ok(x.clone());
    }
    let (b, c, h, w) = x.dims4()?;
    let rate = DropoutRate::new(probability)?;
    let mut factors = vec![0.0; b * c * h * w];
    mask(key, block as u32, rate, [b, c, h, w], &mut factors)?;
    Ok((x * Tensor::from_vec(factors, (b, c, h, w), x.device())?)?)
}
