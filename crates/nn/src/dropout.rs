//! Seeded dropout.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use adder_kernels::dropout::{self, DropoutKey, DropoutRate};
use adder_random::{Purpose, Stream};
use candle_core::{CpuStorage, CustomOp1, Error, Layout, ModuleT, Result, Shape, Tensor};

use crate::cpu::{has_kernels, read, values};

/// The seed of the next layer that is given none.
static NEXT_SEED: AtomicU64 = AtomicU64::new(0);

/// Sets elements to zero with a probability, in training, and multiplies the others by `1 / (1 - probability)`; a tensor of any shape
/// to the same shape. As `torch.nn.Dropout`.
///
/// The mask is a function of the seed, the count of training passes and the element, so a run can be repeated and
/// resumed. The n-th layer that is made in a
/// process has the seed n, from 0, until [`with_seed`](Self::with_seed) gives it another. Clones of a layer count together.
///
/// ```
/// use adder_nn::Dropout;
/// use candle_core::{DType, Device, Tensor};
///
/// let dropout = Dropout::new(0.5).with_seed(7);
/// let x = Tensor::ones((4, 100), DType::F32, &Device::Cpu)?;
/// let y = dropout.forward(&x, true)?;
/// assert!(y.flatten_all()?.to_vec1::<f32>()?.iter().all(|&y| y == 0.0 || y == 2.0));
/// assert_eq!(dropout.forward(&x, false)?.to_vec2::<f32>()?, x.to_vec2::<f32>()?);
///
/// // A run that resumes sets the count, and goes on as if it had not stopped.
/// assert_eq!(dropout.step(), 1);
/// dropout.set_step(0);
/// assert_eq!(dropout.forward(&x, true)?.to_vec2::<f32>()?, y.to_vec2::<f32>()?);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Differences from candle-nn
/// `new` and `forward` are candle-nn's, whose layer draws from a generator that cannot be seeded on the CPU.
///
/// # Errors
/// `forward` fails in training where the probability is not at least 0 and below 1.
#[derive(Clone, Debug)]
pub struct Dropout {
    probability: f32,
    seed: u64,
    step: Arc<AtomicU64>,
}

impl Dropout {
    /// Elements are set to zero with `probability`, at least 0 and below 1.
    pub fn new(probability: f32) -> Self {
        let seed = NEXT_SEED.fetch_add(1, Ordering::Relaxed);
        Self { probability, seed, step: Arc::default() }
    }

    /// The same with another seed, its passes counted from 0. Layers of one network should differ in theirs.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, step: Arc::default(), ..self }
    }

    /// The probability with which elements are set to zero.
    pub fn probability(&self) -> f32 {
        self.probability
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The number of training passes so far: what a checkpoint must keep beside the seed.
    pub fn step(&self) -> u64 {
        self.step.load(Ordering::Relaxed)
    }

    /// Sets the number of training passes.
    pub fn set_step(&self, step: u64) {
        self.step.store(step, Ordering::Relaxed);
    }

    /// Drops elements where `train` is true, and returns `x` where it is not. A training pass counts, even with a probability
    /// of 0.
    ///
    /// # Errors
    /// See the [type](Self).
    pub fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        if !train {
            return Ok(x.clone());
        }
        seeded_dropout(x, self.probability, self.next_key(), 0)
    }

    /// The key of this pass's masks; counts the pass.
    pub(crate) fn next_key(&self) -> DropoutKey {
        let step = self.step.fetch_add(1, Ordering::Relaxed);
        DropoutKey(Stream::new(self.seed, Purpose::Dropout, 0, step).next_u64())
    }
}

impl ModuleT for Dropout {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        self.forward(x, train)
    }
}

/// Multiplies `x` by the mask that `key` and the number of a layer give: 0 with `probability`, else `1 / (1 - probability)`.
///
/// The fused blocks of the kernels draw the same masks: images are counted along the first axis, and an image's elements as
/// `[h, w, c]` with the second axis as channels.
///
/// ```
/// use adder_kernels::dropout::DropoutKey;
/// use adder_nn::ops::seeded_dropout;
/// use candle_core::{DType, Device, Tensor};
///
/// let x = Tensor::ones((2, 3, 4, 4), DType::F32, &Device::Cpu)?;
/// let y = seeded_dropout(&x, 0.5, DropoutKey(1), 0)?;
/// assert!(y.flatten_all()?.to_vec1::<f32>()?.contains(&2.0));
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// Where the probability is not at least 0 and below 1.
pub fn seeded_dropout(x: &Tensor, probability: f32, key: DropoutKey, layer: u32) -> Result<Tensor> {
    let rate = DropoutRate::new(probability).map_err(Error::wrap)?;
    if probability == 0.0 {
        return Ok(x.clone());
    }
    let mask = Mask { key, layer, rate, shape: image_shape(x.dims()) };
    if has_kernels(x) {
        return x.contiguous()?.apply_op1(mask);
    }
    let mut factors = vec![0.0; x.elem_count()];
    dropout::mask(key, layer, rate, mask.shape, &mut factors).map_err(Error::wrap)?;
    x * Tensor::from_vec(factors, x.shape(), x.device())?.to_dtype(x.dtype())?
}

/// Images, channels and pixels of a tensor of any rank.
fn image_shape(dims: &[usize]) -> [usize; 4] {
    match dims {
        [] => [1; 4],
        &[len] => [1, len, 1, 1],
        &[images, channels, ref pixels @ ..] => [images, channels, pixels.iter().product(), 1],
    }
}

#[derive(Clone, Copy)]
struct Mask {
    key: DropoutKey,
    layer: u32,
    rate: DropoutRate,
    shape: [usize; 4],
}

impl Mask {
    fn apply(&self, x: &[f32]) -> Result<Vec<f32>> {
        let mut output = vec![0.0; x.len()];
        dropout::dropout(self.key, self.layer, self.rate, self.shape, x, &mut output).map_err(Error::wrap)?;
        Ok(output)
    }
}

impl CustomOp1 for Mask {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let output = self.apply(values(storage, layout)?)?;
        Ok((CpuStorage::F32(output), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let grad_x = read(grad, |grad| self.apply(grad))?;
        Ok(Some(Tensor::from_vec(grad_x, x.shape(), x.device())?))
    }
}
