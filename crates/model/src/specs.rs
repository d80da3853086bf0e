//! Runs of layers as the kernels know them.

use adder_kernels::conv::Algorithm;
use adder_kernels::dense::{DenseSpec, OneHotInput};
use adder_kernels::trunk::{BlockSpec, Output, TrunkSpec};
use adder_network::{ConvBlock, DenseLayer, LayerKind, Network, Node};

/// Convolution blocks, with a global average behind them or not.
pub(crate) fn trunk_spec(blocks: &[ConvBlock<'_>], global_average: bool, algorithm: Algorithm) -> TrunkSpec {
    let [in_channels, height, width] = blocks[0].input();
    let specs = blocks.iter().map(|block| BlockSpec {
        out_channels: block.conv.output.channels(),
        padding: block.padding(),
        dropout: block.dropout_probability(),
        pool: block.pool.is_some(),
        mask: block.dropout.map_or(0, |node| node.ordinal as u32),
    });
    let output = if global_average { Output::GlobalAverage } else { Output::Map };
    TrunkSpec { in_channels, height, width, blocks: specs.collect(), output, algorithm }
}

/// Hidden layers and heads, from node `start` on.
pub(crate) fn dense_spec(
    network: &Network,
    layers: &[DenseLayer<'_>],
    one_hot: Option<(usize, &Node)>,
    start: usize,
) -> DenseSpec {
    let one_hot = one_hot.and_then(|(layer, node)| match node.kind {
        LayerKind::OneHot { classes, .. } => Some(OneHotInput { layer, classes }),
        _ => None,
    });
    DenseSpec {
        inputs: network.shape_at(start).len(),
        layers: layers.iter().map(|layer| layer.linear.output.len()).collect(),
        one_hot,
        heads: network.classes().collect(),
    }
}
