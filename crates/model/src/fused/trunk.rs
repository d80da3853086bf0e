//! A sequence of convolution blocks as one operation of candle's autograd.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use adder_kernels::dropout::DropoutKey;
use adder_kernels::trunk::{BlockStatistics, KERNEL, Output, Trunk, TrunkPass};
use adder_network::ConvBlock;
use adder_nn::optim::Parameter;
use candle_core::{CpuStorage, CustomOp2, Layout, Shape, Tensor};

use crate::Result;
use crate::norm::BatchNorm;
use crate::parameter::flat;
use crate::pool::contiguous;

/// A run of blocks of a network on the kernels.
#[derive(Debug)]
pub(crate) struct TrunkPart {
    /// The nodes that it takes up.
    pub(crate) nodes: Range<usize>,
    trunk: Arc<Trunk>,
    /// The parameters of all blocks in their order.
    params: Range<usize>,
    /// The norm of each block.
    norms: Vec<usize>,
}

impl TrunkPart {
    pub(crate) fn new(trunk: Trunk, blocks: &[ConvBlock<'_>], nodes: Range<usize>) -> Self {
        let [first, last] = [&blocks[0], &blocks[blocks.len() - 1]];
        Self {
            nodes,
            trunk: Arc::new(trunk),
            params: first.conv.parameters.start..last.norm.parameters.end,
            norms: blocks.iter().map(|block| block.norm.ordinal).collect(),
        }
    }

    /// The blocks' output for `x`, `[b, c, h, w]`, in training, with the network's parameters. Moves the running statistics.
    pub(crate) fn forward(
        &self,
        params: &[Parameter],
        norms: &[BatchNorm],
        x: &Tensor,
        dropout: Option<DropoutKey>,
    ) -> Result<Tensor> {
        let (op, pass) = TrunkOp::new(&self.trunk, dropout, x.track_op());
        let params = flat(&params[self.params.clone()])?;
        let output = x.contiguous()?.apply_op2(&params, op)?;
        let pass = pass.lock().unwrap_or_else(PoisonError::into_inner);
        for (&norm, statistics) in self.norms.iter().zip(pass.iter().flat_map(|pass| pass.statistics())) {
            let BlockStatistics { mean, variance, count } = statistics;
            norms[norm].update_running_from(mean, variance, count)?;
        }
        Ok(output)
    }
}

/// Images `[b, c, h, w]` and flat parameters to the trunk's output. One value of this type serves one forward pass; the
/// pass that it keeps for the way back returns its buffers when candle drops the graph.
pub(super) struct TrunkOp {
    trunk: Arc<Trunk>,
    dropout: Option<DropoutKey>,
    /// Whether somebody wants the gradient of the images.
    grad_images: bool,
    pass: SharedPass,
}

/// The forward pass, shared between the operation in candle's graph and whoever applied it.
pub(super) type SharedPass = Arc<Mutex<Option<TrunkPass>>>;

impl TrunkOp {
    pub(super) fn new(
        trunk: &Arc<Trunk>,
        dropout: Option<DropoutKey>,
        grad_images: bool,
    ) -> (Self, SharedPass) {
        let pass = SharedPass::default();
        (Self { trunk: trunk.clone(), dropout, grad_images, pass: pass.clone() }, pass)
    }
}

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
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let batch = images_layout.shape().dims4()?.0;
        let (images, params) = (contiguous(images, images_layout)?, contiguous(params, params_layout)?);
        let pass =
            self.trunk.forward(images, batch, params, self.dropout).map_err(candle_core::Error::wrap)?;
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
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let mut pass = self.pass.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(pass) = pass.as_mut() else {
            candle_core::bail!("{}: there was no forward pass", self.name());
        };
        let grad_output: Vec<f32> = grad.flatten_all()?.to_vec1()?;
        let mut grad_params = vec![0.0; params.elem_count()];
        let mut grad_images = self.grad_images.then(|| vec![0.0; images.elem_count()]);
        pass.backward(&grad_output, &mut grad_params, grad_images.as_deref_mut())
            .map_err(candle_core::Error::wrap)?;
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
            let after = |side: usize, block: &adder_kernels::trunk::BlockSpec| {
                let side = side + 2 * block.padding + 1 - KERNEL;
                if block.pool { side / 2 } else { side }
            };
            let height = spec.blocks.iter().fold(spec.height, after);
            let width = spec.blocks.iter().fold(spec.width, after);
            Shape::from((batch, channels, height, width))
        }
    }
}
