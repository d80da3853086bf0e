//! Losses: means over a batch, as scalars.

mod classes;
mod operation;

use adder_kernels::Isa;
use candle_core::{D, DType, Result, Tensor};
pub use candle_nn::loss::huber;

use crate::cpu::Engine;
use crate::ops::log_softmax;
use classes::Labels;

/// The softmax cross-entropy of `logits`, `[n, classes]`, and `labels`, `[n]` of u8, u32 or i64: a scalar, in nats, the mean
/// over the rows. As `torch.nn.functional.cross_entropy`.
///
/// On the CPU the loss of f32 logits is one operation together with its gradient, `(softmax - target) / n`, whose bits depend on neither
/// the instruction set nor the number of threads. Any logits are stable.
///
/// ```
/// use adder_nn::loss::cross_entropy;
/// use candle_core::{Device, Tensor, Var};
///
/// let logits = Var::new(&[[0f32, 0.0], [1000.0, 0.0]], &Device::Cpu)?;
/// let labels = Tensor::new(&[1u32, 0], &Device::Cpu)?;
/// let loss = cross_entropy(&logits, &labels)?;
/// assert!((loss.to_scalar::<f32>()? - 2f32.ln() / 2.0).abs() < 1e-6);
/// let grads = loss.backward()?.get(&logits).unwrap().to_vec2::<f32>()?;
/// assert_eq!(grads[0], [0.25, -0.25]);
/// assert!(grads[1][1].abs() < 1e-30);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Differences from candle-nn
/// A label that is no class is an error, where candle-nn takes 4294967295, which is -1 as u32, for no label and adds 0 to the mean.
///
/// # Errors
/// Where the shapes do not fit, and for a label that is no class, which the error names with its row. To see that, labels on
/// another device are read back.
pub fn cross_entropy(logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    cross_entropy_with(logits, labels, CrossEntropy::default())
}

/// How [`cross_entropy_with`] takes its targets.
///
/// ```
/// use adder_nn::loss::CrossEntropy;
///
/// assert_eq!(CrossEntropy::default().with_label_smoothing(0.1).label_smoothing, 0.1);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct CrossEntropy {
    /// Smoothing `s` makes each target distribution `1 - s` of itself plus `s / classes` at every class, at least 0 and below
    /// 1. As `label_smoothing` in PyTorch.
    pub label_smoothing: f32,
    engine: Engine,
}

impl CrossEntropy {
    /// The same with this smoothing.
    #[must_use]
    pub fn with_label_smoothing(self, label_smoothing: f32) -> Self {
        Self { label_smoothing, ..self }
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
}

/// [`cross_entropy`] with smoothing and with distributions: `targets` are labels, `[n]` of u8, u32 or i64, or probabilities, `[n,
/// classes]` of floats.
///
/// ```
/// use adder_nn::loss::{CrossEntropy, cross_entropy_with};
/// use candle_core::{Device, Tensor};
///
/// let logits = Tensor::new(&[[0f32, 0.0, 0.0]], &Device::Cpu)?;
/// let teacher = Tensor::new(&[[0.2f32, 0.3, 0.5]], &Device::Cpu)?;
/// let loss = cross_entropy_with(&logits, &teacher, CrossEntropy::default().with_label_smoothing(0.1))?;
/// assert!((loss.to_scalar::<f32>()? - 3f32.ln()).abs() < 1e-6);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Differences from candle-nn
/// candle-nn has neither smoothing nor distributions.
///
/// # Errors
/// As for [`cross_entropy`], and for a smoothing that is not at least 0 and below 1.
pub fn cross_entropy_with(logits: &Tensor, targets: &Tensor, options: CrossEntropy) -> Result<Tensor> {
    let (rows, classes) = logits.dims2()?;
    let smoothing = options.label_smoothing;
    if !(0.0..1.0).contains(&smoothing) {
        candle_core::bail!("label_smoothing is {smoothing}, where at least 0 and less than 1 is expected");
    }
    // Gradients of the targets come from candle's operations alone.
    let wants_grad = targets.dtype().is_float() && targets.track_op();
    let isa = options.engine.isa([logits])?.filter(|_| !wants_grad);
    if targets.dtype().is_float() {
        if targets.dims() != logits.dims() {
            candle_core::bail!(
                "targets of shape {:?} are not distributions for logits of shape {:?}",
                targets.dims(),
                logits.dims()
            );
        }
        if let Some(isa) = isa {
            return operation::of_probabilities(logits, targets, smoothing, isa);
        }
        let log_probabilities = wide_log_softmax(logits)?;
        let (of_target, even_share) = (1.0 - f64::from(smoothing), f64::from(smoothing) / classes as f64);
        let distributions = targets.to_dtype(log_probabilities.dtype())?.affine(of_target, even_share)?;
        let of_rows = (log_probabilities * distributions)?.sum(1)?;
        return of_rows.mean_all()?.neg()?.to_dtype(logits.dtype());
    }
    let labels = Labels::read(targets, rows, classes)?;
    if let Some(isa) = isa {
        return operation::of_labels(logits, labels.0, smoothing, isa);
    }
    let log_probabilities = wide_log_softmax(logits)?;
    let smoothing = f64::from(smoothing);
    let mut loss = (labels.pick(&log_probabilities)?.mean_all()? * (smoothing - 1.0))?;
    if smoothing > 0.0 {
        loss = (loss - (log_probabilities.sum(1)?.mean_all()? * (smoothing / classes as f64))?)?;
    }
    loss.to_dtype(logits.dtype())
}

/// The log-softmax of rows. Numbers of 16 bits are widened: sums of many are too coarse in them.
fn wide_log_softmax(logits: &Tensor) -> Result<Tensor> {
    let wide = match logits.dtype() {
        DType::F16 | DType::BF16 => DType::F32,
        other => other,
    };
    log_softmax(&logits.to_dtype(wide)?, 1)
}

/// The negative log-likelihood of `log_probabilities`, `[n, classes]`, at `labels`, `[n]` of u8, u32 or i64: a scalar, the mean over
/// the rows. As `torch.nn.functional.nll_loss`.
///
/// ```
/// use adder_nn::{loss::nll, ops::log_softmax};
/// use candle_core::{Device, Tensor};
///
/// let logits = Tensor::new(&[[0f32, 0.0]], &Device::Cpu)?;
/// let loss = nll(&log_softmax(&logits, 1)?, &Tensor::new(&[0u32], &Device::Cpu)?)?;
/// assert!((loss.to_scalar::<f32>()? - 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Differences from candle-nn
/// Labels that are no classes are errors, as for [`cross_entropy`].
///
/// # Errors
/// As for [`cross_entropy`].
pub fn nll(log_probabilities: &Tensor, labels: &Tensor) -> Result<Tensor> {
    let (rows, classes) = log_probabilities.dims2()?;
    Labels::read(labels, rows, classes)?.pick(log_probabilities)?.neg()?.mean_all()
}

/// The mean of squared differences of two tensors of one shape: a scalar. As `torch.nn.functional.mse_loss`.
///
/// ```
/// use adder_nn::loss::mse;
/// use candle_core::{Device, Tensor};
///
/// let x = Tensor::new(&[1f32, 3.0], &Device::Cpu)?;
/// assert_eq!(mse(&x, &x.zeros_like()?)?.to_scalar::<f32>()?, 5.0);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Differences from candle-nn
/// The mean is one of the rows' means, which rounds less than candle's one sum.
///
/// # Errors
/// Where the shapes or the element types differ.
pub fn mse(x: &Tensor, target: &Tensor) -> Result<Tensor> {
    mean_of_means(&(x - target)?.sqr()?)
}

/// The binary cross-entropy of logits `x` and probabilities `target`, of one shape: a scalar, the mean over all elements. As
/// `torch.nn.functional.binary_cross_entropy_with_logits`.
///
/// `target * ln(1 + exp(-x)) + (1 - target) * ln(1 + exp(x))`, precise for any logits.
///
/// ```
/// use adder_nn::loss::binary_cross_entropy_with_logit;
/// use candle_core::{Device, Tensor};
///
/// let x = Tensor::new(&[100f32, -100.0], &Device::Cpu)?;
/// let target = Tensor::new(&[1f32, 1.0], &Device::Cpu)?;
/// assert_eq!(binary_cross_entropy_with_logit(&x, &target)?.to_scalar::<f32>()?, 50.0);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Differences from candle-nn
/// candle-nn's function of this name is NaN from a logit of 17 on, and infinite at -100.
///
/// # Errors
/// Where the shapes differ.
pub fn binary_cross_entropy_with_logit(x: &Tensor, target: &Tensor) -> Result<Tensor> {
    // Two terms, each with all its digits where the other has almost none: no number is taken from one near it.
    let target = target.to_dtype(x.dtype())?;
    let positive = (softplus(&x.neg()?)? * &target)?;
    mean_of_means(&(positive + (softplus(x)? * target.affine(-1.0, 1.0)?)?)?)
}

/// `ln(1 + exp(x))`.
fn softplus(x: &Tensor) -> Result<Tensor> {
    let is_positive = x.detach().gt(0.0)?;
    let small = is_positive.where_cond(&x.neg()?, x)?.exp()?;
    let sum = (&small + 1.0)?;
    // The logarithm of the sum, and of what the sum lost of its smaller term. The sum's derivative is right as it is.
    let lost = (&small - (&sum - 1.0)?)?.div(&sum)?.detach();
    let logarithm = (sum.log()? + lost)?;
    logarithm + is_positive.where_cond(x, &x.zeros_like()?)?
}

/// The mean of all elements. candle adds up one number after the other; a mean of the rows' means rounds less.
fn mean_of_means(x: &Tensor) -> Result<Tensor> {
    if x.rank() < 2 { x.mean_all() } else { x.flatten_from(1)?.mean(D::Minus1)?.mean_all() }
}
