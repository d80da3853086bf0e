//! A sequence of convolution blocks as one operation of candle's autograd.

use std::sync::{Arc, Mutex, PoisonError};

use adder_kernels::Isa;
use adder_kernels::dropout::DropoutKey;
use adder_kernels::trunk::{BlockSpec, KERNEL, Output, Trunk, TrunkPass, TrunkSpec};
use candle_core::{CpuStorage, CustomOp2, Error, Layout, Result, Shape, Tensor};

use super::BatchStatistics;
use crate::cpu::{read, values};

/// A sequence of blocks, convolution 3x3 without bias -> ReLU -> batch norm -> dropout -> max pool 2x2, that trains as one
/// operation on the CPU. Its buffers are used again in every step; clones share them.
///
/// ```
/// use adder_kernels::Isa;
/// use adder_kernels::conv::Algorithm;
/// use adder_kernels::trunk::{BlockSpec, Output, TrunkSpec};
/// use adder_nn::fused::{FusedBlocks, flat};
/// use candle_core::{DType, Device, Tensor};
///
/// let block = BlockSpec { out_channels: 8, padding: 1, dropout: 0.0, pool: true, mask: 0 };
/// let (blocks, output) = (vec![block], Output::Map);
/// let spec = TrunkSpec { in_channels: 1, height: 28, width: 28, blocks, output, algorithm: Algorithm::Direct };
/// let blocks = FusedBlocks::new(spec, Isa::best())?;
/// let images = Tensor::ones((2, 1, 28, 28), DType::F32, &Device::Cpu)?;
/// let weight = Tensor::ones((8, 1, 3, 3), DType::F32, &Device::Cpu)?;
/// let (gamma, beta) = (Tensor::ones(8, DType::F32, &Device::Cpu)?, Tensor::zeros(8, DType::F32, &Device::Cpu)?);
/// let done = blocks.forward_train(&images, &flat([&weight, &gamma, &beta])?, None)?;
/// assert_eq!(done.output.dims(), [2, 8, 14, 14]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Differences from candle-nn
/// candle-nn has no such layer.
#[derive(Clone, Debug)]
pub struct FusedBlocks {
    trunk: Arc<Trunk>,
}

/// The output of a training pass.
#[derive(Clone, Debug)]
pub struct FusedOutput {
    /// f32 `[b, out, h, w]`, or `[b, out]` behind a global average; differentiable.
    pub output: Tensor,
    /// The statistics of each block's norm.
    pub statistics: Vec<BatchStatistics>,
}

impl FusedBlocks {
    /// Plans blocks for an instruction set.
    ///
    /// # Errors
    /// For blocks that cannot be, with the number of the block and what is wrong with it.
    pub fn new(spec: TrunkSpec, isa: Isa) -> Result<Self> {
        Ok(Self { trunk: Arc::new(Trunk::new(spec, isa).map_err(Error::wrap)?) })
    }

    /// The forward pass in training: norms use the batch's own statistics, and with a key elements are dropped. `x` is
    /// f32 `[b, in, h, w]`; `params` are, for each block, weight `[out, in, 3, 3]`, gamma and beta `[out]`, [flat](super::flat).
    ///
    /// # Errors
    /// Where shapes or element types do not fit, or a tensor is not on the CPU.
    pub fn forward_train(
        &self,
        x: &Tensor,
        params: &Tensor,
        dropout: Option<DropoutKey>,
    ) -> Result<FusedOutput> {
        let TrunkSpec { in_channels, height, width, .. } = *self.trunk.spec();
        if !matches!(x.dims(), [_, image @ ..] if *image == [in_channels, height, width]) {
            candle_core::bail!(
                "blocks: expected an input of [b, {in_channels}, {height}, {width}], found {:?}",
                x.dims()
            );
        }
        let pass = SharedPass::default();
        let (trunk, shared) = (Arc::clone(&self.trunk), Arc::clone(&pass));
        let op = TrunkOp { trunk, dropout, grad_images: x.track_op(), pass: shared };
        let output = x.contiguous()?.apply_op2(params, op)?;
        let pass = pass.lock().unwrap_or_else(PoisonError::into_inner);
        let statistics = pass.iter().flat_map(|pass| pass.statistics());
        let statistics =
            statistics.map(|found| BatchStatistics::new(found.mean, found.variance, found.count));
        Ok(FusedOutput { output, statistics: statistics.collect::<Result<_>>()? })
    }
}

/// Images `[b, c, h, w]` and flat parameters to the blocks' output. One value of this type serves one forward pass; the
/// pass that it keeps for the way back returns its buffers when candle drops the graph.
struct TrunkOp {
    trunk: Arc<Trunk>,
    dropout: Option<DropoutKey>,
    /// Whether somebody wants the gradient of the images.
    grad_images: bool,
    pass: SharedPass,
}

/// The forward pass, shared between the operation in candle's graph and whoever applied it.
type SharedPass = Arc<Mutex<Option<TrunkPass>>>;

impl CustomOp2 for TrunkOp {
    fn name(&self) -> &'static str {
        "adder-trunk"
    }

    fn cpu_fwd(
        &self,
        images: &CpuStorage,
        images_layout: &Layout,
        params: &CpuStorage,
        params_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let batch = images_layout.shape().dims4()?.0;
        let (images, params) = (values(images, images_layout)?, values(params, params_layout)?);
        let pass = self.trunk.forward(images, batch, params, self.dropout).map_err(Error::wrap)?;
        let output = pass.output().to_vec();
        *self.pass.lock().unwrap_or_else(PoisonError::into_inner) = Some(pass);
        Ok((CpuStorage::F32(output), output_shape(&self.trunk, batch)))
    }

    fn bwd(
        &self,
        images: &Tensor,
        params: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let mut pass = self.pass.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(pass) = pass.as_mut() else {
            candle_core::bail!("{}: there was no forward pass", self.name());
        };
        let mut grad_params = vec![0.0; params.elem_count()];
        let mut grad_images = self.grad_images.then(|| vec![0.0; images.elem_count()]);
        read(grad, |grad| {
            pass.backward(grad, &mut grad_params, grad_images.as_deref_mut()).map_err(Error::wrap)
        })?;
        let grad_images =
            grad_images.map(|grad| Tensor::from_vec(grad, images.shape(), images.device())).transpose()?;
        Ok((grad_images, Some(Tensor::from_vec(grad_params, params.shape(), params.device())?)))
    }
}

fn output_shape(trunk: &Trunk, batch: usize) -> Shape {
    let spec = trunk.spec();
    let channels = spec.blocks.last().map_or(spec.in_channels, |block| block.out_channels);
    match spec.output {
        Output::GlobalAverage => Shape::from((batch, channels)),
        Output::Map => {
            let after = |side: usize, block: &BlockSpec| {
                let side = side + 2 * block.padding + 1 - KERNEL;
                if block.pool { side / 2 } else { side }
            };
            let height = spec.blocks.iter().fold(spec.height, after);
            let width = spec.blocks.iter().fold(spec.width, after);
            Shape::from((batch, channels, height, width))
        }
    }
}
