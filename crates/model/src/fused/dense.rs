//! The hidden layers and heads of a network, loss included, as one operation.

use std::ops::Range;

use adder_kernels::Isa;
use adder_kernels::dense::DenseSpec;
use adder_network::{DenseLayer, Network, Node};
use adder_nn::fused::{DenseOutput, DenseTargets, FusedDense};
use adder_nn::optim::Parameter;
use candle_core::Tensor;

use crate::Result;
use crate::loss::{Loss, classes};
use crate::norm::Norm;
use crate::parameter::flat;
use crate::targets::HeadTargets;

/// The end of a network on the kernels.
#[derive(Debug)]
pub(crate) struct DensePart {
    /// The first node that it takes up.
    pub(crate) start: usize,
    fused: FusedDense,
    /// The parameters of the hidden layers and the heads.
    params: Range<usize>,
    /// The norm of each hidden layer.
    norms: Vec<usize>,
    /// The number of the one-hot input.
    one_hot: Option<usize>,
}

impl DensePart {
    pub(crate) fn new(
        network: &Network,
        spec: DenseSpec,
        layers: &[DenseLayer<'_>],
        one_hot: Option<(usize, &Node)>,
        nodes: Range<usize>,
        isa: Isa,
    ) -> Result<Self> {
        let heads = network.heads();
        let first = layers.first().map_or(heads[0].parameters.start, |layer| layer.linear.parameters.start);
        Ok(Self {
            start: nodes.start,
            fused: FusedDense::new(spec, isa)?,
            params: first..network.parameters().len(),
            norms: layers.iter().map(|layer| layer.norm.ordinal).collect(),
            one_hot: one_hot.map(|(_, node)| node.ordinal),
        })
    }

    /// The loss of `x`, f32 `[rows, features]`, in training, with the network's parameters. Moves the running statistics.
    pub(crate) fn loss(
        &self,
        params: &[Parameter],
        norms: &[Norm],
        x: &Tensor,
        one_hot: &[&Tensor],
        targets: &[HeadTargets<'_>],
    ) -> Result<Loss> {
        let one_hot = self.one_hot.map(|number| classes(one_hot[number])).transpose()?;
        let targets = targets.iter().map(dense_targets).collect::<Result<Vec<_>>>()?;
        let params = flat(&params[self.params.clone()])?;
        let DenseOutput { loss, tally, statistics } = self.fused.loss(x, one_hot, &params, targets)?;
        for (&norm, found) in self.norms.iter().zip(&statistics) {
            norms[norm].layer.update_running(&found.mean, &found.variance, found.count)?;
        }
        Ok(Loss { value: loss, tally })
    }
}

/// The targets as the kernels take them.
fn dense_targets(targets: &HeadTargets<'_>) -> Result<DenseTargets> {
    let soft =
        targets.soft.map(|(soft, weight)| -> Result<_> { Ok((soft.flatten_all()?.to_vec1()?, weight)) });
    let (labels, label_smoothing) = (classes(targets.labels)?, targets.label_smoothing);
    Ok(DenseTargets { labels, label_smoothing, soft: soft.transpose()? })
}
