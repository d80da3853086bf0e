//! The shape of the network as a documented configuration; its default is the notebook's network.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Height and width of an input image, in pixels.
pub const IMAGE_SIDE: usize = 28;
/// How many addends there are: the digits 0..=9.
pub const ADDENDS: usize = 10;
/// Classes of the digit head.
pub const DIGITS: usize = 10;
/// Classes of the sum head: 0..=18.
pub const SUMS: usize = 19;

/// The largest width that a layer may have, so that a configuration cannot ask for unbounded memory.
const MAX_WIDTH: usize = 4096;
const MAX_BLOCKS: usize = 64;

/// Widths and depth of the network. `ModelConfig::default()` is the notebook's, with 13,136 parameters.
///
/// Blocks are counted from 1, as in the notebook. Every convolution is 3x3 with stride 1 and no bias, and a block is
/// convolution -> ReLU -> batch norm -> dropout, in that order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// Output channels of each convolution block; the length is the depth.
    pub channels: Vec<usize>,
    /// The blocks that are followed by a 2x2 max pool.
    pub pool_after: Vec<usize>,
    /// The blocks whose convolution has no padding and so shrinks the image by two.
    pub unpadded: Vec<usize>,
    /// Probability of dropping an element after a block, in `[0, 1)`.
    pub dropout: f32,
    /// The blocks without dropout.
    pub dropout_free: Vec<usize>,
    /// Width of the embedding of an image.
    pub embedding: usize,
    /// Width of the hidden layer that sees the embedding and the addend.
    pub hidden: usize,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            channels: vec![8, 8, 16, 16, 16, 16],
            pool_after: vec![2, 4],
            unpadded: vec![6],
            dropout: 0.1,
            dropout_free: vec![5],
            embedding: 20,
            hidden: 64,
        }
    }
}

/// One convolution block, with everything that follows from its place in the network.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockConfig {
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Zero padding on each side, 0 or 1.
    pub padding: usize,
    /// Probability of dropping an element of the output.
    pub dropout: f32,
    /// Whether a 2x2 max pool follows.
    pub pool: bool,
    /// Height and width of the block's input.
    pub in_side: usize,
    /// Height and width of the block's output, before the pool.
    pub out_side: usize,
}

impl BlockConfig {
    /// Height and width of what the next layer sees.
    pub fn pooled_side(&self) -> usize {
        if self.pool { self.out_side / 2 } else { self.out_side }
    }
}

impl ModelConfig {
    /// The convolution blocks, from the image to the global average pool.
    ///
    /// # Errors
    /// [`Error::Config`] where a value is out of its range or the image would shrink to nothing.
    pub fn blocks(&self) -> Result<Vec<BlockConfig>> {
        self.check_ranges()?;
        let mut blocks = Vec::with_capacity(self.channels.len());
        let (mut in_channels, mut in_side) = (1, IMAGE_SIDE);
        for (number, &out_channels) in (1..).zip(&self.channels) {
            let padding = usize::from(!self.unpadded.contains(&number));
            let out_side = (in_side + 2 * padding).saturating_sub(2);
            let dropout = if self.dropout_free.contains(&number) { 0.0 } else { self.dropout };
            let pool = self.pool_after.contains(&number);
            let block = BlockConfig { in_channels, out_channels, padding, dropout, pool, in_side, out_side };
            if block.pooled_side() == 0 {
                let field = if pool { "pool_after" } else { "unpadded" };
                let found = format!("block {number} turns {in_side}x{in_side} into nothing");
                return Err(config(field, "blocks that leave at least one pixel", found));
            }
            (in_channels, in_side) = (out_channels, block.pooled_side());
            blocks.push(block);
        }
        Ok(blocks)
    }

    /// Checks every value.
    ///
    /// # Errors
    /// [`Error::Config`] naming the first key whose value cannot be.
    pub fn validate(&self) -> Result<()> {
        self.blocks().map(|_| ())
    }

    fn check_ranges(&self) -> Result<()> {
        let depth = self.channels.len();
        if !(1..=MAX_BLOCKS).contains(&depth) {
            return Err(config("channels", format!("1 to {MAX_BLOCKS} blocks"), format!("{depth}")));
        }
        let widths = self.channels.iter().map(|&width| ("channels", width));
        for (field, width) in widths.chain([("embedding", self.embedding), ("hidden", self.hidden)]) {
            if !(1..=MAX_WIDTH).contains(&width) {
                return Err(config(field, format!("a width of 1 to {MAX_WIDTH}"), format!("{width}")));
            }
        }
        let lists = [
            ("pool_after", &self.pool_after),
            ("unpadded", &self.unpadded),
            ("dropout_free", &self.dropout_free),
        ];
        for (field, list) in lists {
            if let Some(number) = list.iter().find(|number| !(1..=depth).contains(number)) {
                return Err(config(field, format!("block numbers from 1 to {depth}"), format!("{number}")));
            }
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(config("dropout", "a probability in [0, 1)", format!("{}", self.dropout)));
        }
        Ok(())
    }
}

fn config(field: &'static str, expected: impl Into<String>, found: impl Into<String>) -> Error {
    Error::Config { field, expected: expected.into(), found: found.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_notebooks_trunk() {
        let blocks = ModelConfig::default().blocks().unwrap();
        let shapes: Vec<_> = blocks.iter().map(|b| (b.in_channels, b.out_channels, b.out_side)).collect();
        assert_eq!(shapes, [(1, 8, 28), (8, 8, 28), (8, 16, 14), (16, 16, 14), (16, 16, 7), (16, 16, 5)]);
        assert_eq!(blocks.iter().map(|b| b.dropout).collect::<Vec<_>>(), [0.1, 0.1, 0.1, 0.1, 0.0, 0.1]);
    }

    #[test]
    fn impossible_values_name_their_key() {
        let default = ModelConfig::default;
        let cases = [
            (ModelConfig { channels: vec![], ..default() }, "channels"),
            (ModelConfig { channels: vec![8, 0], ..default() }, "channels"),
            (ModelConfig { channels: vec![1 << 40; 6], ..default() }, "channels"),
            (ModelConfig { pool_after: vec![7], ..default() }, "pool_after"),
            (ModelConfig { unpadded: vec![0], ..default() }, "unpadded"),
            (ModelConfig { pool_after: vec![1, 2, 3, 4, 5], ..default() }, "pool_after"),
            (ModelConfig { dropout: 1.0, ..default() }, "dropout"),
            (ModelConfig { dropout: f32::NAN, ..default() }, "dropout"),
            (ModelConfig { embedding: 0, ..default() }, "embedding"),
            (ModelConfig { hidden: 5000, ..default() }, "hidden"),
        ];
        for (config, key) in cases {
            match config.validate() {
                Err(Error::Config { field, .. }) => assert_eq!(field, key),
                other => panic!("{key}: {other:?}"),
            }
        }
    }
}
