//! The backward pass: block after block from the last, in each of them image after image.

use rayon::prelude::*;

use super::plan::{BlockState, Source, Stage, TaskScratch, TrunkPlan, Workspace};
use super::spec::Output;
use crate::arch::Prefetch;
use crate::conv::Activation;
use crate::conv::layout::BlockedLayout;
use crate::reduce::CHUNK;

impl TrunkPlan {
    /// The gradients of all parameters, written over `grad_params`, and of the images if they are wanted.
    pub(super) fn backward(
        &self,
        workspace: &mut Workspace,
        grad_output: &[f32],
        grad_params: &mut [f32],
        grad_images: Option<&mut [f32]>,
    ) {
        self.read_grad_output(workspace, grad_output);
        for (index, block) in self.blocks.iter().enumerate().rev() {
            let state = &mut workspace.blocks[index];
            let scale = state.dropout_scale(block);
            let norm = &mut grad_params[block.params.gamma.start..block.params.beta.end];
            let grads = norm.split_at_mut(block.params.gamma.len()).into();
            let BlockState { statistics, gamma, coefficients, .. } = state;
            statistics.backward(&workspace.channel_sums, gamma, scale, coefficients, grads);

            self.backward_block(workspace, index, index > 0 || grad_images.is_some());
            let total = &mut workspace.grad_weights[..block.weight_gradient.len()];
            workspace.weight_sums.add_up(total);
            block.weight_gradient.unpack(total, &mut grad_params[block.params.weight.clone()]);
        }
        if let Some(grad_images) = grad_images {
            self.write_grad_images(workspace, grad_images);
        }
    }

    /// Writes the gradient at the last block's output to the slots, with the sums that its norm needs.
    fn read_grad_output(&self, workspace: &mut Workspace, grad_output: &[f32]) {
        let (layout, len) = (self.last().output, self.output_len());
        let stage = self.stage(&workspace.blocks, self.blocks.len() - 1);
        let sums = workspace.channel_sums.start(workspace.batch, 2 * self.last().stored());
        let slots = workspace.gradients.par_chunks_mut(CHUNK * self.slot_len());
        slots.zip(sums).enumerate().for_each(|(chunk, (slots, sums))| {
            for (image, slot) in (chunk * CHUNK..).zip(slots.chunks_exact_mut(self.slot_len())) {
                let (gradient, slot) = (&grad_output[image * len..][..len], &mut slot[..layout.len()]);
                match self.spec.output {
                    Output::Map => layout.read_nchw(self.isa, gradient, slot),
                    Output::GlobalAverage => spread(layout, gradient, slot),
                }
                stage.add_gradient_sums(image, slot, sums);
            }
        });
    }

    /// The gradient of one block's weights, in chunks, and if `further` that of its input, with the sums that the norm of
    /// the block before needs.
    fn backward_block(&self, workspace: &mut Workspace, index: usize, further: bool) {
        let stage = self.stage(&workspace.blocks, index);
        let source = self.source(&workspace.images, &workspace.blocks[..index]);
        let pass = BlockPass { plan: self, stage, source, further };
        let stored = match source {
            Source::Stage(previous) => previous.block.stored(),
            // No norm needs sums; a row may not be empty.
            Source::Images(..) => 1,
        };
        let weights = stage.block.weight_gradient.len();
        let channel_sums = workspace.channel_sums.start(workspace.batch, 2 * stored);
        let weight_sums = workspace.weight_sums.start(workspace.batch, weights);
        let slots = workspace.gradients.par_chunks_mut(CHUNK * self.slot_len());
        slots.zip(channel_sums).zip(weight_sums).enumerate().for_each(
            |(chunk, ((slots, channel_sums), weight_sums))| {
                pass.run_chunk(chunk * CHUNK, slots, channel_sums, weight_sums);
            },
        );
    }

    /// Writes the gradient of the images, `[b, c, h, w]`, from the slots.
    fn write_grad_images(&self, workspace: &Workspace, grad_images: &mut [f32]) {
        let (layout, len) = (self.blocks[0].grad_input, self.spec.image_len());
        let slots = workspace.gradients.par_chunks(self.slot_len());
        grad_images.par_chunks_exact_mut(len).zip(slots).with_min_len(CHUNK).for_each(|(image, slot)| {
            layout.write_nchw(self.isa, &slot[..layout.len()], image);
        });
    }
}

/// One block's backward pass, as all tasks see it.
#[derive(Clone, Copy)]
struct BlockPass<'a> {
    plan: &'a TrunkPlan,
    stage: Stage<'a>,
    source: Source<'a>,
    /// Whether the gradient of the block's input is wanted.
    further: bool,
}

impl BlockPass<'_> {
    /// Goes back through the images of a chunk. Each slot holds the gradient at the block's output, and then that at its
    /// input.
    fn run_chunk(self, first: usize, slots: &mut [f32], channel_sums: &mut [f64], weight_sums: &mut [f32]) {
        let Self { plan, stage, source, further } = self;
        let block = stage.block;
        let mut scratch = plan.scratch();
        let TaskScratch { input, gradient, working } = &mut *scratch;
        let [input, gradient] =
            [(input, block.input), (gradient, block.grad_values)].map(|(values, layout)| {
                let values = &mut values[..layout.len()];
                layout.clear_border(values);
                values
            });
        let mut slots = slots.chunks_exact_mut(plan.slot_len()).enumerate().peekable();
        while let Some((offset, slot)) = slots.next() {
            let image = first + offset;
            stage.write_gradient(image, &slot[..block.output.len()], gradient);
            source.write(plan.isa, image, block.input, input);
            block.weight_gradient.add(input, gradient, working, weight_sums);
            if further {
                let next_slot = slots.peek().map_or(&[][..], |(_, slot)| &slot[..block.output.len()]);
                let prefetch = Prefetch::new([stage.image(image + 1), source.image(image + 1), next_slot]);
                let (weights, slot) = (&stage.state.flipped_weights, &mut slot[..block.grad_input.len()]);
                let activation = Activation::Identity;
                block.input_gradient.run(gradient, weights, activation, prefetch, working, slot);
                if let Source::Stage(previous) = source {
                    previous.add_gradient_sums(image, slot, channel_sums);
                }
            }
        }
    }
}

/// The gradient of a global average, `[c]`, at every pixel of the map.
fn spread(layout: BlockedLayout, gradient: &[f32], values: &mut [f32]) {
    let share = 1.0 / layout.block_pixels() as f32;
    for (channel_block, gradient) in layout.channels.blocks().zip(gradient.chunks(16)) {
        let mut pixel = [0.0; 16];
        pixel.iter_mut().zip(gradient).for_each(|(value, gradient)| *value = gradient * share);
        for values in values[layout.block_range(channel_block)].chunks_exact_mut(channel_block.channels) {
            values.copy_from_slice(&pixel[..channel_block.channels]);
        }
    }
}
