//! The convolution blocks, one image at a time.

use super::network::{FeatureMaps, TrainedNetwork};
use crate::arch::Prefetch;
use crate::conv::layout::{BlockedLayout, ChannelBlock};
use crate::conv::{Activation, AnyConvolution};
use crate::fold::ChannelAffine;
use crate::shape::check_len;
use crate::trunk::elementwise::{Affine, Normalize, SavedValues, average};
use crate::{Error, Isa, Result};

/// The blocks of a trained trunk.
#[derive(Debug)]
pub(super) struct FoldedTrunk {
    isa: Isa,
    image_len: usize,
    blocks: Vec<FoldedBlock>,
    /// The norm that the last block's averages still need.
    feature_norm: ChannelAffine,
}

/// One block: convolution and ReLU, then norm and pool on the way to where its output goes.
#[derive(Debug)]
struct FoldedBlock {
    convolution: AnyConvolution,
    weights: Vec<f32>,
    affine: Affine,
    pool: bool,
    /// The convolution's input, with its padding,
    input: BlockedLayout,
    /// and its output.
    values: BlockedLayout,
}

/// The memory of one image.
#[derive(Debug, Default)]
pub(super) struct TrunkScratch {
    /// The input of each block. Only the interiors are written, so that the zeros around them stay.
    inputs: Vec<Vec<f32>>,
    /// The output of any convolution.
    values: Vec<f32>,
    /// The last block's pooled output.
    pooled: Vec<f32>,
    /// Working memory of any convolution.
    working: Vec<f32>,
}

impl FoldedTrunk {
    pub(super) fn new(network: &TrainedNetwork<'_>, isa: Isa) -> Result<Self> {
        let (spec, params) = (network.trunk, network.trunk_params);
        let shapes = spec.convolutions()?;
        check_len("trunk_params", params, spec.parameters())?;
        check_len("trunk_statistics", network.trunk_statistics, shapes.len())?;
        let mut blocks = Vec::with_capacity(shapes.len());
        let mut feature_norm = ChannelAffine::identity(0);
        for (index, (shape, layout)) in shapes.iter().zip(spec.layout()).enumerate() {
            let statistics = network.trunk_statistics[index];
            let norm = statistics
                .fold(&params[layout.gamma], &params[layout.beta])
                .map_err(|source| Error::Block { block: index, source: source.into() })?;
            // Where the blocks before computed the input, its channels fill lanes, be there only one.
            let channels =
                blocks.last().map_or(shape.input().channels, |before: &FoldedBlock| before.values.channels);
            let (input, values) = (BlockedLayout { channels, ..shape.input() }, shape.output());
            let kernel = [shape.kernel, shape.stride];
            let convolution = AnyConvolution::new(isa, spec.algorithm, kernel, input, values);
            let mut weights = vec![0.0; convolution.weights_len()];
            convolution.pack(&params[layout.weight], &mut weights);
            let affine = Affine {
                scale: padded(&norm.scale, values.channels.stored),
                shift: padded(&norm.shift, values.channels.stored),
            };
            let pool = spec.blocks[index].pool;
            blocks.push(FoldedBlock { convolution, weights, affine, pool, input, values });
            // A norm commutes with the average, but not with the pool.
            feature_norm = if pool { ChannelAffine::identity(shape.out_channels) } else { norm };
        }
        Ok(Self { isa, image_len: spec.image_len(), blocks, feature_norm })
    }

    /// Values of one image, `[c, h, w]`.
    pub(super) fn image_len(&self) -> usize {
        self.image_len
    }

    /// The norm that the features of [`FoldedTrunk::features`] still need.
    pub(super) fn feature_norm(&self) -> &ChannelAffine {
        &self.feature_norm
    }

    pub(super) fn scratch(&self) -> TrunkScratch {
        let largest = self.blocks.iter().map(|block| block.values.len()).max().unwrap_or(0);
        let working = self.blocks.iter().map(|block| block.convolution.scratch_len()).max().unwrap_or(0);
        TrunkScratch {
            inputs: self.blocks.iter().map(|block| vec![0.0; block.input.len()]).collect(),
            values: vec![0.0; largest],
            pooled: self.pooled().map_or(Vec::new(), |layout| vec![0.0; layout.len()]),
            working: vec![0.0; working],
        }
    }

    /// The average of each of the last block's channels over one image, `[c, h, w]`, before the norm of
    /// [`FoldedTrunk::feature_norm`]. `features` holds one value for each channel, and may hold more.
    pub(super) fn features(&self, image: &[f32], scratch: &mut TrunkScratch, features: &mut [f32]) {
        let TrunkScratch { inputs, values, pooled, working } = scratch;
        self.blocks[0].input.read_nchw(self.isa, image, &mut inputs[0]);
        for (index, block) in self.blocks.iter().enumerate() {
            let values = block.convolve(&inputs[index], working, values);
            match self.blocks.get(index + 1) {
                Some(next) => block.normalize(self.isa, values, next.input, &mut inputs[index + 1]),
                None => match self.pooled() {
                    Some(layout) => {
                        block.normalize(self.isa, values, layout, pooled);
                        self.average(layout, pooled, features);
                    }
                    None => self.average(block.values, values, features),
                },
            }
        }
    }

    /// The output of each block for one image, `[c, h, w]`, norms and pools included.
    pub(super) fn feature_maps(&self, image: &[f32], scratch: &mut TrunkScratch) -> Vec<FeatureMaps> {
        let TrunkScratch { inputs, values, working, .. } = scratch;
        self.blocks[0].input.read_nchw(self.isa, image, &mut inputs[0]);
        let outputs = self.blocks.iter().enumerate().map(|(index, block)| {
            let values = block.convolve(&inputs[index], working, values);
            match self.blocks.get(index + 1) {
                Some(next) => {
                    block.normalize(self.isa, values, next.input, &mut inputs[index + 1]);
                    FeatureMaps::of(self.isa, next.input, &inputs[index + 1])
                }
                None => {
                    let layout = block.output();
                    let mut output = vec![0.0; layout.len()];
                    block.normalize(self.isa, values, layout, &mut output);
                    FeatureMaps::of(self.isa, layout, &output)
                }
            }
        });
        outputs.collect()
    }

    /// The map of the last block's pooled output, where it has a pool.
    fn pooled(&self) -> Option<BlockedLayout> {
        self.blocks.last().filter(|last| last.pool).map(FoldedBlock::output)
    }

    fn average(&self, layout: BlockedLayout, values: &[f32], features: &mut [f32]) {
        for channel_block in layout.channels.blocks() {
            let averages =
                average(self.isa, channel_block.width(), &values[layout.block_range(channel_block)]);
            for (feature, average) in
                features[channel_block.first..].iter_mut().zip(&averages[..channel_block.channels])
            {
                *feature = *average;
            }
        }
    }
}

impl FoldedBlock {
    /// Convolution and ReLU, into as much of `values` as they need.
    fn convolve<'a>(&self, input: &[f32], working: &mut [f32], values: &'a mut [f32]) -> &'a [f32] {
        let values = &mut values[..self.values.len()];
        let (activation, prefetch) = (Activation::Relu, Prefetch::NOTHING);
        self.convolution.run(input, &self.weights, activation, prefetch, working, values);
        values
    }

    /// The map of the block's output, its pool included.
    fn output(&self) -> BlockedLayout {
        let BlockedLayout { height, width, .. } = self.values;
        let pooled = if self.pool { 2 } else { 1 };
        BlockedLayout { height: height / pooled, width: width / pooled, ..self.values }
    }

    /// Norm and pool, from the convolution's output to the interior of a map.
    fn normalize(&self, isa: Isa, values: &[f32], to: BlockedLayout, output: &mut [f32]) {
        for channel_block in self.values.channels.blocks() {
            let from = self.read(isa, channel_block, values);
            Normalize { from, to, output }.run();
        }
    }

    fn read<'a>(&'a self, isa: Isa, channel_block: ChannelBlock, values: &'a [f32]) -> SavedValues<'a> {
        let Self { pool, values: layout, ref affine, .. } = *self;
        SavedValues { isa, drop: false, pool, channel_block, layout, values, affine }
    }
}

impl FeatureMaps {
    fn of(isa: Isa, layout: BlockedLayout, values: &[f32]) -> Self {
        let BlockedLayout { channels, height, width, .. } = layout;
        let mut output = Self { channels: channels.count, height, width, values: Vec::new() };
        output.values.resize(output.channels * height * width, 0.0);
        layout.write_nchw(isa, values, &mut output.values);
        output
    }
}

/// Rounded to `f32`, and zeros up to `len`.
fn padded(values: &[f64], len: usize) -> Vec<f32> {
    let mut padded: Vec<f32> = values.iter().map(|&value| value as f32).collect();
    padded.resize(len, 0.0);
    padded
}
