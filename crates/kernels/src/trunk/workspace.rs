//! The memory of a training step, used again in the next.

use rayon::prelude::*;

use super::lanes::{Affine, GradientCoefficients};
use super::norm::Statistics;
use super::plan::{BlockPlan, Plan};
use crate::aligned::Aligned;
use crate::reduce::{CHUNK, PartialSums};

/// All that the passes over a batch hold.
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
    pub(super) fn prepare(&mut self, plan: &Plan, images: &[f32]) {
        self.batch = images.len() / plan.image_len();
        self.images.resize(images.len(), 0.0);
        let parts = self.images.par_chunks_mut(CHUNK * plan.image_len());
        parts
            .zip(images.par_chunks(CHUNK * plan.image_len()))
            .for_each(|(to, from)| to.copy_from_slice(from));
        self.blocks.resize_with(plan.blocks.len(), BlockState::default);
        for (state, block) in self.blocks.iter_mut().zip(&plan.blocks) {
            state.prepare(block, self.batch);
        }
        self.output.resize(self.batch * plan.output_len(), 0.0);
    }

    /// Makes room for the backward pass.
    pub(super) fn prepare_backward(&mut self, plan: &Plan) {
        self.gradients.fit(self.batch * plan.slot_len());
        self.grad_weights.resize(plan.largest(|block| block.forward.packing().len()), 0.0);
    }
}

/// What one block saves of its forward pass.
#[derive(Debug, Default)]
pub(super) struct BlockState {
    /// Whether elements were dropped.
    pub drop: bool,
    /// For each image relu(conv), with the sign bit set where dropout dropped the element.
    pub values: Aligned,
    pub weights: Aligned,
    pub turned_weights: Aligned,
    pub gamma: Vec<f32>,
    pub statistics: Statistics,
    pub affine: Affine,
    pub coefficients: GradientCoefficients,
}

impl BlockState {
    fn prepare(&mut self, block: &BlockPlan, batch: usize) {
        self.values.fit(batch * block.values.len());
        self.weights.fit(block.forward.packing().len());
        self.turned_weights.fit(block.input_gradient.packing().len());
        let GradientCoefficients { upstream, mean_g, value, constant } = &mut self.coefficients;
        for channels in [&mut self.affine.scale, &mut self.affine.shift, upstream, mean_g, value, constant] {
            channels.resize(block.stored(), 0.0);
        }
    }

    /// What kept elements were multiplied with.
    pub(super) fn dropout_scale(&self, block: &BlockPlan) -> f32 {
        if self.drop { block.rate.scale() } else { 1.0 }
    }
}

/// The memory of a task, used again by the next.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub input: Aligned,
    pub gradient: Aligned,
}

impl Scratch {
    pub(super) fn new(plan: &Plan) -> Self {
        let input = plan.largest(|block| block.input.len().max(block.output.len()));
        let gradient = plan.largest(|block| block.grad_values.len());
        Self { input: Aligned::zeros(input), gradient: Aligned::zeros(gradient) }
    }
}
