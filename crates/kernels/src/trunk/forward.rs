//! The forward pass: block after block, in each of them image after image.

use rayon::prelude::*;

use super::lanes::{MaskedPlane, Normalise, PerLane, average, finish};
use super::plan::{BlockPlan, Plan};
use super::spec::Output;
use super::workspace::{BlockState, Workspace};
use crate::conv::Activation;
use crate::conv::map::{Map, Plane};
use crate::dropout::{DropoutKey, DropoutRate};
use crate::reduce::CHUNK;

/// Where a block's input comes from.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// The batch, `[b, c, h, w]`.
    Images(&'a [f32]),
    /// What the block before saved.
    Block(&'a BlockPlan, &'a BlockState),
}

impl<'a> Source<'a> {
    /// What comes out of the blocks of `plan` that the states `before` belong to.
    pub(super) fn after(plan: &'a Plan, images: &'a [f32], before: &'a [BlockState]) -> Self {
        match before {
            [] => Self::Images(images),
            [.., last] => Self::Block(&plan.blocks[before.len() - 1], last),
        }
    }

    /// Writes what one image gives to the interior of `to`.
    pub(super) fn write(self, plan: &Plan, image: usize, to: Map, output: &mut [f32]) {
        match self {
            Self::Images(images) => {
                to.read_nchw(&images[image * plan.image_len()..][..plan.image_len()], output)
            }
            Self::Block(block, state) => {
                for plane in to.channels.planes() {
                    Normalise { from: state.saved(plan, block, image, plane), to, output }.run();
                }
            }
        }
    }
}

impl Plan {
    /// A forward pass over the images in the workspace, which was prepared for them.
    pub(super) fn forward(&self, workspace: &mut Workspace, params: &[f32], key: Option<DropoutKey>) {
        self.blocks.par_iter().zip(&mut workspace.blocks).for_each(|(block, state)| {
            block.forward.packing().pack(&params[block.layout.weight.clone()], &mut state.weights);
            block
                .input_gradient
                .packing()
                .pack_turned(&params[block.layout.weight.clone()], &mut state.turned_weights);
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
            state.statistics.set(&workspace.channel_sums, block.values.channels.count, count);
            state.statistics.affine(gamma, beta, state.dropout_scale(block), &mut state.affine);
        }
        self.write_output(workspace);
    }

    /// Convolution, ReLU and dropout of one block, and the sums of its values and of their squares.
    fn forward_block(&self, workspace: &mut Workspace, index: usize, key: Option<DropoutKey>) {
        let block = &self.blocks[index];
        let (before, rest) = workspace.blocks.split_at_mut(index);
        let source = Source::after(self, &workspace.images, before);
        let BlockState { values, weights, .. } = &mut rest[0];
        let len = block.values.len();
        let sums = workspace.channel_sums.start(workspace.batch, 2 * block.stored());
        values.par_chunks_mut(CHUNK * len).zip(sums).enumerate().for_each(|(chunk, (values, sums))| {
            let mut scratch = self.scratch();
            let input = &mut scratch.input[..block.input.len()];
            block.input.clear_border(input);
            for (image, values) in (chunk * CHUNK..).zip(values.chunks_exact_mut(len)) {
                source.write(self, image, block.input, input);
                block.forward.run(input, weights, Activation::Relu, values);
                let key = key.map(|key| key.image(index as u32, image as u32));
                for plane in block.values.channels.planes() {
                    let channels = block.values.channels.count;
                    let mask =
                        key.map(|key| MaskedPlane { key, rate: block.rate, channels, first: plane.first });
                    let plane_values = &mut values[block.values.plane_range(plane)];
                    add_to_channels(sums, plane, finish(self.isa, plane.width(), plane_values, mask));
                }
            }
        });
    }

    fn write_output(&self, workspace: &mut Workspace) {
        let source = Source::after(self, &workspace.images, &workspace.blocks);
        let map = self.last().output;
        let len = self.output_len();
        workspace.output.par_chunks_mut(CHUNK * len).enumerate().for_each(|(chunk, outputs)| {
            let mut scratch = self.scratch();
            let values = &mut scratch.input[..map.len()];
            for (image, output) in (chunk * CHUNK..).zip(outputs.chunks_exact_mut(len)) {
                source.write(self, image, map, values);
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

/// Adds one plane's two sums to those of a chunk: the first of all stored channels, then the second.
pub(super) fn add_to_channels(sums: &mut [f64], plane: Plane, [first, second]: [PerLane; 2]) {
    let (firsts, seconds) = sums.split_at_mut(sums.len() / 2);
    for (totals, values) in [(firsts, first), (seconds, second)] {
        for (total, value) in totals[plane.first..].iter_mut().zip(&values[..plane.channels]) {
            *total += f64::from(*value);
        }
    }
}
