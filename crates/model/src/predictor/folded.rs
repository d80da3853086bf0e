//! Prediction on the kernels that fold norms.

use adder_kernels::Isa;
use adder_kernels::conv::Algorithm;
use adder_kernels::predict::{self, RunningStatistics, TrainedNetwork};
use adder_network::{DenseLayer, LayerKind, Network, Node, Segment};

use crate::Result;
use crate::specs::{dense_spec, trunk_spec};
use crate::weights::Values;

/// The network on the kernels, norms folded; nothing where it is not convolution blocks to a global average, then hidden
/// layers and heads.
pub(super) fn fold(
    network: &Network,
    values: &Values,
    isa: Isa,
    algorithm: Algorithm,
) -> Result<Option<predict::Predictor>> {
    let segments = network.folded_segments();
    let [Segment::Trunk { blocks, global_average: true, .. }, Segment::Dense { layers, one_hot, nodes }] =
        &segments[..]
    else {
        return Ok(None);
    };
    let trunk = trunk_spec(blocks, true, algorithm);
    let dense = dense_spec(network, layers, *one_hot, nodes.start);
    let norms: Vec<RunningStatistics<'_>> =
        values.statistics.iter().map(|[mean, variance]| RunningStatistics { mean, variance }).collect();
    let (trunk_statistics, dense_statistics) = norms.split_at(blocks.len());
    let (dense_params, head_bias) = dense_params(network, layers, *one_hot, &values.params);
    let network = TrainedNetwork {
        trunk: &trunk,
        trunk_params: &values.params[..trunk.parameters()],
        trunk_statistics,
        dense: &dense,
        dense_params: &dense_params,
        dense_statistics,
        head_bias: head_bias.as_deref(),
    };
    Ok(Some(predict::Predictor::new(&network, isa)?))
}

/// The parameters of hidden layers that read a one-hot class and of heads whose outputs are logits, one behind the other, and the
/// heads' offsets, where any head has some: the code of the class and the heads' ways to their logits are in the weights.
fn dense_params(
    network: &Network,
    layers: &[DenseLayer<'_>],
    one_hot: Option<(usize, &Node)>,
    params: &[f32],
) -> (Vec<f32>, Option<Vec<f32>>) {
    let of = |node: &Node, index: usize| {
        &params[network.parameters()[node.parameters.start + index].range.clone()]
    };
    let mut folded = Vec::new();
    for (index, layer) in layers.iter().enumerate() {
        let weight = of(layer.linear, 0);
        match one_hot.filter(|(joined, _)| *joined == index) {
            Some((_, input)) => folded.extend(by_class(weight, input)),
            None => folded.extend_from_slice(weight),
        }
        folded.extend_from_slice(of(layer.norm, 0));
        folded.extend_from_slice(of(layer.norm, 1));
    }
    let (mut offsets, mut any) = (Vec::new(), false);
    for ((head, kind), classes) in network.heads().iter().zip(network.head_kinds()).zip(network.classes()) {
        let bias = (head.parameters.len() > 1).then(|| of(head, 1));
        let Some(decoding) = kind.decoding(classes) else {
            folded.extend_from_slice(of(head, 0));
            offsets.extend(bias.map_or_else(|| vec![0.0; classes], <[f32]>::to_vec));
            any |= bias.is_some();
            continue;
        };
        let (weight, bias) = decoding.fold(of(head, 0), bias);
        folded.extend(weight);
        offsets.extend(bias);
        any = true;
    }
    (folded, any.then_some(offsets))
}

/// The weight of a layer behind `input`, with a column for each class in place of one for each number of its code.
fn by_class(weight: &[f32], input: &Node) -> Vec<f32> {
    let LayerKind::OneHot { classes, code, .. } = input.kind else { return weight.to_vec() };
    let (table, width, before) = (code.table(classes), code.width(classes), input.input.len());
    let of_row = |row: &[f32]| {
        let (features, numbers) = row.split_at(before);
        let column = |code: &[f32]| {
            code.iter().zip(numbers).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>() as f32
        };
        features.iter().copied().chain(table.chunks_exact(width).map(column)).collect::<Vec<_>>()
    };
    weight.chunks_exact(before + width).flat_map(of_row).collect()
}
