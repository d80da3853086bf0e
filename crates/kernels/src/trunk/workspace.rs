//! The memory of a training step, used again in the next.

use super::lanes::{Affine, GradientCoefficients, SavedValues};
use super::norm::Statistics;
use super::plan::{BlockPlan, Plan};
use crate::conv::map::Plane;
use crate::reduce::PartialSums;

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
    pub gradients: Vec<f32>,
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
        self.images.clear();
        self.images.extend_from_slice(images);
        self.blocks.resize_with(plan.blocks.len(), BlockState::default);
        for (state, block) in self.blocks.iter_mut().zip(&plan.blocks) {
            state.prepare(block, self.batch);
        }
        self.output.resize(self.batch * plan.output_len(), 0.0);
    }

    /// Makes room for the backward pass.
    pub(super) fn prepare_backward(&mut self, plan: &Plan) {
        self.gradients.resize(self.batch * plan.slot_len(), 0.0);
        self.grad_weights.resize(plan.largest(|block| block.forward.packing().len()), 0.0);
    }
}

/// What one block saves of its forward pass.
#[derive(Debug, Default)]
pub(super) struct BlockState {
    /// Whether elements were dropped.
    pub drop: bool,
    /// For each image relu(conv), with the sign bit set where dropout dropped the element.
    pub values: Vec<f32>,
    pub weights: Vec<f32>,
    pub turned_weights: Vec<f32>,
    pub gamma: Vec<f32>,
    pub statistics: Statistics,
    pub affine: Affine,
    pub coefficients: GradientCoefficients,
}

impl BlockState {
    fn prepare(&mut self, block: &BlockPlan, batch: usize) {
        self.values.resize(batch * block.values.len(), 0.0);
        self.weights.resize(block.forward.packing().len(), 0.0);
        self.turned_weights.resize(block.input_gradient.packing().len(), 0.0);
        let GradientCoefficients { upstream, value, constant } = &mut self.coefficients;
        for channels in [&mut self.affine.scale, &mut self.affine.shift, upstream, value, constant] {
            channels.resize(block.stored(), 0.0);
        }
    }

    /// What kept elements were multiplied with.
    pub(super) fn dropout_scale(&self, block: &BlockPlan) -> f32 {
        if self.drop { block.rate.scale() } else { 1.0 }
    }

    /// One plane of one image's saved values.
    pub(super) fn saved(
        &self,
        plan: &Plan,
        block: &BlockPlan,
        image: usize,
        plane: Plane,
    ) -> SavedValues<'_> {
        let len = block.values.len();
        SavedValues {
            isa: plan.isa,
            drop: self.drop,
            pool: block.pool,
            plane,
            map: block.values,
            values: &self.values[image * len..][..len],
            affine: &self.affine,
        }
    }
}

/// The memory of a task, used again by the next.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub input: Vec<f32>,
    pub gradient: Vec<f32>,
}

impl Scratch {
    pub(super) fn new(plan: &Plan) -> Self {
        let input = plan.largest(|block| block.input.len().max(block.output.len()));
        Self { input: vec![0.0; input], gradient: vec![0.0; plan.largest(|block| block.grad_values.len())] }
    }
}
