//! The network as the kernels know it.

use adder_kernels::head::HeadSpec;
use adder_kernels::trunk::{BlockSpec, Output, TrunkSpec};

use crate::{ADDENDS, DIGITS, IMAGE_SIDE, ModelConfig, Result, SUMS};

/// The convolution blocks as one operation.
pub(crate) fn trunk_spec(config: &ModelConfig) -> Result<TrunkSpec> {
    let blocks = config.blocks()?;
    let blocks = blocks.iter().map(|block| BlockSpec {
        out_channels: block.out_channels,
        padding: block.padding,
        dropout: block.dropout,
        pool: block.pool,
    });
    Ok(TrunkSpec {
        in_channels: 1,
        height: IMAGE_SIDE,
        width: IMAGE_SIDE,
        blocks: blocks.collect(),
        output: Output::GlobalAverage,
    })
}

/// The layers behind them.
pub(crate) fn head_spec(config: &ModelConfig) -> HeadSpec {
    HeadSpec {
        features: config.channels.last().copied().unwrap_or(1),
        embedding: config.embedding,
        addends: ADDENDS,
        hidden: config.hidden,
        digits: DIGITS,
        sums: SUMS,
    }
}
