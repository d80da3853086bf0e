//! Batch normalization.

mod composed;
mod operation;

use adder_kernels::Isa;
use adder_kernels::norm::{Statistics, batch_statistics};
use candle_core::{DType, Error, ModuleT, Result, Tensor, Var};
use candle_nn::{BatchNormConfig, Init, VarBuilder};

use crate::cpu::{Engine, read};
use crate::ops::relu;
use operation::Normalize;

/// [`BatchNorm`] by PyTorch's name.
pub type BatchNorm2d = BatchNorm;

/// A batch norm over every axis but the channels', the second: `[b, c]` or `[b, c, ...]` to the same shape (Ioffe and Szegedy,
/// "Batch normalization", 2015). As `torch.nn.BatchNorm1d` and `2d`.
///
/// In training it normalizes with the batch's own mean and biased variance, and moves the running statistics towards the mean
/// and the unbiased variance; in evaluation it normalizes with the running statistics. They are variables of the `VarMap`,
/// `running_mean` and `running_var`, as in candle-nn. [`forward_relu`](Self::forward_relu) and
/// [`forward_add_relu`](Self::forward_add_relu) take what follows the norm in a residual network into the same pass over
/// memory.
///
/// ```
/// use adder_nn::{BatchNormConfig, ModuleT, VarBuilder, VarMap, batch_norm};
/// use candle_core::{DType, Device, Tensor};
///
/// let variables = VarMap::new();
/// let vb = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
/// let norm = batch_norm(2, BatchNormConfig::default(), vb.pp("norm"))?;
/// let x = Tensor::new(&[[1f32, 10.0], [3.0, 30.0]], &Device::Cpu)?;
/// let y = norm.forward_t(&x, true)?.to_vec2::<f32>()?;
/// assert!((y[0][0] + 1.0).abs() < 1e-4 && (y[1][1] - 1.0).abs() < 1e-4);
/// // A tenth of the way to the batch's mean.
/// assert!((norm.running_mean().to_vec1::<f32>()?[1] - 2.0).abs() < 1e-6);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Differences from candle-nn
/// The names, the constructors and the initial values are candle-nn's. Sums do not lose digits in one f32 accumulator; one value a channel is an
/// error in training and not a running variance that is NaN; an empty batch leaves the running statistics alone; rank 2 is taken in
/// evaluation and training alike.
///
/// # Errors
/// Forward passes fail where the input has fewer than two axes or other channels, and training where a channel has a single
/// value, whose variance says nothing, unless [`allow_single_values`](Self::allow_single_values) was called.
#[derive(Clone, Debug)]
pub struct BatchNorm {
    running_mean: Var,
    running_var: Var,
    weight_and_bias: Option<(Tensor, Tensor)>,
    remove_mean: bool,
    eps: f64,
    momentum: f64,
    engine: Engine,
    single_values: bool,
}

/// A [`BatchNorm`] of `channels`, with `running_mean`, `running_var` and, unless the configuration says otherwise, `weight` and `bias`
/// from `vb`; a number as configuration is its epsilon.
///
/// # Errors
/// For a negative epsilon, a momentum that is not from 0 to 1, and where `vb` has the tensors in other shapes.
pub fn batch_norm(
    channels: usize,
    config: impl Into<BatchNormConfig>,
    vb: VarBuilder<'_>,
) -> Result<BatchNorm> {
    let config = config.into();
    let get = |name, value| vb.get_with_hints(channels, name, Init::Const(value));
    let (mean, var) = (get("running_mean", 0.0)?, get("running_var", 1.0)?);
    let affine = if config.affine { Some((get("weight", 1.0)?, get("bias", 0.0)?)) } else { None };
    BatchNorm::build(channels, [mean, var], affine, config)
}

impl BatchNorm {
    /// A norm of `channels` with these statistics, weight and bias, `[channels]` each, and a momentum of 0.1.
    ///
    /// # Errors
    /// For a negative epsilon, and for tensors of another shape.
    pub fn new(
        channels: usize,
        running_mean: Tensor,
        running_var: Tensor,
        weight: Tensor,
        bias: Tensor,
        eps: f64,
    ) -> Result<Self> {
        Self::build(channels, [running_mean, running_var], Some((weight, bias)), eps.into())
    }

    /// As [`new`](Self::new) without weight and bias: 1 and 0 stand for them.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn new_no_bias(channels: usize, running_mean: Tensor, running_var: Tensor, eps: f64) -> Result<Self> {
        Self::build(channels, [running_mean, running_var], None, eps.into())
    }

    /// As [`new`](Self::new) with the share of a new batch in the running statistics.
    ///
    /// # Errors
    /// As for [`new`](Self::new), and for a momentum that is not from 0 to 1.
    pub fn new_with_momentum(
        channels: usize,
        running_mean: Tensor,
        running_var: Tensor,
        weight: Tensor,
        bias: Tensor,
        eps: f64,
        momentum: f64,
    ) -> Result<Self> {
        let config = BatchNormConfig { eps, momentum, ..Default::default() };
        Self::build(channels, [running_mean, running_var], Some((weight, bias)), config)
    }

    /// As [`new_no_bias`](Self::new_no_bias) with the share of a new batch in the running statistics.
    ///
    /// # Errors
    /// As for [`new_with_momentum`](Self::new_with_momentum).
    pub fn new_no_bias_with_momentum(
        channels: usize,
        running_mean: Tensor,
        running_var: Tensor,
        eps: f64,
        momentum: f64,
    ) -> Result<Self> {
        let config = BatchNormConfig { eps, momentum, ..Default::default() };
        Self::build(channels, [running_mean, running_var], None, config)
    }

    fn build(
        channels: usize,
        [running_mean, running_var]: [Tensor; 2],
        weight_and_bias: Option<(Tensor, Tensor)>,
        config: BatchNormConfig,
    ) -> Result<Self> {
        let BatchNormConfig { eps, remove_mean, momentum, .. } = config;
        // A NaN is neither negative nor at least 0.
        if eps.is_nan() || eps < 0.0 {
            candle_core::bail!("eps is {eps}, where at least 0 is expected");
        }
        if !(0.0..=1.0).contains(&momentum) {
            candle_core::bail!("momentum is {momentum}, where 0 to 1 is expected");
        }
        let affine = weight_and_bias.iter().flat_map(|(weight, bias)| [("weight", weight), ("bias", bias)]);
        let statistics = [("running_mean", &running_mean), ("running_var", &running_var)];
        for (name, tensor) in statistics.into_iter().chain(affine) {
            if tensor.dims() != [channels] {
                candle_core::bail!("{name} has shape {:?}, where [{channels}] is expected", tensor.dims());
            }
        }
        // A variable of a `VarMap` stays that variable.
        let (running_mean, running_var) = (Var::from_tensor(&running_mean)?, Var::from_tensor(&running_var)?);
        Ok(Self {
            running_mean,
            running_var,
            weight_and_bias,
            remove_mean,
            eps,
            momentum,
            engine: Engine::Default,
            single_values: false,
        })
    }

    /// The same on an instruction set of one's own choice. All give the same bits.
    #[must_use]
    pub fn with_isa(self, isa: Isa) -> Self {
        Self { engine: Engine::Kernels(isa), ..self }
    }

    /// The same on candle's operations alone, the slow way that the kernels are held to.
    #[must_use]
    pub fn without_kernels(self) -> Self {
        Self { engine: Engine::Candle, ..self }
    }

    /// The same, but that training takes channels of one value, as candle does and PyTorch does not: their variance is 0.
    #[must_use]
    pub fn allow_single_values(self) -> Self {
        Self { single_values: true, ..self }
    }

    /// The running mean, `[c]`.
    pub fn running_mean(&self) -> &Tensor {
        self.running_mean.as_tensor()
    }

    /// The running variance, unbiased, `[c]`.
    pub fn running_var(&self) -> &Tensor {
        self.running_var.as_tensor()
    }

    /// What is added to a variance.
    pub fn eps(&self) -> f64 {
        self.eps
    }

    /// The factor and the offset of each channel, `[c]` each, where there are such.
    pub fn weight_and_bias(&self) -> Option<(&Tensor, &Tensor)> {
        self.weight_and_bias.as_ref().map(|(weight, bias)| (weight, bias))
    }

    /// The share of a new batch in the running statistics.
    pub fn momentum(&self) -> f64 {
        self.momentum
    }

    /// Normalizes with the batch's statistics and moves the running ones.
    ///
    /// # Errors
    /// See the [type](Self).
    pub fn forward_train(&self, x: &Tensor) -> Result<Tensor> {
        self.forward_t(x, true)
    }

    /// A ReLU of the norm of `x`, `[b, c, ...]`, in one pass.
    ///
    /// ```
    /// use adder_nn::BatchNorm2d;
    /// use candle_core::{Device, Tensor};
    ///
    /// let zeros_and_ones = [&[0f32; 1], &[1f32; 1]].map(|values| Tensor::new(values, &Device::Cpu));
    /// let [mean, var] = zeros_and_ones;
    /// let norm = BatchNorm2d::new_no_bias(1, mean?, var?, 0.0)?;
    /// let x = Tensor::new(&[[-2f32], [3.0]], &Device::Cpu)?;
    /// assert_eq!(norm.forward_relu(&x, false)?.to_vec2::<f32>()?, [[0.0], [3.0]]);
    /// assert_eq!(norm.forward_add_relu(&x, &x, false)?.to_vec2::<f32>()?, [[0.0], [6.0]]);
    /// # Ok::<(), candle_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// See the [type](Self).
    pub fn forward_relu(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        if let Some(isa) = self.isa(x, None)? {
            return self.normalize(isa, x, true, None, train);
        }
        relu(&self.composed(x, train)?)
    }

    /// A ReLU of the norm of `x` plus `residual`, both `[b, c, ...]`, in one pass: the end of a block of a residual network.
    ///
    /// # Errors
    /// See the [type](Self), and where the two shapes differ.
    pub fn forward_add_relu(&self, x: &Tensor, residual: &Tensor, train: bool) -> Result<Tensor> {
        if residual.dims() != x.dims() {
            candle_core::bail!("the residual has shape {:?}, the input {:?}", residual.dims(), x.dims());
        }
        if let Some(isa) = self.isa(x, Some(residual))? {
            return self.normalize(isa, x, true, Some(residual), train);
        }
        relu(&(self.composed(x, train)? + residual)?)
    }

    /// Moves the running statistics towards those of one batch: `mean` and the biased `var`, `[c]` each, of `count` values a
    /// channel. For operations that take a batch's statistics themselves. One value has no unbiased variance; its biased one,
    /// zero, stands in. A batch of none moves nothing.
    ///
    /// # Errors
    /// Where the shapes, types or devices are others than those of the running statistics.
    pub fn update_running(&self, mean: &Tensor, var: &Tensor, count: usize) -> Result<()> {
        if count == 0 {
            return Ok(());
        }
        let unbias = if count > 1 { count as f64 / (count - 1) as f64 } else { 1.0 };
        move_towards(&self.running_mean, mean, self.momentum, 1.0)?;
        move_towards(&self.running_var, var, self.momentum, unbias)
    }

    /// The instruction set for `x` and perhaps a residual, where there are kernels for this norm.
    pub(crate) fn isa(&self, x: &Tensor, residual: Option<&Tensor>) -> Result<Option<Isa>> {
        if !self.remove_mean {
            return Ok(None);
        }
        let params = self.weight_and_bias.iter().flat_map(|(weight, bias)| [weight, bias]);
        self.engine.isa(params.chain([x]).chain(residual))
    }

    /// Refuses an input of other channels, or with too few values for training. Returns the values of a channel.
    fn check(&self, x: &Tensor, train: bool) -> Result<usize> {
        let channels = self.running_mean.dim(0)?;
        if x.rank() < 2 || x.dim(1)? != channels {
            candle_core::bail!("the input has shape {:?}, where [b, {channels}, ...] is expected", x.dims());
        }
        let count = x.elem_count() / channels.max(1);
        if train {
            self.check_count(count)?;
        }
        Ok(count)
    }

    /// Refuses to train on a single value a channel.
    pub(crate) fn check_count(&self, count: usize) -> Result<()> {
        if count == 1 && !self.single_values {
            candle_core::bail!("training needs more than one value a channel, and the batch has one");
        }
        Ok(())
    }

    fn normalize(
        &self,
        isa: Isa,
        x: &Tensor,
        relu: bool,
        residual: Option<&Tensor>,
        train: bool,
    ) -> Result<Tensor> {
        let count = self.check(x, train)?;
        let (batch, channels) = (x.dim(0)?, x.dim(1)?);
        let shape = [batch, channels, x.dims()[2..].iter().product()];
        let x = x.contiguous()?;
        let statistics = if train {
            let statistics = read(&x, |x| batch_statistics(isa, x, shape).map_err(Error::wrap))?;
            let [mean, var] = [&statistics.mean, &statistics.variance].map(|values| {
                Tensor::from_slice(values, channels, x.device())?.to_dtype(self.running_mean.dtype())
            });
            self.update_running(&mean?, &var?, count)?;
            statistics
        } else {
            let [mean, variance] =
                [&self.running_mean, &self.running_var].map(|values| -> Result<Vec<f32>> {
                    values.as_detached_tensor().to_dtype(DType::F32)?.to_vec1()
                });
            Statistics::from_running(&mean?, &variance?)
        };
        let params = match &self.weight_and_bias {
            Some((weight, bias)) => Tensor::stack(&[weight, bias], 0)?,
            None => {
                let ones = Tensor::ones((1, channels), DType::F32, x.device())?;
                ones.pad_with_zeros(0, 0, 1)?
            }
        };
        let normalize = Normalize { isa, shape, statistics, epsilon: self.eps, of_batch: train, relu };
        match residual {
            None => x.apply_op2(&params, normalize),
            Some(residual) => x.apply_op3(&params, &residual.contiguous()?, normalize),
        }
    }

    fn composed(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let count = self.check(x, train)?;
        let running = [&self.running_mean, &self.running_var].map(Var::as_detached_tensor);
        let norm = composed::Norm {
            weight_and_bias: self.weight_and_bias.as_ref(),
            remove_mean: self.remove_mean,
            eps: self.eps,
        };
        if !train || count == 0 {
            return norm.with_statistics(x, &running);
        }
        let (output, [mean, var]) = norm.with_own_statistics(x)?;
        let mean = if self.remove_mean { mean } else { running[0].clone() };
        let dtype = self.running_mean.dtype();
        self.update_running(&mean.to_dtype(dtype)?, &var.to_dtype(dtype)?, count)?;
        Ok(output)
    }
}

impl ModuleT for BatchNorm {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        match self.isa(x, None)? {
            Some(isa) => self.normalize(isa, x, false, None, train),
            None => self.composed(x, train),
        }
    }
}

fn move_towards(running: &Var, batch: &Tensor, momentum: f64, factor: f64) -> Result<()> {
    // Detached: the statistics must not keep the step's graph alive.
    let new = (batch.detach() * (momentum * factor))?;
    running.set(&((running.as_detached_tensor() * (1.0 - momentum))? + new)?)
}
