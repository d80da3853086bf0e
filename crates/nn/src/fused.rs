//! Runs of layers as one operation of candle's autograd, for networks that are put together by a program.
//!
//! candle walks its graph and accumulates gradients between operations, which costs more than the arithmetic of a small
//! network; the fewer operations, the less of it. [`FusedBlocks`] is a sequence of convolution blocks, [`FusedDense`] hidden
//! layers with their heads and the loss. Both take their parameters as one flat tensor, put together by [`flat`], whose gradient
//! hands every parameter its own. [`Block`](crate::Block) and [`Blocks`](crate::Blocks) are layers on top of the first.

mod blocks;
mod dense;

use candle_core::{Result, Tensor};

pub use blocks::{FusedBlocks, FusedOutput};
pub use dense::{DenseOutput, DenseTargets, FusedDense};

/// The statistics with which a norm normalized a batch, as
/// [`BatchNorm::update_running`](crate::BatchNorm::update_running) takes them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BatchStatistics {
    /// The mean of each channel, f32 `[c]`.
    pub mean: Tensor,
    /// The biased variance of each channel, f32 `[c]`.
    pub variance: Tensor,
    /// Values of each channel that mean and variance are over.
    pub count: usize,
}

impl BatchStatistics {
    fn new(mean: &[f32], variance: &[f32], count: usize) -> Result<Self> {
        let [mean, variance] = [mean, variance]
            .map(|values| Tensor::from_slice(values, values.len(), &candle_core::Device::Cpu));
        Ok(Self { mean: mean?, variance: variance?, count })
    }
}

/// Tensors one behind the other, each in C order. Gradients find their way back.
///
/// # Errors
/// Where there is none, or their types or devices differ.
pub fn flat<'a>(tensors: impl IntoIterator<Item = &'a Tensor>) -> Result<Tensor> {
    let tensors = tensors.into_iter().map(Tensor::flatten_all).collect::<Result<Vec<_>>>()?;
    Tensor::cat(&tensors, 0)
}
