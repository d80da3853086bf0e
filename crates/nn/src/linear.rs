//! The linear layer.

use std::sync::{Arc, Mutex, PoisonError};

use adder_kernels::{Isa, linear};
use candle_core::{Error, Module, Result, Shape, Tensor};
use candle_nn::VarBuilder;

use crate::cpu::Engine;
use crate::weighted::{Gradients, Weighted, apply};

/// `y = x * transpose(weight) + bias` along the last dimension: `[..., in]` to `[..., out]`, with a weight of `[out, in]`
/// and a bias of `[out]`. As `torch.nn.Linear`.
///
/// f32 on the CPU runs on the kernels, everything else on candle's products. Scratch memory is kept and shared by clones.
///
/// ```
/// use adder_nn::{Linear, Module};
/// use candle_core::{Device, Tensor};
///
/// let weight = Tensor::new(&[[1f32, 2.0], [3.0, 4.0]], &Device::Cpu)?;
/// let linear = Linear::new(weight, None);
/// let x = Tensor::new(&[[10f32, 100.0]], &Device::Cpu)?;
/// assert_eq!(linear.forward(&x)?.to_vec2::<f32>()?, [[210.0, 430.0]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Differences from candle-nn
/// The names, the constructors and the initial values are candle-nn's. Inputs of any rank and any strides are taken; candle's
/// gives wrong values for views such as `x.transpose(1, 2)` from the second batch item on. The bits do not depend on the
/// number of threads or the instruction set.
///
/// # Errors
/// `forward` fails where the last dimension is not the weight's.
#[derive(Clone, Debug)]
pub struct Linear {
    weight: Tensor,
    bias: Option<Tensor>,
    engine: Engine,
    kernel: Arc<Mutex<Option<Arc<linear::Linear>>>>,
}

impl Linear {
    /// A layer with this weight, `[out, in]`, and bias, `[out]`.
    pub fn new(weight: Tensor, bias: Option<Tensor>) -> Self {
        Self { weight, bias, engine: Engine::Default, kernel: Arc::default() }
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

    /// The weight, `[out, in]`.
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// The bias, `[out]`.
    pub fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    /// The layer of the kernels.
    fn kernel(&self, sizes: [usize; 2], isa: Isa) -> Result<Arc<linear::Linear>> {
        let mut kernel = self.kernel.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kernel) = kernel.as_ref().filter(|kernel| kernel.isa() == isa) {
            return Ok(Arc::clone(kernel));
        }
        let new = Arc::new(linear::Linear::new(sizes, isa).map_err(Error::wrap)?);
        *kernel = Some(Arc::clone(&new));
        Ok(new)
    }
}

impl Module for Linear {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (outputs, inputs) = self.weight.dims2()?;
        let mut shape = x.dims().to_vec();
        let last = shape.last_mut().filter(|last| **last == inputs);
        let Some(last) = last else {
            candle_core::bail!(
                "linear: expected a last dimension of {inputs} for a weight of {:?}, found {:?}",
                self.weight.dims(),
                x.dims()
            );
        };
        *last = outputs;
        // In rows: with a view of more dimensions candle's product is wrong.
        let rows = x.contiguous()?.reshape(((), inputs))?;
        let tensors = [Some(x), Some(&self.weight), self.bias.as_ref()];
        let y = match self.engine.isa(tensors.into_iter().flatten())? {
            Some(isa) => {
                apply(&rows, &self.weight, self.bias.as_ref(), self.kernel([inputs, outputs], isa)?)?
            }
            None => {
                let y = rows.matmul(&self.weight.t()?)?;
                match &self.bias {
                    Some(bias) => y.broadcast_add(bias)?,
                    None => y,
                }
            }
        };
        y.reshape(shape)
    }
}

impl Weighted for linear::Linear {
    const NAME: &'static str = "adder-linear";

    type Kept = ();

    fn forward(
        &self,
        x: &[f32],
        shape: &Shape,
        weight: &[f32],
        bias: Option<&[f32]>,
    ) -> Result<(Vec<f32>, Shape, ())> {
        let shape = (shape.dims2()?.0, self.outputs());
        let mut output = vec![0.0; shape.0 * shape.1];
        self.forward(x, weight, bias, &mut output).map_err(Error::wrap)?;
        Ok((output, Shape::from(shape), ()))
    }

    fn gradients(
        &self,
        (): &(),
        x: &[f32],
        weight: &[f32],
        grad: &[f32],
        grads: Gradients<'_>,
    ) -> Result<()> {
        if let Some(grad_x) = grads.x {
            self.input_gradient(weight, grad, grad_x).map_err(Error::wrap)?;
        }
        if let Some((grad_weight, grad_bias)) = grads.weight {
            self.weight_gradient(x, grad, grad_weight, grad_bias).map_err(Error::wrap)?;
        }
        Ok(())
    }
}

/// Takes over weight and bias: a network of candle-nn's layers can be moved layer by layer.
impl From<candle_nn::Linear> for Linear {
    fn from(linear: candle_nn::Linear) -> Self {
        Self::new(linear.weight().clone(), linear.bias().cloned())
    }
}

/// A [`Linear`] layer, its `weight` and `bias` from `vb`, drawn as candle-nn does where they are new.
///
/// # Errors
/// Where `vb` has tensors of other shapes, or none in a file.
pub fn linear(in_dim: usize, out_dim: usize, vb: VarBuilder<'_>) -> Result<Linear> {
    candle_nn::linear(in_dim, out_dim, vb).map(Linear::from)
}

/// A [`Linear`] layer without a bias; else as [`linear()`].
///
/// # Errors
/// As for [`linear()`].
pub fn linear_no_bias(in_dim: usize, out_dim: usize, vb: VarBuilder<'_>) -> Result<Linear> {
    candle_nn::linear_no_bias(in_dim, out_dim, vb).map(Linear::from)
}

/// A [`Linear`] layer with or without a bias; else as [`linear()`].
///
/// # Errors
/// As for [`linear()`].
pub fn linear_b(in_dim: usize, out_dim: usize, bias: bool, vb: VarBuilder<'_>) -> Result<Linear> {
    candle_nn::linear_b(in_dim, out_dim, bias, vb).map(Linear::from)
}
