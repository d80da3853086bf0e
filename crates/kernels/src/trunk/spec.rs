//! The blocks of a trunk and the layout of its parameters.

use std::ops::Range;

use crate::conv::{Algorithm, ConvShape};
use crate::dropout::DropoutRate;
use crate::shape::volume;
use crate::{Error, Result};

/// Rows and columns of every kernel.
pub const KERNEL: usize = 3;

/// One block: convolution without bias -> ReLU -> batch norm -> dropout -> max pool.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BlockSpec {
    /// Channels of the output.
    pub out_channels: usize,
    /// Zeros on each side of the input: 0, 1 or 2.
    pub padding: usize,
    /// The probability with which elements are dropped in training, at least 0 and less than 1.
    pub dropout: f32,
    /// Whether a 2x2 max pool with stride 2 ends the block.
    pub pool: bool,
    /// The number of the block's dropout masks. Masks of equal numbers are equal, so it counts within the whole network.
    pub mask: u32,
}

/// The output of a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// The average of the last block's output over all pixels, `[b, c]`.
    GlobalAverage,
    /// The last block's output, `[b, c, h, w]`.
    Map,
}

/// A sequence of blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct TrunkSpec {
    /// Channels of the images.
    pub in_channels: usize,
    /// Rows of the images.
    pub height: usize,
    /// Columns of the images.
    pub width: usize,
    /// The blocks in their order, at least one.
    pub blocks: Vec<BlockSpec>,
    /// The form in which the last block's output is given.
    pub output: Output,
    /// The algorithm of the convolutions.
    pub algorithm: Algorithm,
}

/// The place of one block's parameters in the flat parameters of a trunk: weight, gamma and beta of the first block, then
/// those of the next, and so on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockLayout {
    /// The weight of the convolution, `[out, in, 3, 3]`.
    pub weight: Range<usize>,
    /// The norm's factors, `[out]`.
    pub gamma: Range<usize>,
    /// The norm's offsets, `[out]`.
    pub beta: Range<usize>,
}

impl TrunkSpec {
    /// The place of each block's parameters.
    pub fn layout(&self) -> Vec<BlockLayout> {
        let mut end = 0;
        let mut next = |len| {
            end += len;
            end - len..end
        };
        let mut inputs = self.in_channels;
        let mut layout = Vec::with_capacity(self.blocks.len());
        for block in &self.blocks {
            let weight = next(block.out_channels * inputs * KERNEL * KERNEL);
            layout.push(BlockLayout {
                weight,
                gamma: next(block.out_channels),
                beta: next(block.out_channels),
            });
            inputs = block.out_channels;
        }
        layout
    }

    /// The number of parameters.
    pub fn parameters(&self) -> usize {
        self.layout().last().map_or(0, |block| block.beta.end)
    }

    /// Values of one image, `[in_channels, height, width]`.
    pub(crate) fn image_len(&self) -> usize {
        self.in_channels * self.height * self.width
    }

    /// The convolution of each block for one image, where all of them are possible.
    pub(crate) fn convolutions(&self) -> Result<Vec<ConvShape>> {
        if self.blocks.is_empty() {
            return Err(Error::Dimension { argument: "blocks", found: 0, expected: "at least 1".into() });
        }
        let (mut in_channels, [mut height, mut width]) = (self.in_channels, [self.height, self.width]);
        let mut shapes = Vec::with_capacity(self.blocks.len());
        for (index, block) in self.blocks.iter().enumerate() {
            let &BlockSpec { out_channels, padding, pool, .. } = block;
            let (kernel, stride) = (KERNEL, 1);
            let shape = ConvShape { in_channels, out_channels, height, width, kernel, stride, padding };
            check_block(block, &shape)
                .map_err(|source| Error::Block { block: index, source: source.into() })?;
            [height, width] = shape.output_size().map(|size| if pool { size / 2 } else { size });
            in_channels = out_channels;
            shapes.push(shape);
        }
        Ok(shapes)
    }
}

fn check_block(block: &BlockSpec, shape: &ConvShape) -> Result<()> {
    if block.padding >= KERNEL {
        let expected = format!("less than the kernel's {KERNEL}");
        return Err(Error::Dimension { argument: "padding", found: block.padding, expected });
    }
    shape.check()?;
    DropoutRate::new(block.dropout)?;
    let [height, width] = shape.output_size();
    if block.pool && height.min(width) < 2 {
        let expected = "at least 2, for the pool's windows".into();
        return Err(Error::Dimension { argument: "output", found: height.min(width), expected });
    }
    // Dropout numbers the elements of an image with 32 bits.
    let elements = volume("output", &[shape.out_channels, height, width])?;
    if u32::try_from(elements).is_err() {
        return Err(Error::TooLarge { argument: "output", shape: vec![shape.out_channels, height, width] });
    }
    Ok(())
}
