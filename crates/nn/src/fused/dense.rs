//! Hidden layers and heads, loss included, as one operation of candle's autograd.

use std::sync::{Arc, Mutex, PoisonError};

use adder_kernels::Isa;
use adder_kernels::dense::{Dense, DenseLoss, DenseSpec, NormStatistics};
use adder_kernels::loss::{SoftTargets, Tally, Targets};
use candle_core::{CpuStorage, CustomOp2, Error, Layout, Result, Shape, Tensor};

use super::BatchStatistics;
use crate::cpu::values;

/// Hidden layers, linear -> batch norm -> ReLU, and classifying heads with their softmax cross-entropies, that train as one
/// operation on the CPU. Its buffers are used again in every step; clones share them.
///
/// ```
/// use adder_kernels::Isa;
/// use adder_kernels::dense::DenseSpec;
/// use adder_nn::fused::{DenseTargets, FusedDense};
/// use candle_core::{Device, Tensor, Var};
///
/// let spec = DenseSpec { inputs: 2, layers: vec![4], one_hot: None, heads: vec![3] };
/// let params = Var::from_tensor(&Tensor::full(0.1f32, spec.parameters(), &Device::Cpu)?)?;
/// let dense = FusedDense::new(spec, Isa::best())?;
/// let x = Tensor::new(&[[1f32, 2.0], [3.0, 4.0]], &Device::Cpu)?;
/// let targets = DenseTargets { labels: vec![0, 2], label_smoothing: 0.0, soft: None };
/// let done = dense.loss(&x, None, &params, vec![targets])?;
/// // Equal weights say nothing of the three classes.
/// assert!((done.loss.to_scalar::<f32>()? - 3f32.ln()).abs() < 1e-4);
/// assert!(done.loss.backward()?.get(&params).is_some());
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Differences from candle-nn
/// candle-nn has no such layer.
#[derive(Clone, Debug)]
pub struct FusedDense {
    dense: Arc<Dense>,
    hidden_layers: usize,
}

/// The targets of one head.
#[derive(Clone, Debug)]
pub struct DenseTargets {
    /// The class of each row.
    pub labels: Vec<u8>,
    /// Part of each label that is spread evenly over all classes, 0 to below 1.
    pub label_smoothing: f32,
    /// Distributions, `[rows, classes]`, each row summing to 1, and the part of the target, 0 to 1, that they are.
    pub soft: Option<(Vec<f32>, f32)>,
}

/// The outcome of a training pass.
#[derive(Clone, Debug)]
pub struct DenseOutput {
    /// The sum over the heads of the mean over the rows: a differentiable scalar.
    pub loss: Tensor,
    /// Losses and right answers, as sums.
    pub tally: Tally,
    /// The statistics of each hidden layer's norm.
    pub statistics: Vec<BatchStatistics>,
}

impl DenseTargets {
    fn borrow(&self) -> Targets<'_> {
        let Self { labels, label_smoothing, soft } = self;
        let soft =
            soft.as_ref().map(|(probabilities, weight)| SoftTargets { probabilities, weight: *weight });
        Targets { labels, label_smoothing: *label_smoothing, soft }
    }
}

impl FusedDense {
    /// Plans layers and heads for an instruction set.
    ///
    /// # Errors
    /// For layers or heads that cannot be.
    pub fn new(spec: DenseSpec, isa: Isa) -> Result<Self> {
        let hidden_layers = spec.layers.len();
        Ok(Self { dense: Arc::new(Dense::new(spec, isa).map_err(Error::wrap)?), hidden_layers })
    }

    /// The loss of `x`, f32 `[rows, features]`, in training. `params` are those of all layers and heads,
    /// [flat](super::flat) in the order of [`DenseSpec`]; `one_hot` has the class of each row where a layer has a one-hot input.
    ///
    /// # Errors
    /// Where shapes or element types do not fit, a class is out of range, or a tensor is not on the CPU.
    pub fn loss(
        &self,
        x: &Tensor,
        one_hot: Option<Vec<u8>>,
        params: &Tensor,
        targets: Vec<DenseTargets>,
    ) -> Result<DenseOutput> {
        let (rows, inputs) = x.dims2()?;
        let expected = self.dense.spec().inputs;
        if inputs != expected {
            candle_core::bail!("dense layers: expected an input of [rows, {expected}], found {:?}", x.dims());
        }
        let done = SharedLoss::default();
        let op = DenseOp { dense: Arc::clone(&self.dense), one_hot, targets, done: Arc::clone(&done) };
        let loss = x.contiguous()?.apply_op2(params, op)?;
        let done = done.lock().unwrap_or_else(PoisonError::into_inner);
        let done = done.as_ref().ok_or_else(|| Error::msg("the dense layers kept no pass"))?;
        let statistics = (0..self.hidden_layers).map(|layer| {
            let NormStatistics { mean, variance } = done.pass().statistics(layer);
            BatchStatistics::new(mean, variance, rows)
        });
        let statistics = statistics.collect::<Result<_>>()?;
        Ok(DenseOutput { loss, tally: done.tally().clone(), statistics })
    }
}

/// Inputs `[rows, features]` and flat parameters to the scalar loss. One value of this type serves one forward pass; the
/// pass that it keeps for the way back returns its buffers when it is dropped.
struct DenseOp {
    dense: Arc<Dense>,
    one_hot: Option<Vec<u8>>,
    targets: Vec<DenseTargets>,
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
    ) -> Result<(CpuStorage, Shape)> {
        let (x, params) = (values(x, x_layout)?, values(params, params_layout)?);
        let targets: Vec<Targets<'_>> = self.targets.iter().map(DenseTargets::borrow).collect();
        let pass = self.dense.forward(x, self.one_hot.as_deref(), params).map_err(Error::wrap)?;
        let done = pass.loss(&targets).map_err(Error::wrap)?;
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
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(done) = done else {
            candle_core::bail!("{}: a pass can go back only once", self.name());
        };
        let mut grad_x = vec![0.0; x.elem_count()];
        let mut grad_params = vec![0.0; params.elem_count()];
        done.backward(grad.to_scalar()?, &mut grad_x, &mut grad_params).map_err(Error::wrap)?;
        Ok((
            Some(Tensor::from_vec(grad_x, x.shape(), x.device())?),
            Some(Tensor::from_vec(grad_params, params.shape(), params.device())?),
        ))
    }
}
