//! Convolution in two dimensions.

mod plan;

use std::sync::Arc;

use adder_kernels::Isa;
use candle_core::{Module, Result, Tensor};
pub use candle_nn::Conv2dConfig;
use candle_nn::VarBuilder;

use crate::cpu::Engine;
use crate::weighted::apply;
use plan::Plans;

/// A convolution of `[b, in, h, w]` with a weight of `[out, in / groups, k, k]` and a bias of `[out]`, to
/// `[b, out, h', w']` with `h' = (h + 2 * padding - dilation * (k - 1) - 1) / stride + 1` rounded down, and `w'` alike.
/// As `torch.nn.Conv2d`.
///
/// Square kernels with stride 1 or 2, one group and no dilation run on the kernels where all tensors are f32 on the CPU.
/// The first pass plans for the size of the images; the plan, the packed weight and scratch memory are kept for the next,
/// and shared by clones. Everything else is computed by candle.
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
/// The names, the constructors and the initial values are candle-nn's; it is several times as fast in training. Its backward pass takes windows
/// that leave over more rows than columns or the other way round, where candle fails. The
/// algorithm that a configuration asks of cuDNN is passed on.
///
/// # Errors
/// `forward` fails where the input is not of rank 4, has other channels than the weight, or is smaller than the kernel.
#[derive(Clone, Debug)]
pub struct Conv2d {
    weight: Tensor,
    bias: Option<Tensor>,
    config: Conv2dConfig,
    engine: Engine,
    plans: Arc<Plans>,
}

impl Conv2d {
    /// A convolution with this weight, `[out, in / groups, k, k]`, and bias, `[out]`.
    pub fn new(weight: Tensor, bias: Option<Tensor>, config: Conv2dConfig) -> Self {
        Self { weight, bias, config, engine: Engine::Default, plans: Arc::default() }
    }

    /// The same on an instruction set of one's own choice. All give the same bits.
    #[must_use]
    pub fn with_isa(mut self, isa: Isa) -> Self {
        self.engine = Engine::Kernels(isa);
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

    /// The convolution of candle's own operations, for devices, element types and configurations without kernels.
    fn composed(&self, x: &Tensor) -> Result<Tensor> {
        let Conv2dConfig { padding, stride, dilation, .. } = self.config;
        let candle = |config| candle_nn::Conv2d::new(self.weight.clone(), self.bias.clone(), config);
        let (_, _, rows, columns) = self.weight.dims4()?;
        let (_, _, height, width) = x.dims4()?;
        // What the last window of an axis leaves over.
        let rest = |size: usize, kernel: usize| {
            let room = (size + 2 * padding).checked_sub(dilation * kernel.saturating_sub(1) + 1);
            room.map_or(0, |room| room % stride.max(1))
        };
        let (below, beside) = (rest(height, rows), rest(width, columns));
        if below == beside {
            return candle(self.config).forward(x);
        }
        // candle's backward pass takes the rest of the rows for that of the columns too, so that none may be left.
        let x = x.pad_with_zeros(2, padding, padding)?.pad_with_zeros(3, padding, padding)?;
        let x = x.narrow(2, 0, height + 2 * padding - below)?.narrow(3, 0, width + 2 * padding - beside)?;
        candle(Conv2dConfig { padding: 0, ..self.config }).forward(&x)
    }
}

impl Module for Conv2d {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self.isa(x)? {
            Some(isa) => {
                let plan = self.plans.find(isa, x, &self.weight, &self.config)?;
                apply(x, &self.weight, self.bias.as_ref(), plan)
            }
            None => self.composed(x),
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
/// Where `vb` has tensors of other shapes, or none in a file.
pub fn conv2d(
    in_channels: usize,
    out_channels: usize,
    kernel_size: usize,
    config: Conv2dConfig,
    vb: VarBuilder<'_>,
) -> Result<Conv2d> {
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
    candle_nn::conv2d_no_bias(in_channels, out_channels, kernel_size, config, vb).map(Conv2d::from)
}
