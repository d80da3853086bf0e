//! What is known of a trunk before any image is seen.

use super::spec::{BlockLayout, BlockSpec, Output, TrunkSpec};
use super::stage::{Source, Stage};
use super::workspace::{BlockState, Scratch};
use crate::conv::map::Map;
use crate::conv::{ConvShape, Convolution, WeightGradient};
use crate::dropout::DropoutRate;
use crate::shelf::{Lent, Shelf};
use crate::{Isa, Result};

/// A trunk's blocks, planned for an instruction set.
#[derive(Debug)]
pub(super) struct Plan {
    pub isa: Isa,
    pub spec: TrunkSpec,
    pub blocks: Vec<BlockPlan>,
    scratch: Shelf<Scratch>,
}

/// One block's shapes and kernels.
#[derive(Debug)]
pub(super) struct BlockPlan {
    pub layout: BlockLayout,
    pub rate: DropoutRate,
    pub pool: bool,
    /// The convolution's input, with its padding,
    pub input: Map,
    /// its output, which is what is saved,
    pub values: Map,
    /// and the gradient at its output, with the zeros that the input gradient needs.
    pub grad_values: Map,
    /// The gradient at its input.
    pub grad_input: Map,
    /// The block's output, pooled if it pools.
    pub output: Map,
    pub forward: Convolution,
    pub input_gradient: Convolution,
    pub weight_gradient: WeightGradient,
}

impl Plan {
    pub(super) fn new(spec: TrunkSpec, isa: Isa) -> Result<Self> {
        let mut blocks = Vec::with_capacity(spec.blocks.len());
        for ((shape, layout), block) in spec.convolutions()?.iter().zip(spec.layout()).zip(&spec.blocks) {
            let input = match blocks.is_empty() {
                true => shape.input(),
                // What a block computes has lanes to fill, even if it is a single channel.
                false => Map { channels: shape.grad_input().channels, ..shape.input() },
            };
            blocks.push(BlockPlan::new(isa, shape, input, block, layout)?);
        }
        Ok(Self { isa, spec, blocks, scratch: Shelf::default() })
    }

    /// Memory for a task.
    pub(super) fn scratch(&self) -> Lent<Scratch> {
        self.scratch.take(|| Scratch::new(self))
    }

    /// Values of one image, `[in_channels, height, width]`.
    pub(super) fn image_len(&self) -> usize {
        self.spec.in_channels * self.spec.height * self.spec.width
    }

    /// Values of the output for one image: `[channels]` or `[channels, height, width]`.
    pub(super) fn output_len(&self) -> usize {
        let map = self.last().output;
        match self.spec.output {
            Output::GlobalAverage => map.channels.count,
            Output::Map => map.channels.count * map.height * map.width,
        }
    }

    /// A block with what it saved.
    pub(super) fn stage<'a>(&'a self, states: &'a [BlockState], index: usize) -> Stage<'a> {
        Stage { isa: self.isa, block: &self.blocks[index], state: &states[index] }
    }

    /// The source of the block that follows those that the states `before` belong to.
    pub(super) fn source<'a>(&'a self, images: &'a [f32], before: &'a [BlockState]) -> Source<'a> {
        match before.len() {
            0 => Source::Images(images, self.image_len()),
            blocks => Source::Stage(self.stage(before, blocks - 1)),
        }
    }

    pub(super) fn last(&self) -> &BlockPlan {
        self.blocks.last().expect("the constructor refuses a trunk without blocks")
    }

    /// Values that one image needs for the gradient between two blocks.
    pub(super) fn slot_len(&self) -> usize {
        self.largest(|block| block.output.len().max(block.grad_input.len()))
    }

    /// The largest of some length over all blocks.
    pub(super) fn largest(&self, len: impl Fn(&BlockPlan) -> usize) -> usize {
        self.blocks.iter().map(len).max().unwrap_or(0)
    }
}

impl BlockPlan {
    fn new(isa: Isa, shape: &ConvShape, input: Map, block: &BlockSpec, layout: BlockLayout) -> Result<Self> {
        let (values, grad_values, grad_input) = (shape.output(), shape.grad_output(), shape.grad_input());
        let [height, width] =
            [values.height, values.width].map(|size| if block.pool { size / 2 } else { size });
        Ok(Self {
            layout,
            rate: DropoutRate::new(block.dropout)?,
            pool: block.pool,
            input,
            values,
            grad_values,
            grad_input,
            output: Map { height, width, ..values },
            forward: Convolution::new(isa, shape.kernel, input, values),
            input_gradient: Convolution::new(isa, shape.kernel, grad_values, grad_input),
            weight_gradient: WeightGradient::new(isa, shape.kernel, input, grad_values),
        })
    }

    /// Channels of the block's output, those that only fill lanes included.
    pub(super) fn stored(&self) -> usize {
        self.values.channels.stored
    }
}
