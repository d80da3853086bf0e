//! Convolution in two dimensions.

mod check;
mod composed;
mod plan;

use std::sync::Arc;

use adder_kernels::Isa;
pub use adder_kernels::conv::Algorithm;
use candle_core::{DType, Module, Result, Tensor};
pub use candle_nn::Conv2dConfig;
use candle_nn::VarBuilder;

use crate::cpu::Engine;
use crate::ops::max_pool2d;
use crate::weighted::apply;
use check::{check_groups, check_input};
use plan::{Plans, Pooled};

/// A convolution of `[b, in, h, w]` with a weight of `[out, in / groups, k, k]` and a bias of `[out]`, to
/// `[b, out, h', w']` with `h' = (h + 2 * padding - dilation * (k - 1) - 1) / stride + 1` rounded down, and `w'` alike.
/// As `torch.nn.Conv2d`.
///
/// Square kernels with stride 1 or 2, one group and no dilation run on the kernels where all tensors are f32 on the CPU.
/// The first pass plans for the size of the images; the plan, the packed weight and scratch memory are kept for the next,
/// and shared by clones. f16 and bf16 on the CPU are computed in f32. Everything else is computed by candle.
///
/// ```
/// use adder_nn::{Conv2dConfig, Module, VarBuilder, VarMap, conv2d};
/// use candle_core::{DType, Device, Tensor};
///
/// let varmap = VarMap::new();
/// let vb = VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu);
/// let config = Conv2dConfig { padding: 2, stride: 2, ..Default::default() };
/// let conv = conv2d(1, 32, 5, config, vb.pp("conv"))?;
/// let images = Tensor::zeros((3, 1, 28, 28), DType::F32, &Device::Cpu)?;
/// assert_eq!(conv.forward(&images)?.dims(), [3, 32, 14, 14]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Differences from candle-nn
/// The names, the constructors and the initial values are candle-nn's; it is several times as fast in training. The
/// algorithm that a configuration asks of cuDNN is passed on. There are gradients where stride and padding leave other rests of
/// the rows than of the columns; candle's backward pass fails there. What is no convolution is an error, where candle panics.
///
/// # Errors
/// `forward` fails where the input is not of rank 4, has other channels than the weight, or is smaller than the kernel; where
/// stride, dilation or groups are 0; and where the groups do not divide the channels.
#[derive(Clone, Debug)]
pub struct Conv2d {
    weight: Tensor,
    bias: Option<Tensor>,
    config: Conv2dConfig,
    engine: Engine,
    algorithm: Algorithm,
    plans: Arc<Plans>,
}

impl Conv2d {
    /// A convolution with this weight, `[out, in / groups, k, k]`, and bias, `[out]`.
    pub fn new(weight: Tensor, bias: Option<Tensor>, config: Conv2dConfig) -> Self {
        let (engine, algorithm, plans) = (Engine::Default, Algorithm::Auto, Arc::default());
        Self { weight, bias, config, engine, algorithm, plans }
    }

    /// The same on an instruction set of one's own choice. All give the same bits.
    #[must_use]
    pub fn with_isa(mut self, isa: Isa) -> Self {
        self.engine = Engine::Kernels(isa);
        self
    }

    /// The same by an algorithm of one's own choice, on the kernels. [`Algorithm::Auto`], which is taken where nothing is said, has
    /// fewer multiplications between many channels and other last bits than [`Algorithm::Direct`].
    #[must_use]
    pub fn with_algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// The same on candle's operations alone, the slow way that the kernels are held to.
    #[must_use]
    pub fn without_kernels(mut self) -> Self {
        self.engine = Engine::Candle;
        self
    }

    /// The weight, `[out, in / groups, k, k]`.
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// The bias, `[out]`.
    pub fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    /// Stride, padding, dilation and groups.
    pub fn config(&self) -> &Conv2dConfig {
        &self.config
    }

    /// The algorithm on the kernels.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The convolution of `x` and a 2x2 max pool of it, as [`max_pool2d`](crate::ops::max_pool2d): `[b, in, h, w]` to
    /// `[b, out, h' / 2, w' / 2]`. On the kernels the map between the two never leaves the cache, nor do the gradients at it.
    ///
    /// ```
    /// use adder_nn::{Conv2dConfig, Module, VarBuilder, VarMap, conv2d, ops::max_pool2d};
    /// use candle_core::{DType, Device, Tensor};
    ///
    /// let vb = VarBuilder::from_varmap(&VarMap::new(), DType::F32, &Device::Cpu);
    /// let conv = conv2d(1, 32, 5, Conv2dConfig::default(), vb)?;
    /// let images = Tensor::rand(0f32, 1f32, (3, 1, 28, 28), &Device::Cpu)?;
    /// let pooled = conv.forward_max_pool2d(&images)?;
    /// assert_eq!(pooled.dims(), [3, 32, 12, 12]);
    /// let one_by_one = max_pool2d(&conv.forward(&images)?, 2)?;
    /// assert_eq!(pooled.flatten_all()?.to_vec1::<f32>()?, one_by_one.flatten_all()?.to_vec1::<f32>()?);
    /// # Ok::<(), candle_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of `forward`, and where the pool has no window.
    pub fn forward_max_pool2d(&self, x: &Tensor) -> Result<Tensor> {
        check_input(&self.weight, self.bias.as_ref(), &self.config, x)?;
        match self.isa(x)? {
            Some(isa) => {
                let plan = self.plans.find((isa, self.algorithm), x, &self.weight, &self.config)?;
                apply(x, &self.weight, self.bias.as_ref(), Arc::new(Pooled(plan)))
            }
            None => max_pool2d(&self.forward(x)?, 2),
        }
    }

    /// The instruction set for `x`, where there are kernels for this convolution.
    pub(crate) fn isa(&self, x: &Tensor) -> Result<Option<Isa>> {
        let Conv2dConfig { stride, dilation, groups, .. } = self.config;
        let (_, _, rows, columns) = self.weight.dims4()?;
        if (1..=2).contains(&stride) && dilation == 1 && groups == 1 && rows == columns {
            self.engine.isa([Some(x), Some(&self.weight), self.bias.as_ref()].into_iter().flatten())
        } else {
            Ok(None)
        }
    }

    /// The same with its tensors in another type.
    fn to_dtype(&self, dtype: DType) -> Result<Self> {
        let bias = self.bias.as_ref().map(|bias| bias.to_dtype(dtype)).transpose()?;
        Ok(Self { weight: self.weight.to_dtype(dtype)?, bias, ..self.clone() })
    }
}

impl Module for Conv2d {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let Self { weight, bias, config, .. } = self;
        let rests = check_input(weight, bias.as_ref(), config, x)?;
        // candle has no products of bf16 in a convolution on the CPU; in f32 both 16-bit types run on the kernels.
        if matches!(x.dtype(), DType::F16 | DType::BF16) && x.device().is_cpu() {
            let y = self.to_dtype(DType::F32)?.forward(&x.to_dtype(DType::F32)?)?;
            return y.to_dtype(x.dtype());
        }
        match self.isa(x)? {
            Some(isa) => {
                apply(x, weight, bias.as_ref(), self.plans.find((isa, self.algorithm), x, weight, config)?)
            }
            None => composed::conv2d(x, weight, bias.as_ref(), *config, rests),
        }
    }
}

/// Takes over weight, bias and configuration: a network of candle-nn's layers can be moved layer by layer.
impl From<candle_nn::Conv2d> for Conv2d {
    fn from(conv: candle_nn::Conv2d) -> Self {
        Self::new(conv.weight().clone(), conv.bias().cloned(), *conv.config())
    }
}

/// A [`Conv2d`] with a square kernel, its `weight` and `bias` from `vb`, drawn as candle-nn does where they are new.
///
/// # Errors
/// Where `vb` has tensors of other shapes, or none in a file, and where the groups do not divide the channels.
pub fn conv2d(
    in_channels: usize,
    out_channels: usize,
    kernel_size: usize,
    config: Conv2dConfig,
    vb: VarBuilder<'_>,
) -> Result<Conv2d> {
    check_groups(&config, in_channels, out_channels)?;
    candle_nn::conv2d(in_channels, out_channels, kernel_size, config, vb).map(Conv2d::from)
}

/// A [`Conv2d`] without a bias; else as [`conv2d`].
///
/// # Errors
/// As for [`conv2d`].
pub fn conv2d_no_bias(
    in_channels: usize,
    out_channels: usize,
    kernel_size: usize,
    config: Conv2dConfig,
    vb: VarBuilder<'_>,
) -> Result<Conv2d> {
    check_groups(&config, in_channels, out_channels)?;
    candle_nn::conv2d_no_bias(in_channels, out_channels, kernel_size, config, vb).map(Conv2d::from)
}
