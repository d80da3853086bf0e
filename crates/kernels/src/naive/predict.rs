//! A trained network in evaluation: every layer on its own, norms with their running statistics.

use super::conv::conv2d;
use super::dense::{heads, join_one_hot, linear, relu};
use super::norm::batch_norm_with;
use super::pool::{global_average_pool, max_pool2d};
use crate::conv::ConvShape;
use crate::predict::{RunningStatistics, TrainedNetwork};
use crate::trunk::KERNEL;

/// The predictions of a network for a batch.
pub struct Prediction {
    /// The input of the layer with the one-hot input, or of the heads where there is none, `[b, in]`.
    pub embedding: Vec<f64>,
    /// The logits of each head, `[b, classes]`.
    pub logits: Vec<Vec<f64>>,
}

/// The predictions for images, `[b, c, h, w]`, with the class of each where there is a one-hot input.
pub fn predict(network: &TrainedNetwork<'_>, images: &[f64], one_hot: &[u8]) -> Prediction {
    let (spec, params) = (network.dense, wide(network.dense_params));
    let batch = images.len() / (network.trunk.in_channels * network.trunk.height * network.trunk.width);
    let mut x = features(network, images, batch);
    let mut embedding = vec![];
    for (layer, (at, &statistics)) in spec.layout().layers.iter().zip(network.dense_statistics).enumerate() {
        if spec.one_hot.is_some_and(|input| input.layer == layer) {
            embedding.clone_from(&x);
        }
        x = join_one_hot(spec, layer, x, one_hot);
        x = linear(&x, &params[at.weight.clone()], [batch, spec.row_length(layer), spec.layers[layer]]);
        let [gamma, beta] = [&at.gamma, &at.beta].map(|range| &params[range.clone()]);
        x = relu(&norm(&x, [batch, spec.layers[layer], 1], [gamma, beta], statistics));
    }
    let logits = heads(spec, &x, &params);
    Prediction { embedding: if spec.one_hot.is_some() { embedding } else { x }, logits }
}

/// The averages of the last block's channels, `[b, c]`.
fn features(network: &TrainedNetwork<'_>, images: &[f64], batch: usize) -> Vec<f64> {
    let blocks = feature_maps(network, images, batch);
    let (map, values) = blocks.last().expect("a network has blocks");
    global_average_pool(values, *map)
}

/// The output of each block for images, `[b, c, h, w]`, its pool included: the shape and the values.
pub fn feature_maps(
    network: &TrainedNetwork<'_>,
    images: &[f64],
    batch: usize,
) -> Vec<([usize; 4], Vec<f64>)> {
    let (spec, params) = (network.trunk, wide(network.trunk_params));
    let mut map = [batch, spec.in_channels, spec.height, spec.width];
    let mut x = images.to_vec();
    let mut outputs = Vec::new();
    for ((block, layout), &statistics) in spec.blocks.iter().zip(spec.layout()).zip(network.trunk_statistics)
    {
        let [_, in_channels, height, width] = map;
        let &crate::trunk::BlockSpec { out_channels, padding, .. } = block;
        let shape = ConvShape { batch, in_channels, out_channels, height, width, kernel: KERNEL, padding };
        let [height, width] = shape.output_size();
        map = [batch, out_channels, height, width];
        x = relu(&conv2d(&x, &params[layout.weight], &shape));
        let [gamma, beta] = [layout.gamma, layout.beta].map(|range| &params[range]);
        x = norm(&x, [batch, out_channels, height * width], [gamma, beta], statistics);
        if block.pool {
            x = max_pool2d(&x, map);
            map = [batch, out_channels, height / 2, width / 2];
        }
        outputs.push((map, x.clone()));
    }
    outputs
}

fn norm(
    x: &[f64],
    shape: [usize; 3],
    [gamma, beta]: [&[f64]; 2],
    statistics: RunningStatistics<'_>,
) -> Vec<f64> {
    let (mean, variance) = (wide(statistics.mean), wide(statistics.variance));
    batch_norm_with(x, shape, [gamma, beta, &mean, &variance])
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}
