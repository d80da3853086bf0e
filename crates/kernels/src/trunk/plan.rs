//! A trunk's shapes and kernels, the memory of its passes, and a block together with what it saved.

use rayon::prelude::*;

use super::elementwise::{Affine, Gradient, GradientCoefficients, GradientSums, Normalize, SavedValues};
use super::norm::Statistics;
use super::spec::{BlockLayout, BlockSpec, Output, TrunkSpec};
use crate::aligned::Aligned;
use crate::buffer_pool::{BufferPool, PooledBuffer};
use crate::conv::layout::{BlockedLayout, ChannelBlock};
use crate::conv::{Algorithm, AnyConvolution, AnyWeightGradient, ConvShape};
use crate::dropout::DropoutRate;
use crate::reduce::{CHUNK, PartialSums};
use crate::{Isa, Result};

/// A trunk's blocks, planned for an instruction set.
#[derive(Debug)]
pub(super) struct TrunkPlan {
    pub isa: Isa,
    pub spec: TrunkSpec,
    pub blocks: Vec<BlockPlan>,
    scratch: BufferPool<TaskScratch>,
}

/// One block's shapes and kernels.
#[derive(Debug)]
pub(super) struct BlockPlan {
    /// The place of the block's parameters.
    pub params: BlockLayout,
    pub rate: DropoutRate,
    pub pool: bool,
    /// The convolution's input, with its padding,
    pub input: BlockedLayout,
    /// its output, which is what is saved,
    pub values: BlockedLayout,
    /// and the gradient at its output, with the zeros that the input gradient needs.
    pub grad_values: BlockedLayout,
    /// The gradient at its input.
    pub grad_input: BlockedLayout,
    /// The block's output, pooled if it pools.
    pub output: BlockedLayout,
    pub forward: AnyConvolution,
    pub input_gradient: AnyConvolution,
    pub weight_gradient: AnyWeightGradient,
}

impl TrunkPlan {
    pub(super) fn new(spec: TrunkSpec, isa: Isa) -> Result<Self> {
        let mut blocks = Vec::with_capacity(spec.blocks.len());
        for ((shape, layout), block) in spec.convolutions()?.iter().zip(spec.layout()).zip(&spec.blocks) {
            let input = match blocks.is_empty() {
                true => shape.input(),
                // What a block computes has lanes to fill, even if it is a single channel.
                false => BlockedLayout { channels: shape.grad_input().channels, ..shape.input() },
            };
            blocks.push(BlockPlan::new((isa, spec.algorithm), shape, input, block, layout)?);
        }
        Ok(Self { isa, spec, blocks, scratch: BufferPool::default() })
    }

    /// Memory for a task.
    pub(super) fn scratch(&self) -> PooledBuffer<TaskScratch> {
        self.scratch.take(|| TaskScratch::new(self))
    }

    /// Values of the output for one image: `[channels]` or `[channels, height, width]`.
    pub(super) fn output_len(&self) -> usize {
        let layout = self.last().output;
        match self.spec.output {
            Output::GlobalAverage => layout.channels.count,
            Output::Map => layout.channels.count * layout.height * layout.width,
        }
    }

    /// A block with what it saved.
    pub(super) fn stage<'a>(&'a self, states: &'a [BlockState], index: usize) -> Stage<'a> {
        Stage { isa: self.isa, block: &self.blocks[index], state: &states[index] }
    }

    /// The source of the block that follows those that the states `before` belong to.
    pub(super) fn source<'a>(&'a self, images: &'a [f32], before: &'a [BlockState]) -> Source<'a> {
        match before.len() {
            0 => Source::Images(images, self.spec.image_len()),
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
    fn new(
        (isa, algorithm): (Isa, Algorithm),
        shape: &ConvShape,
        input: BlockedLayout,
        block: &BlockSpec,
        layout: BlockLayout,
    ) -> Result<Self> {
        let (values, grad_values, grad_input) = (shape.output(), shape.grad_output(), shape.grad_input());
        let kernel = [shape.kernel, shape.stride];
        let [height, width] =
            [values.height, values.width].map(|size| if block.pool { size / 2 } else { size });
        Ok(Self {
            params: layout,
            rate: DropoutRate::new(block.dropout)?,
            pool: block.pool,
            input,
            values,
            grad_values,
            grad_input,
            output: BlockedLayout { height, width, ..values },
            forward: AnyConvolution::new(isa, algorithm, kernel, input, values),
            input_gradient: AnyConvolution::new(isa, algorithm, kernel, grad_values, grad_input),
            weight_gradient: AnyWeightGradient::new(isa, algorithm, kernel, input, grad_values),
        })
    }

    /// Channels of the block's output, those that only fill lanes included.
    pub(super) fn stored(&self) -> usize {
        self.values.channels.stored
    }
}

/// The memory of the passes over a batch.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    pub batch: usize,
    /// The batch, `[b, c, h, w]`.
    pub images: Vec<f32>,
    pub blocks: Vec<BlockState>,
    /// The trunk's output.
    pub output: Vec<f32>,
    /// For each image a slot that holds the gradient between two blocks.
    pub gradients: Aligned,
    /// Two sums of each stored channel of a block.
    pub channel_sums: PartialSums<f64>,
    /// The gradient of a block's packed weights,
    pub weight_sums: PartialSums<f32>,
    /// and its total.
    pub grad_weights: Vec<f32>,
}

impl Workspace {
    /// Makes room for a forward pass over `images`, `[b, c, h, w]`, and keeps a copy of them.
    pub(super) fn prepare(&mut self, plan: &TrunkPlan, images: &[f32]) {
        self.batch = images.len() / plan.spec.image_len();
        self.images.resize(images.len(), 0.0);
        let parts = self.images.par_chunks_mut(CHUNK * plan.spec.image_len());
        parts
            .zip(images.par_chunks(CHUNK * plan.spec.image_len()))
            .for_each(|(to, from)| to.copy_from_slice(from));
        self.blocks.resize_with(plan.blocks.len(), BlockState::default);
        for (state, block) in self.blocks.iter_mut().zip(&plan.blocks) {
            state.prepare(block, self.batch);
        }
        self.output.resize(self.batch * plan.output_len(), 0.0);
    }

    /// Makes room for the backward pass.
    pub(super) fn prepare_backward(&mut self, plan: &TrunkPlan) {
        self.gradients.fit(self.batch * plan.slot_len());
        self.grad_weights.resize(plan.largest(|block| block.weight_gradient.len()), 0.0);
    }
}

/// The values that one block saves of its forward pass.
#[derive(Debug, Default)]
pub(super) struct BlockState {
    /// Whether elements were dropped.
    pub drop: bool,
    /// For each image relu(conv), with the sign bit set where dropout dropped the element.
    pub values: Aligned,
    pub weights: Aligned,
    pub flipped_weights: Aligned,
    pub gamma: Vec<f32>,
    pub statistics: Statistics,
    pub affine: Affine,
    pub coefficients: GradientCoefficients,
}

impl BlockState {
    fn prepare(&mut self, block: &BlockPlan, batch: usize) {
        self.values.fit(batch * block.values.len());
        self.weights.fit(block.forward.weights_len());
        self.flipped_weights.fit(block.input_gradient.weights_len());
        let GradientCoefficients { upstream, mean_g, value, constant } = &mut self.coefficients;
        for channels in [&mut self.affine.scale, &mut self.affine.shift, upstream, mean_g, value, constant] {
            channels.resize(block.stored(), 0.0);
        }
    }

    /// The factor of the elements that dropout kept.
    pub(super) fn dropout_scale(&self, block: &BlockPlan) -> f32 {
        if self.drop { block.rate.scale() } else { 1.0 }
    }
}

/// The memory of a task, used again by the next.
#[derive(Debug, Default)]
pub(super) struct TaskScratch {
    pub input: Aligned,
    pub gradient: Aligned,
    /// Working memory of the convolution and its gradients.
    pub working: Aligned,
}

impl TaskScratch {
    pub(super) fn new(plan: &TrunkPlan) -> Self {
        let input = plan.largest(|block| block.input.len().max(block.output.len()));
        let gradient = plan.largest(|block| block.grad_values.len());
        let working = plan.largest(|block| {
            let passes = [block.forward.scratch_len(), block.input_gradient.scratch_len()];
            passes.into_iter().fold(block.weight_gradient.scratch_len(), usize::max)
        });
        Self {
            input: Aligned::zeros(input),
            gradient: Aligned::zeros(gradient),
            working: Aligned::zeros(working),
        }
    }
}

/// A block together with what it saved: all that is read out of saved values starts here.
#[derive(Clone, Copy)]
pub(super) struct Stage<'a> {
    pub isa: Isa,
    pub block: &'a BlockPlan,
    pub state: &'a BlockState,
}

impl<'a> Stage<'a> {
    /// One image's saved values; none where there is no such image.
    pub(super) fn image(self, image: usize) -> &'a [f32] {
        self.state.values.chunks_exact(self.block.values.len()).nth(image).unwrap_or_default()
    }

    /// Writes the block's output for one image to the interior of `to`.
    pub(super) fn write_output(self, image: usize, to: BlockedLayout, output: &mut [f32]) {
        for channel_block in to.channels.blocks() {
            Normalize { from: self.saved(image, channel_block), to, output }.run();
        }
    }

    /// Writes the gradient at one image's convolution, given that at the block's output, to the interior of
    /// `grad_values`.
    pub(super) fn write_gradient(self, image: usize, upstream: &[f32], gradient: &mut [f32]) {
        for channel_block in self.block.values.channels.blocks() {
            Gradient {
                of: self.saved(image, channel_block),
                mean: &self.state.statistics.mean,
                coefficients: &self.state.coefficients,
                layout: self.block.output,
                upstream,
                to: self.block.grad_values,
                output: gradient,
            }
            .run();
        }
    }

    /// Adds what one image's gradient at the block's output gives to the sums that its norm needs.
    pub(super) fn add_gradient_sums(self, image: usize, upstream: &[f32], sums: &mut [f64]) {
        for channel_block in self.block.values.channels.blocks() {
            let (of, mean) = (self.saved(image, channel_block), &self.state.statistics.mean);
            let added = GradientSums { of, mean, layout: self.block.output, upstream }.run();
            add_to_channels(sums, channel_block, added.map(|lanes| lanes.map(f64::from)));
        }
    }

    fn saved(self, image: usize, channel_block: ChannelBlock) -> SavedValues<'a> {
        SavedValues {
            isa: self.isa,
            drop: self.state.drop,
            pool: self.block.pool,
            channel_block,
            layout: self.block.values,
            values: self.image(image),
            affine: &self.state.affine,
        }
    }
}

/// The source of a block's input.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// The batch, `[b, c, h, w]`, of so many values an image.
    Images(&'a [f32], usize),
    /// The block before.
    Stage(Stage<'a>),
}

impl<'a> Source<'a> {
    /// The values that are read for an image; none where there is no such image.
    pub(super) fn image(self, image: usize) -> &'a [f32] {
        match self {
            Self::Images(images, len) => images.chunks_exact(len).nth(image).unwrap_or_default(),
            Self::Stage(stage) => stage.image(image),
        }
    }

    /// Writes what one image gives to the interior of `to`.
    pub(super) fn write(self, isa: Isa, image: usize, to: BlockedLayout, output: &mut [f32]) {
        match self {
            Self::Images(..) => to.read_nchw(isa, self.image(image), output),
            Self::Stage(stage) => stage.write_output(image, to, output),
        }
    }
}

/// Adds one channel block's two sums to those of a chunk: the first of all stored channels, then the second.
pub(super) fn add_to_channels(
    sums: &mut [f64],
    channel_block: ChannelBlock,
    [first, second]: [[f64; 16]; 2],
) {
    let (firsts, seconds) = sums.split_at_mut(sums.len() / 2);
    for (totals, values) in [(firsts, first), (seconds, second)] {
        for (total, value) in totals[channel_block.first..].iter_mut().zip(&values[..channel_block.channels])
        {
            *total += value;
        }
    }
}
