//! Inference by candle's own operations, for comparison.

use adder_data::SIDE;
use adder_model::{IdentityAdder, LogitTensors, Logits, Mode};
use anyhow::Result;
use candle_core::Tensor;

/// The logits of images, normalized, `[b, 1, 28, 28]` row by row, each with one addend.
///
/// # Errors
/// Where lengths disagree.
pub fn logits(model: &IdentityAdder, images: &[f32], addends: &[u8]) -> Result<Logits> {
    let images = Tensor::from_slice(images, (addends.len(), 1, SIDE, SIDE), model.device())?;
    let addends: Vec<u32> = addends.iter().map(|&addend| u32::from(addend)).collect();
    let addends = Tensor::from_vec(addends, images.dim(0)?, model.device())?;
    let LogitTensors { digit, sum } = model.forward(&images, &addends, Mode::Evaluate)?;
    Ok(Logits { digit: digit.flatten_all()?.to_vec1()?, sum: sum.flatten_all()?.to_vec1()? })
}
