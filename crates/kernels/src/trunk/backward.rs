//! The backward pass: block after block from the last, in each of them image after image.

use rayon::prelude::*;

use super::forward::{Source, add_to_channels};
use super::lanes::{Gradient, GradientSums};
use super::plan::{BlockPlan, Plan};
use super::spec::Output;
use super::workspace::{BlockState, Scratch, Workspace};
use crate::conv::Activation;
use crate::conv::map::Map;
use crate::reduce::CHUNK;

impl Plan {
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
            let norm = &mut grad_params[block.layout.gamma.start..block.layout.beta.end];
            let grads = norm.split_at_mut(block.layout.gamma.len()).into();
            let BlockState { statistics, gamma, coefficients, .. } = state;
            statistics.backward(&workspace.channel_sums, gamma, scale, coefficients, grads);

            self.backward_block(workspace, index, index > 0 || grad_images.is_some());
            let packing = block.weight_gradient.packing();
            let total = &mut workspace.grad_weights[..packing.len()];
            workspace.weight_sums.add_up(total);
            packing.unpack(total, &mut grad_params[block.layout.weight.clone()]);
        }
        if let Some(grad_images) = grad_images {
            self.write_grad_images(workspace, grad_images);
        }
    }

    /// Writes the gradient at the last block's output to the slots, with the sums that its norm needs.
    fn read_grad_output(&self, workspace: &mut Workspace, grad_output: &[f32]) {
        let (block, index) = (self.last(), self.blocks.len() - 1);
        let map = block.output;
        let state = &workspace.blocks[index];
        let sums = workspace.channel_sums.start(workspace.batch, 2 * block.stored());
        let slots = workspace.gradients.par_chunks_mut(CHUNK * self.slot_len());
        slots.zip(sums).enumerate().for_each(|(chunk, (slots, sums))| {
            for (image, slot) in (chunk * CHUNK..).zip(slots.chunks_exact_mut(self.slot_len())) {
                let gradient = &grad_output[image * self.output_len()..][..self.output_len()];
                let slot = &mut slot[..map.len()];
                match self.spec.output {
                    Output::Map => map.read_nchw(gradient, slot),
                    Output::GlobalAverage => spread(map, gradient, slot),
                }
                self.add_gradient_sums(block, state, image, slot, sums);
            }
        });
    }

    /// The gradient of one block's weights, in chunks, and if `further` that of its input, with the sums that the norm of
    /// the block before needs.
    fn backward_block(&self, workspace: &mut Workspace, index: usize, further: bool) {
        let block = &self.blocks[index];
        let (before, rest) = workspace.blocks.split_at(index);
        let (state, source) = (&rest[0], Source::after(self, &workspace.images, before));
        let previous = self.blocks[..index].last().zip(before.last());
        let stored = previous.map_or(block.stored(), |(block, _)| block.stored());
        let channel_sums = workspace.channel_sums.start(workspace.batch, 2 * stored);
        let weight_sums = workspace.weight_sums.start(workspace.batch, block.weight_gradient.packing().len());
        let slots = workspace.gradients.par_chunks_mut(CHUNK * self.slot_len());
        slots.zip(channel_sums).zip(weight_sums).enumerate().for_each(
            |(chunk, ((slots, channel_sums), weight_sums))| {
                let mut scratch = self.scratch();
                let Scratch { input, gradient } = &mut *scratch;
                let [input, gradient] =
                    [(input, block.input), (gradient, block.grad_values)].map(|(values, map)| {
                        let values = &mut values[..map.len()];
                        map.clear_border(values);
                        values
                    });
                for (image, slot) in (chunk * CHUNK..).zip(slots.chunks_exact_mut(self.slot_len())) {
                    self.write_gradient(block, state, image, &slot[..block.output.len()], gradient);
                    source.write(self, image, block.input, input);
                    block.weight_gradient.add(input, gradient, weight_sums);
                    if further {
                        let slot = &mut slot[..block.grad_input.len()];
                        block.input_gradient.run(gradient, &state.turned_weights, Activation::Identity, slot);
                        if let Some((block, state)) = previous {
                            self.add_gradient_sums(block, state, image, slot, channel_sums);
                        }
                    }
                }
            },
        );
    }

    /// Writes the gradient at one image's convolution, given that at the block's output.
    fn write_gradient(
        &self,
        block: &BlockPlan,
        state: &BlockState,
        image: usize,
        upstream: &[f32],
        gradient: &mut [f32],
    ) {
        for plane in block.values.channels.planes() {
            Gradient {
                of: state.saved(self, block, image, plane),
                coefficients: &state.coefficients,
                map: block.output,
                upstream,
                to: block.grad_values,
                output: gradient,
            }
            .run();
        }
    }

    /// Adds what one image's gradient at the block's output gives to the sums that its norm needs.
    fn add_gradient_sums(
        &self,
        block: &BlockPlan,
        state: &BlockState,
        image: usize,
        upstream: &[f32],
        sums: &mut [f64],
    ) {
        for plane in block.values.channels.planes() {
            let of = state.saved(self, block, image, plane);
            add_to_channels(sums, plane, GradientSums { of, map: block.output, upstream }.run());
        }
    }

    /// Writes the gradient of the images, `[b, c, h, w]`, from the slots.
    fn write_grad_images(&self, workspace: &Workspace, grad_images: &mut [f32]) {
        let (map, len) = (self.blocks[0].grad_input, self.image_len());
        let slots = workspace.gradients.par_chunks(self.slot_len());
        grad_images.par_chunks_exact_mut(len).zip(slots).with_min_len(CHUNK).for_each(|(image, slot)| {
            map.write_nchw(&slot[..map.len()], image);
        });
    }
}

/// The gradient of a global average, `[c]`, at every pixel of the map.
fn spread(map: Map, gradient: &[f32], values: &mut [f32]) {
    let share = 1.0 / map.plane_pixels() as f32;
    for (plane, gradient) in map.channels.planes().zip(gradient.chunks(16)) {
        let mut pixel = [0.0; 16];
        pixel.iter_mut().zip(gradient).for_each(|(value, gradient)| *value = gradient * share);
        for values in values[map.plane_range(plane)].chunks_exact_mut(plane.channels) {
            values.copy_from_slice(&pixel[..plane.channels]);
        }
    }
}
