//! Hidden layers and heads, loss included, as one operation of candle's autograd.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use adder_kernels::Isa;
use adder_kernels::dense::{Dense, DenseLoss, DenseSpec, NormStatistics};
use adder_kernels::loss::{SoftTargets, Targets};
use adder_network::{DenseLayer, Network, Node};
use adder_nn::optim::Parameter;
use candle_core::{CpuStorage, CustomOp2, Layout, Shape, Tensor};

use crate::Result;
use crate::loss::{HeadTargets, Loss, classes};
use crate::norm::BatchNorm;
use crate::parameter::flat;
use crate::pool::contiguous;

/// The end of a network on the kernels.
#[derive(Debug)]
pub(crate) struct DensePart {
    /// The first node that it takes up.
    pub(crate) start: usize,
    dense: Arc<Dense>,
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
            dense: Arc::new(Dense::new(spec, isa)?),
            params: first..network.parameters().len(),
            norms: layers.iter().map(|layer| layer.norm.ordinal).collect(),
            one_hot: one_hot.map(|(_, node)| node.ordinal),
        })
    }

    /// The loss of `x`, f32 `[rows, features]`, in training, with the network's parameters. Moves the running statistics.
    pub(crate) fn loss(
        &self,
        params: &[Parameter],
        norms: &[BatchNorm],
        x: &Tensor,
        one_hot: &[&Tensor],
        targets: &[HeadTargets<'_>],
    ) -> Result<Loss> {
        let one_hot = self.one_hot.map(|number| classes(one_hot[number])).transpose()?;
        let targets = targets.iter().map(OwnedTargets::read).collect::<Result<Vec<_>>>()?;
        let rows = x.dim(0)?;
        let done = SharedLoss::default();
        let op = DenseOp { dense: Arc::clone(&self.dense), one_hot, targets, done: Arc::clone(&done) };
        let params = flat(&params[self.params.clone()])?;
        let loss = x.contiguous()?.apply_op2(&params, op)?;
        let done = done.lock().unwrap_or_else(PoisonError::into_inner);
        let done = done.as_ref().ok_or_else(|| candle_core::Error::msg("the dense part kept no pass"))?;
        for (layer, &norm) in self.norms.iter().enumerate() {
            let NormStatistics { mean, variance } = done.pass().statistics(layer);
            norms[norm].update_running_from(mean, variance, rows)?;
        }
        Ok(Loss { value: loss, tally: done.tally().clone() })
    }
}

/// The targets of one head, as the kernels take them.
struct OwnedTargets {
    labels: Vec<u8>,
    label_smoothing: f32,
    /// Distributions and their weight.
    soft: Option<(Vec<f32>, f32)>,
}

impl OwnedTargets {
    fn read(targets: &HeadTargets<'_>) -> Result<Self> {
        let soft =
            targets.soft.map(|(soft, weight)| -> Result<_> { Ok((soft.flatten_all()?.to_vec1()?, weight)) });
        Ok(Self {
            labels: classes(targets.labels)?,
            label_smoothing: targets.label_smoothing,
            soft: soft.transpose()?,
        })
    }

    fn borrow(&self) -> Targets<'_> {
        let Self { labels, label_smoothing, soft } = self;
        let soft =
            soft.as_ref().map(|(probabilities, weight)| SoftTargets { probabilities, weight: *weight });
        Targets { labels, label_smoothing: *label_smoothing, soft }
    }
}

/// Inputs `[rows, features]` and flat parameters to the scalar loss. One value of this type serves one forward pass; the
/// pass that it keeps for the way back returns its buffers when it is dropped.
struct DenseOp {
    dense: Arc<Dense>,
    one_hot: Option<Vec<u8>>,
    targets: Vec<OwnedTargets>,
    done: SharedLoss,
}

/// The forward pass, shared between the operation in candle's graph and whoever applied it.
type SharedLoss = Arc<Mutex<Option<DenseLoss>>>;

impl CustomOp2 for DenseOp {
    fn name(&self) -> &'static str {
        "adder-dense"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        params: &CpuStorage,
        params_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let x = contiguous(x, x_layout)?;
        let params = contiguous(params, params_layout)?;
        let targets: Vec<Targets<'_>> = self.targets.iter().map(OwnedTargets::borrow).collect();
        let pass =
            self.dense.forward(x, self.one_hot.as_deref(), params).map_err(candle_core::Error::wrap)?;
        let done = pass.loss(&targets).map_err(candle_core::Error::wrap)?;
        let tally = done.tally();
        let total = tally.heads.iter().fold(0.0, |total, head| total + head.loss);
        let mean = (total / tally.rows as f64) as f32;
        *self.done.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
        Ok((CpuStorage::F32(vec![mean]), Shape::from(())))
    }

    fn bwd(
        &self,
        x: &Tensor,
        params: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(done) = done else {
            candle_core::bail!("{}: a pass can go back only once", self.name());
        };
        let mut grad_x = vec![0.0; x.elem_count()];
        let mut grad_params = vec![0.0; params.elem_count()];
        done.backward(grad.to_scalar()?, &mut grad_x, &mut grad_params).map_err(candle_core::Error::wrap)?;
        Ok((
            Some(Tensor::from_vec(grad_x, x.shape(), x.device())?),
            Some(Tensor::from_vec(grad_params, params.shape(), params.device())?),
        ))
    }
}
