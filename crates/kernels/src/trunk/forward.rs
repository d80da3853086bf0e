//! The forward pass: block after block, in each of them image after image.

use rayon::prelude::*;

use super::elementwise::{MaskedChannels, Moments, PerLane, average, finish};
use super::plan::{BlockPlan, BlockState, TaskScratch, TrunkPlan, Workspace, add_to_channels};
use super::spec::Output;
use crate::arch::Prefetch;
use crate::conv::Activation;
use crate::dropout::{DropoutKey, DropoutRate, ImageKey};
use crate::reduce::CHUNK;

impl TrunkPlan {
    /// A forward pass over the images in the workspace, which was prepared for them.
    pub(super) fn forward(&self, workspace: &mut Workspace, params: &[f32], key: Option<DropoutKey>) {
        self.blocks.par_iter().zip(&mut workspace.blocks).for_each(|(block, state)| {
            let weight = &params[block.params.weight.clone()];
            block.forward.pack(weight, &mut state.weights);
            block.input_gradient.pack_flipped(weight, &mut state.flipped_weights);
        });
        for (index, block) in self.blocks.iter().enumerate() {
            let key = key.filter(|_| block.rate != DropoutRate::ZERO);
            self.forward_block(workspace, index, key);

            let state = &mut workspace.blocks[index];
            let [gamma, beta] = [&block.params.gamma, &block.params.beta].map(|range| &params[range.clone()]);
            state.drop = key.is_some();
            state.gamma.clear();
            state.gamma.extend_from_slice(gamma);
            let count = workspace.batch * block.values.height * block.values.width;
            state.statistics.set(&workspace.channel_sums, block.values.channels, count);
            state.statistics.affine(gamma, beta, state.dropout_scale(block), &mut state.affine);
        }
        self.write_output(workspace);
    }

    /// Convolution, ReLU and dropout of one block, and the sums of its values and of their squares.
    fn forward_block(&self, workspace: &mut Workspace, index: usize, key: Option<DropoutKey>) {
        let (block, mask) = (&self.blocks[index], self.spec.blocks[index].mask);
        let (before, rest) = workspace.blocks.split_at_mut(index);
        let source = self.source(&workspace.images, before);
        let BlockState { values, weights, .. } = &mut rest[0];
        let len = block.values.len();
        let sums = workspace.channel_sums.start(workspace.batch, 2 * block.stored());
        values.par_chunks_mut(CHUNK * len).zip(sums).enumerate().for_each(|(chunk, (values, sums))| {
            let mut scratch = self.scratch();
            let TaskScratch { input, working, .. } = &mut *scratch;
            let input = &mut input[..block.input.len()];
            block.input.clear_border(input);
            for (image, values) in (chunk * CHUNK..).zip(values.chunks_exact_mut(len)) {
                source.write(self.isa, image, block.input, input);
                let prefetch = Prefetch::new([source.image(image + 1), &[], &[]]);
                block.forward.run(input, weights, Activation::Relu, prefetch, working, values);
                let key = key.map(|key| key.image(mask, image as u32));
                self.finish(block, key, values, sums);
            }
        });
    }

    /// Dropout and sums of one image.
    fn finish(&self, block: &BlockPlan, key: Option<ImageKey>, values: &mut [f32], sums: &mut [f64]) {
        let layout = block.values;
        for channel_block in layout.channels.blocks() {
            let masked = |key| MaskedChannels {
                key,
                rate: block.rate,
                channels: layout.channels.count,
                first: channel_block.first,
            };
            let values = &mut values[layout.block_range(channel_block)];
            let pixels = values.len() / channel_block.channels;
            let moments = finish(self.isa, channel_block.width(), values, key.map(masked));
            add_to_channels(sums, channel_block, plain_sums(&moments, pixels));
        }
    }

    fn write_output(&self, workspace: &mut Workspace) {
        let source = self.source(&workspace.images, &workspace.blocks);
        let (layout, len) = (self.last().output, self.output_len());
        workspace.output.par_chunks_mut(CHUNK * len).enumerate().for_each(|(chunk, outputs)| {
            let mut scratch = self.scratch();
            let values = &mut scratch.input[..layout.len()];
            for (image, output) in (chunk * CHUNK..).zip(outputs.chunks_exact_mut(len)) {
                source.write(self.isa, image, layout, values);
                match self.spec.output {
                    Output::Map => layout.write_nchw(self.isa, values, output),
                    Output::GlobalAverage => {
                        for (channel_block, output) in layout.channels.blocks().zip(output.chunks_mut(16)) {
                            let average = average(
                                self.isa,
                                channel_block.width(),
                                &values[layout.block_range(channel_block)],
                            );
                            output.copy_from_slice(&average[..output.len()]);
                        }
                    }
                }
            }
        });
    }
}

/// The sums of values and of their squares, about zero, from those about a pivot.
fn plain_sums(moments: &Moments, pixels: usize) -> [[f64; 16]; 2] {
    let wide = |lanes: PerLane| lanes.map(f64::from);
    let (pivots, pixels) = (wide(moments.pivot), pixels as f64);
    let [mut sums, mut squares] = [moments.sum, moments.squares].map(wide);
    for ((sum, square), pivot) in sums.iter_mut().zip(&mut squares).zip(pivots) {
        *square += pivot * (2.0 * *sum + pixels * pivot);
        *sum += pixels * pivot;
    }
    [sums, squares]
}
