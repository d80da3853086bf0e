//! The convolution blocks, one image at a time.

use super::TrainedNetwork;
use super::fold::ChannelNorm;
use crate::conv::map::{Map, Plane};
use crate::conv::{Activation, Convolution};
use crate::shape::check_len;
use crate::trunk::lanes::{Affine, Normalise, SavedValues, average};
use crate::{Error, Isa, Result};

/// The blocks of a trained trunk.
#[derive(Debug)]
pub(super) struct FoldedTrunk {
    isa: Isa,
    image_len: usize,
    blocks: Vec<FoldedBlock>,
    /// What the last block's averages still need.
    feature_norm: ChannelNorm,
}

/// One block: convolution and ReLU, then norm and pool on the way to where its output goes.
#[derive(Debug)]
struct FoldedBlock {
    convolution: Convolution,
    weights: Vec<f32>,
    affine: Affine,
    pool: bool,
    /// The convolution's input, with its padding,
    input: Map,
    /// and its output.
    values: Map,
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
}

impl FoldedTrunk {
    pub(super) fn new(network: &TrainedNetwork<'_>, isa: Isa) -> Result<Self> {
        let (spec, params) = (network.trunk, network.trunk_params);
        let shapes = spec.convolutions()?;
        check_len("trunk_params", params, spec.parameters())?;
        check_len("trunk_statistics", network.trunk_statistics, shapes.len())?;
        let mut blocks = Vec::with_capacity(shapes.len());
        let mut feature_norm = ChannelNorm::identity(0);
        for (index, (shape, layout)) in shapes.iter().zip(spec.layout()).enumerate() {
            let statistics = network.trunk_statistics[index];
            let norm =
                ChannelNorm::new(&params[layout.gamma], &params[layout.beta], statistics, "statistics")
                    .map_err(|source| Error::Block { block: index, source: source.into() })?;
            // Where the blocks before computed the input, its channels fill lanes, be there only one.
            let channels =
                blocks.last().map_or(shape.input().channels, |before: &FoldedBlock| before.values.channels);
            let (input, values) = (Map { channels, ..shape.input() }, shape.output());
            let convolution = Convolution::new(isa, shape.kernel, input, values);
            let mut weights = vec![0.0; convolution.packing().len()];
            convolution.packing().pack(&params[layout.weight], &mut weights);
            let affine = Affine {
                scale: padded(&norm.scale, values.channels.stored),
                shift: padded(&norm.shift, values.channels.stored),
            };
            let pool = spec.blocks[index].pool;
            blocks.push(FoldedBlock { convolution, weights, affine, pool, input, values });
            // A norm commutes with the average, but not with the pool.
            feature_norm = if pool { ChannelNorm::identity(shape.out_channels) } else { norm };
        }
        Ok(Self { isa, image_len: spec.in_channels * spec.height * spec.width, blocks, feature_norm })
    }

    /// Values of one image, `[c, h, w]`.
    pub(super) fn image_len(&self) -> usize {
        self.image_len
    }

    /// What the features of [`FoldedTrunk::features`] still need.
    pub(super) fn feature_norm(&self) -> &ChannelNorm {
        &self.feature_norm
    }

    pub(super) fn scratch(&self) -> TrunkScratch {
        let largest = self.blocks.iter().map(|block| block.values.len()).max().unwrap_or(0);
        TrunkScratch {
            inputs: self.blocks.iter().map(|block| vec![0.0; block.input.len()]).collect(),
            values: vec![0.0; largest],
            pooled: self.pooled().map_or(Vec::new(), |map| vec![0.0; map.len()]),
        }
    }

    /// The average of each of the last block's channels over one image, `[c, h, w]`, before the norm of
    /// [`FoldedTrunk::feature_norm`]. `features` holds one value for each channel, and may hold more.
    pub(super) fn features(&self, image: &[f32], scratch: &mut TrunkScratch, features: &mut [f32]) {
        let TrunkScratch { inputs, values, pooled } = scratch;
        self.blocks[0].input.read_nchw(image, &mut inputs[0]);
        for (index, block) in self.blocks.iter().enumerate() {
            let values = &mut values[..block.values.len()];
            block.convolution.run(&inputs[index], &block.weights, Activation::Relu, values);
            match self.blocks.get(index + 1) {
                Some(next) => block.normalise(self.isa, values, next.input, &mut inputs[index + 1]),
                None => match self.pooled() {
                    Some(map) => {
                        block.normalise(self.isa, values, map, pooled);
                        self.average(map, pooled, features);
                    }
                    None => self.average(block.values, values, features),
                },
            }
        }
    }

    /// The map of the last block's pooled output, where it has a pool.
    fn pooled(&self) -> Option<Map> {
        let last = self.blocks.last()?;
        let [height, width] = [last.values.height, last.values.width].map(|size| size / 2);
        last.pool.then_some(Map { height, width, ..last.values })
    }

    fn average(&self, map: Map, values: &[f32], features: &mut [f32]) {
        for plane in map.channels.planes() {
            let averages = average(self.isa, plane.width(), &values[map.plane_range(plane)]);
            for (feature, average) in features[plane.first..].iter_mut().zip(&averages[..plane.channels]) {
                *feature = *average;
            }
        }
    }
}

impl FoldedBlock {
    /// Norm and pool, from the convolution's output to the interior of a map.
    fn normalise(&self, isa: Isa, values: &[f32], to: Map, output: &mut [f32]) {
        for plane in self.values.channels.planes() {
            let from = self.read(isa, plane, values);
            Normalise { from, to, output }.run();
        }
    }

    fn read<'a>(&'a self, isa: Isa, plane: Plane, values: &'a [f32]) -> SavedValues<'a> {
        let Self { pool, values: map, ref affine, .. } = *self;
        SavedValues { isa, drop: false, pool, plane, map, values, affine }
    }
}

/// Rounded to `f32`, and zeros up to `len`.
fn padded(values: &[f64], len: usize) -> Vec<f32> {
    let mut padded: Vec<f32> = values.iter().map(|&value| value as f32).collect();
    padded.resize(len, 0.0);
    padded
}
