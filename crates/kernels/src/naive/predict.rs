//! A trained network in evaluation: every layer on its own, norms with their running statistics.

use super::conv::conv2d;
use super::dense::{linear, relu};
use super::norm::batch_norm_with;
use super::pool::{global_average_pool, max_pool2d};
use crate::conv::ConvShape;
use crate::predict::{RunningStatistics, TrainedNetwork};
use crate::trunk::KERNEL;

/// What a network says of a batch.
pub struct Answer {
    /// `[b, embedding]`.
    pub embedding: Vec<f64>,
    /// `[b, digits]`.
    pub digit_logits: Vec<f64>,
    /// `[b, sums]`.
    pub sum_logits: Vec<f64>,
}

/// From images, `[b, c, h, w]`, and one addend for each to the logits of both heads.
pub fn predict(network: &TrainedNetwork<'_>, images: &[f64], addends: &[u8]) -> Answer {
    let (spec, params, batch) = (network.head, wide(network.head_params), addends.len());
    let layout = spec.layout();

    let shape = [batch, spec.features, spec.embedding];
    let x = linear(&features(network, images, batch), &params[layout.embedding_weight], shape);
    let [gamma, beta] = [layout.embedding_gamma, layout.embedding_beta].map(|range| &params[range]);
    let embedding = relu(&norm(&x, [batch, spec.embedding, 1], [gamma, beta], network.embedding_statistics));

    let mut hidden_input = vec![];
    for (embedding, &addend) in embedding.chunks_exact(spec.embedding).zip(addends) {
        hidden_input.extend_from_slice(embedding);
        hidden_input
            .extend((0..spec.addends).map(|class| if class == usize::from(addend) { 1.0 } else { 0.0 }));
    }
    let x = linear(
        &hidden_input,
        &params[layout.hidden_weight],
        [batch, spec.embedding + spec.addends, spec.hidden],
    );
    let [gamma, beta] = [layout.hidden_gamma, layout.hidden_beta].map(|range| &params[range]);
    let hidden = relu(&norm(&x, [batch, spec.hidden, 1], [gamma, beta], network.hidden_statistics));

    let digit_logits = linear(&hidden, &params[layout.digit_weight], [batch, spec.hidden, spec.digits]);
    let sum_logits = linear(&hidden, &params[layout.sum_weight], [batch, spec.hidden, spec.sums]);
    Answer { embedding, digit_logits, sum_logits }
}

/// The averages of the last block's channels, `[b, c]`.
fn features(network: &TrainedNetwork<'_>, images: &[f64], batch: usize) -> Vec<f64> {
    let blocks = feature_maps(network, images, batch);
    let (map, values) = blocks.last().expect("a network has blocks");
    global_average_pool(values, *map)
}

/// What each block makes of images, `[b, c, h, w]`, its pool included: the shape and the values.
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
