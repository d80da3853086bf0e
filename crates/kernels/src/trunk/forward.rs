//! The forward pass: block after block, in each of them image after image.

use rayon::prelude::*;

use super::lanes::{MaskedPlane, Moments, PerLane, average, finish};
use super::plan::{BlockPlan, Plan};
use super::spec::Output;
use super::stage::add_to_channels;
use super::workspace::{BlockState, Workspace};
use crate::arch::Ahead;
use crate::conv::Activation;
use crate::dropout::{DropoutKey, DropoutRate, ImageKey};
use crate::reduce::CHUNK;

impl Plan {
    /// A forward pass over the images in the workspace, which was prepared for them.
    pub(super) fn forward(&self, workspace: &mut Workspace, params: &[f32], key: Option<DropoutKey>) {
        self.blocks.par_iter().zip(&mut workspace.blocks).for_each(|(block, state)| {
            let weight = &params[block.layout.weight.clone()];
            block.forward.packing().pack(weight, &mut state.weights);
            block.input_gradient.packing().pack_turned(weight, &mut state.turned_weights);
        });
        for (index, block) in self.blocks.iter().enumerate() {
            let key = key.filter(|_| block.rate != DropoutRate::ZERO);
            self.forward_block(workspace, index, key);

            let state = &mut workspace.blocks[index];
            let [gamma, beta] = [&block.layout.gamma, &block.layout.beta].map(|range| &params[range.clone()]);
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
        let block = &self.blocks[index];
        let (before, rest) = workspace.blocks.split_at_mut(index);
        let source = self.source(&workspace.images, before);
        let BlockState { values, weights, .. } = &mut rest[0];
        let len = block.values.len();
        let sums = workspace.channel_sums.start(workspace.batch, 2 * block.stored());
        values.par_chunks_mut(CHUNK * len).zip(sums).enumerate().for_each(|(chunk, (values, sums))| {
            let mut scratch = self.scratch();
            let input = &mut scratch.input[..block.input.len()];
            block.input.clear_border(input);
            for (image, values) in (chunk * CHUNK..).zip(values.chunks_exact_mut(len)) {
                source.write(image, block.input, input);
                let ahead = Ahead::new([source.image(image + 1), &[], &[]]);
                block.forward.run_ahead(input, weights, Activation::Relu, ahead, values);
                let key = key.map(|key| key.image(index as u32, image as u32));
                self.finish(block, key, values, sums);
            }
        });
    }

    /// Dropout and sums of one image.
    fn finish(&self, block: &BlockPlan, key: Option<ImageKey>, values: &mut [f32], sums: &mut [f64]) {
        let map = block.values;
        for plane in map.channels.planes() {
            let masked =
                |key| MaskedPlane { key, rate: block.rate, channels: map.channels.count, first: plane.first };
            let values = &mut values[map.plane_range(plane)];
            let pixels = values.len() / plane.channels;
            let moments = finish(self.isa, plane.width(), values, key.map(masked));
            add_to_channels(sums, plane, plain_sums(&moments, pixels));
        }
    }

    fn write_output(&self, workspace: &mut Workspace) {
        let source = self.source(&workspace.images, &workspace.blocks);
        let (map, len) = (self.last().output, self.output_len());
        workspace.output.par_chunks_mut(CHUNK * len).enumerate().for_each(|(chunk, outputs)| {
            let mut scratch = self.scratch();
            let values = &mut scratch.input[..map.len()];
            for (image, output) in (chunk * CHUNK..).zip(outputs.chunks_exact_mut(len)) {
                source.write(image, map, values);
                match self.spec.output {
                    Output::Map => map.write_nchw(values, output),
                    Output::GlobalAverage => {
                        for (plane, output) in map.channels.planes().zip(output.chunks_mut(16)) {
                            let average = average(self.isa, plane.width(), &values[map.plane_range(plane)]);
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
