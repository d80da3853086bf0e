//! Layer and RMS normalization.

mod operation;

use adder_kernels::Isa;
use candle_core::{D, DType, Module, Result, Tensor};
use candle_nn::{Init, LayerNormConfig, VarBuilder};

use crate::cpu::Engine;
use operation::Normalize;

/// A layer norm over the last axis: `[..., size]` to the same shape (Ba, Kiros and Hinton, "Layer normalization", 2016). As
/// `torch.nn.LayerNorm(size)`.
///
/// f32 on the CPU runs on the kernels, everything else on candle's operations. Input, weight and bias all have their gradients.
///
/// ```
/// use adder_nn::{Module, VarBuilder, VarMap, layer_norm};
/// use candle_core::{DType, Device, Tensor, Var};
///
/// let variables = VarMap::new();
/// let vb = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
/// let norm = layer_norm(3, 1e-5, vb)?;
/// let x = Var::new(&[[1f32, 2.0, 3.0], [9.0, 8.0, 7.0]], &Device::Cpu)?;
/// let y = norm.forward(&x)?;
/// assert!((y.to_vec2::<f32>()?[1][0] - 1.2247).abs() < 1e-4);
/// let grads = y.sqr()?.sum_all()?.backward()?;
/// assert!(grads.get(&x).is_some() && grads.get(norm.weight()).is_some());
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Differences from candle-nn
/// The names, the constructors and the initial values are candle-nn's, whose layer cuts all gradients wherever its input is contiguous, is wrong by
/// orders where the mean is far above the deviation, and is NaN for some rows of equal values. The names `gamma` and `beta` of old files
/// are taken too.
///
/// # Errors
/// `forward` fails where the last axis is not as long as the weight.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    weight: Tensor,
    bias: Option<Tensor>,
    remove_mean: bool,
    eps: f64,
    engine: Engine,
}

impl LayerNorm {
    /// A norm with a weight and a bias, `[size]` each; `eps` is added to the variance.
    pub fn new(weight: Tensor, bias: Tensor, eps: f64) -> Self {
        Self { weight, bias: Some(bias), remove_mean: true, eps, engine: Engine::Default }
    }

    /// A norm with a weight, `[size]`.
    pub fn new_no_bias(weight: Tensor, eps: f64) -> Self {
        Self { weight, bias: None, remove_mean: true, eps, engine: Engine::Default }
    }

    /// A norm with a weight, `[size]`, that subtracts no mean: that of [`RmsNorm`].
    pub fn rms_norm(weight: Tensor, eps: f64) -> Self {
        Self { weight, bias: None, remove_mean: false, eps, engine: Engine::Default }
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

    /// The factor of each place, `[size]`.
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// The offset of each place, `[size]`, where there is one.
    pub fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    /// What is added to a variance.
    pub fn eps(&self) -> f64 {
        self.eps
    }

    /// Whether the mean is subtracted.
    pub fn remove_mean(&self) -> bool {
        self.remove_mean
    }

    /// The norm of candle's own operations, for devices and element types without kernels.
    fn composed(&self, x: &Tensor) -> Result<Tensor> {
        let wide = match x.dtype() {
            DType::F16 | DType::BF16 => DType::F32,
            other => other,
        };
        let mut normalized = x.to_dtype(wide)?;
        if self.remove_mean {
            normalized = normalized.broadcast_sub(&normalized.mean_keepdim(D::Minus1)?)?;
        }
        let deviation = (normalized.sqr()?.mean_keepdim(D::Minus1)? + self.eps)?.sqrt()?;
        let scaled = normalized.broadcast_div(&deviation)?.broadcast_mul(&self.weight.to_dtype(wide)?)?;
        match &self.bias {
            Some(bias) => scaled.broadcast_add(&bias.to_dtype(wide)?)?.to_dtype(x.dtype()),
            None => scaled.to_dtype(x.dtype()),
        }
    }
}

impl Module for LayerNorm {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let size = self.weight.dims1()?;
        if x.dims().last() != Some(&size) {
            candle_core::bail!("the input has shape {:?}, where [..., {size}] is expected", x.dims());
        }
        let tensors = [Some(x), Some(&self.weight), self.bias.as_ref()];
        let Some(isa) = self.engine.isa(tensors.into_iter().flatten())?.filter(|_| size > 0) else {
            return self.composed(x);
        };
        let normalize = Normalize { isa, epsilon: self.eps, remove_mean: self.remove_mean };
        let (x, weight) = (x.contiguous()?, self.weight.contiguous()?);
        match &self.bias {
            Some(bias) => x.apply_op3(&weight, &bias.contiguous()?, normalize),
            None => x.apply_op2(&weight, normalize),
        }
    }
}

/// A [`LayerNorm`] with `weight` and, where the configuration says so, `bias` from `vb`, or `gamma` and `beta` where it has those;
/// a number as configuration is its epsilon.
///
/// # Errors
/// Where `vb` has the tensors in other shapes.
pub fn layer_norm(size: usize, config: impl Into<LayerNormConfig>, vb: VarBuilder<'_>) -> Result<LayerNorm> {
    let config = config.into();
    // Old state_dicts of PyTorch have the names of the paper.
    let get = |[name, old]: [&str; 2], value| {
        let is_old = !vb.contains_tensor(name) && vb.contains_tensor(old);
        vb.get_with_hints(size, if is_old { old } else { name }, Init::Const(value))
    };
    let weight = get(["weight", "gamma"], 1.0)?;
    let bias = if config.affine { Some(get(["bias", "beta"], 0.0)?) } else { None };
    Ok(LayerNorm { weight, bias, remove_mean: config.remove_mean, eps: config.eps, engine: Engine::Default })
}

/// A [`LayerNorm`] without bias.
///
/// # Errors
/// As for [`layer_norm`].
pub fn layer_norm_no_bias(size: usize, eps: f64, vb: VarBuilder<'_>) -> Result<LayerNorm> {
    layer_norm(size, LayerNormConfig { eps, remove_mean: true, affine: false }, vb)
}

/// `weight * x / sqrt(mean of x^2 + eps)` over the last axis: `[..., size]` to the same shape (Zhang and Sennrich, "Root mean
/// square layer normalization", 2019). As `torch.nn.RMSNorm(size)`.
///
/// f32 on the CPU runs on the kernels, everything else on candle's operations. Input and weight have their gradients.
///
/// ```
/// use adder_nn::{Module, RmsNorm};
/// use candle_core::{Device, Tensor};
///
/// let norm = RmsNorm::new(Tensor::new(&[1f32, 1.0], &Device::Cpu)?, 0.0);
/// let y = norm.forward(&Tensor::new(&[[1f32, 7.0]], &Device::Cpu)?)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[0.2, 1.4]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Differences from candle-nn
/// The names, the constructors and the initial values are candle-nn's, whose layer cuts all gradients in `forward` wherever its input is
/// contiguous.
///
/// # Errors
/// As for [`LayerNorm`].
#[derive(Clone, Debug)]
pub struct RmsNorm(LayerNorm);

impl RmsNorm {
    /// A norm with a weight, `[size]`; `eps` is added to the mean square.
    pub fn new(weight: Tensor, eps: f64) -> Self {
        Self(LayerNorm::rms_norm(weight, eps))
    }

    /// The same on an instruction set of one's own choice. All give the same bits.
    #[must_use]
    pub fn with_isa(self, isa: Isa) -> Self {
        Self(self.0.with_isa(isa))
    }

    /// The same on candle's operations alone, the slow way that the kernels are held to.
    #[must_use]
    pub fn without_kernels(self) -> Self {
        Self(self.0.without_kernels())
    }

    /// The layer norm that subtracts no mean.
    pub fn into_inner(self) -> LayerNorm {
        self.0
    }

    /// The factor of each place, `[size]`.
    pub fn weight(&self) -> &Tensor {
        self.0.weight()
    }

    /// What is added to the mean square.
    pub fn eps(&self) -> f64 {
        self.0.eps()
    }

    /// The same as `forward`, which candle-nn's users call where they want gradients.
    ///
    /// # Errors
    /// As for [`LayerNorm`].
    pub fn forward_diff(&self, x: &Tensor) -> Result<Tensor> {
        self.0.forward(x)
    }
}

impl Module for RmsNorm {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.0.forward(x)
    }
}

/// An [`RmsNorm`] with `weight`, or `gamma`, from `vb`.
///
/// # Errors
/// As for [`layer_norm`].
pub fn rms_norm(size: usize, eps: f64, vb: VarBuilder<'_>) -> Result<RmsNorm> {
    layer_norm(size, LayerNormConfig { eps, remove_mean: false, affine: false }, vb).map(RmsNorm)
}
