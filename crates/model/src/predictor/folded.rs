//! Prediction on the kernels that fold norms.

use adder_kernels::Isa;
use adder_kernels::conv::Algorithm;
use adder_kernels::predict::{self, RunningStatistics, TrainedNetwork};
use adder_network::{Network, Segment};

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
    let segments = network.segments();
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
    let (trunk_params, dense_params) = values.params.split_at(trunk.parameters());
    let network = TrainedNetwork {
        trunk: &trunk,
        trunk_params,
        trunk_statistics,
        dense: &dense,
        dense_params,
        dense_statistics,
    };
    Ok(Some(predict::Predictor::new(&network, isa)?))
}
