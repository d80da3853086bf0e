//! One convolution block as an operation to compose networks with.

use std::sync::{Arc, PoisonError};

use adder_kernels::Isa;
use adder_kernels::dropout::DropoutKey;
use adder_kernels::trunk::{BlockSpec, Output, Trunk, TrunkSpec};
use candle_core::Tensor;

use super::trunk::TrunkOp;
use crate::Result;

/// Convolution 3x3 -> ReLU -> batch norm -> dropout -> 2x2 max pool on the CPU, with right gradients for the input and the
/// parameters: a block for networks that are built by hand. A whole sequence as one operation, as [`Model`](crate::Model)
/// runs it, is faster: between blocks candle materializes every activation and its gradient.
///
/// ```
/// use adder_kernels::Isa;
/// use adder_kernels::trunk::BlockSpec;
/// use adder_model::FusedBlock;
/// use candle_core::{DType, Device, Tensor};
///
/// # fn main() -> adder_model::Result<()> {
/// let spec = BlockSpec { out_channels: 8, padding: 1, dropout: 0.0, pool: true, mask: 0 };
/// let block = FusedBlock::new(spec, [1, 28, 28], Isa::best())?;
/// let images = Tensor::ones((2, 1, 28, 28), DType::F32, &Device::Cpu)?;
/// let weight = Tensor::ones((8, 1, 3, 3), DType::F32, &Device::Cpu)?;
/// let (gamma, beta) = (Tensor::ones(8, DType::F32, &Device::Cpu)?, Tensor::zeros(8, DType::F32, &Device::Cpu)?);
/// let output = block.forward_train(&images, &weight, &gamma, &beta, None)?;
/// assert_eq!(output.activation.dims(), [2, 8, 14, 14]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FusedBlock {
    trunk: Arc<Trunk>,
}

/// The output of a block in training.
#[derive(Clone, Debug)]
pub struct BlockOutput {
    /// f32 `[b, out, h, w]`, after the pool where there is one; differentiable.
    pub activation: Tensor,
    /// The batch's mean of each channel, `[out]`.
    pub mean: Vec<f32>,
    /// The batch's biased variance of each channel, `[out]`.
    pub variance: Vec<f32>,
    /// Values of each channel that mean and variance are over.
    pub count: usize,
}

impl FusedBlock {
    /// A block for inputs of `[channels, height, width]`.
    ///
    /// # Errors
    /// Where such a block cannot be.
    pub fn new(spec: BlockSpec, [in_channels, height, width]: [usize; 3], isa: Isa) -> Result<Self> {
        let spec = TrunkSpec { in_channels, height, width, blocks: vec![spec], output: Output::Map };
        Ok(Self { trunk: Arc::new(Trunk::new(spec, isa)?) })
    }

    /// The forward pass in training: the norm uses the batch's own statistics, and with a key elements are dropped. `x` is
    /// f32 `[b, in, h, w]`, `weight` `[out, in, 3, 3]`, `gamma` and `beta` `[out]`.
    ///
    /// # Errors
    /// Where shapes or element types do not fit, or a tensor is not on the CPU.
    pub fn forward_train(
        &self,
        x: &Tensor,
        weight: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        dropout: Option<DropoutKey>,
    ) -> Result<BlockOutput> {
        let params = Tensor::cat(&[&weight.flatten_all()?, gamma, beta], 0)?;
        let (op, pass) = TrunkOp::new(&self.trunk, dropout, x.track_op());
        let activation = x.contiguous()?.apply_op2(&params, op)?;
        let pass = pass.lock().unwrap_or_else(PoisonError::into_inner);
        let statistics = pass.as_ref().and_then(|pass| pass.statistics().next());
        let statistics = statistics.ok_or_else(|| candle_core::Error::msg("the block kept no pass"))?;
        Ok(BlockOutput {
            activation,
            mean: statistics.mean.to_vec(),
            variance: statistics.variance.to_vec(),
            count: statistics.count,
        })
    }
}
