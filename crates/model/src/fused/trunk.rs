//! A run of convolution blocks of a network as one operation.

use std::ops::Range;

use adder_kernels::Isa;
use adder_kernels::dropout::DropoutKey;
use adder_kernels::trunk::TrunkSpec;
use adder_network::ConvBlock;
use adder_nn::fused::{FusedBlocks, FusedOutput};
use adder_nn::optim::Parameter;
use candle_core::Tensor;

use crate::Result;
use crate::norm::Norm;
use crate::parameter::flat;

/// A run of blocks of a network on the kernels.
#[derive(Debug)]
pub(crate) struct TrunkPart {
    /// The nodes that it takes up.
    pub(crate) nodes: Range<usize>,
    fused: FusedBlocks,
    /// The parameters of all blocks in their order.
    params: Range<usize>,
    /// The norm of each block.
    norms: Vec<usize>,
}

impl TrunkPart {
    pub(crate) fn new(
        spec: TrunkSpec,
        blocks: &[ConvBlock<'_>],
        nodes: Range<usize>,
        isa: Isa,
    ) -> Result<Self> {
        let [first, last] = [&blocks[0], &blocks[blocks.len() - 1]];
        Ok(Self {
            nodes,
            fused: FusedBlocks::new(spec, isa)?,
            params: first.conv.parameters.start..last.norm.parameters.end,
            norms: blocks.iter().map(|block| block.norm.ordinal).collect(),
        })
    }

    /// The blocks' output for `x`, `[b, c, h, w]`, in training, with the network's parameters. Moves the running statistics.
    pub(crate) fn forward(
        &self,
        params: &[Parameter],
        norms: &[Norm],
        x: &Tensor,
        dropout: Option<DropoutKey>,
    ) -> Result<Tensor> {
        let params = flat(&params[self.params.clone()])?;
        let FusedOutput { output, statistics } = self.fused.forward_train(x, &params, dropout)?;
        for (&norm, found) in self.norms.iter().zip(&statistics) {
            norms[norm].layer.update_running(&found.mean, &found.variance, found.count)?;
        }
        Ok(output)
    }
}
