//! Activations with the gradients of PyTorch.

use adder_kernels::activation;
use candle_core::{CpuStorage, CustomOp1, Error, Layout, Module, Result, Shape, Tensor};

use crate::cpu::{has_kernels, read, values};

/// `x` where it is above 0, else 0; a tensor of any shape.
///
/// The derivative at 0 is 0, and a NaN stays one, as in PyTorch.
///
/// ```
/// use adder_nn::ops::relu;
/// use candle_core::{Device, Tensor, Var};
///
/// let x = Var::new(&[-1f32, 0.0, 2.0], &Device::Cpu)?;
/// let y = relu(&x)?;
/// assert_eq!(y.to_vec1::<f32>()?, [0.0, 0.0, 2.0]);
/// let grads = y.sum_all()?.backward()?;
/// assert_eq!(grads.get(&x).unwrap().to_vec1::<f32>()?, [0.0, 0.0, 1.0]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Differences from candle-nn
/// candle's `Tensor::relu` has a derivative of 1 at 0 and turns a NaN into 0.
///
/// # Errors
/// Those of candle's operations on tensors of other types and devices.
pub fn relu(x: &Tensor) -> Result<Tensor> {
    if has_kernels(x) {
        return x.contiguous()?.apply_op1(ReluOperation);
    }
    // Chosen, not multiplied, for an infinity times zero is no number; and a NaN is not at most 0.
    x.detach().le(0.0)?.where_cond(&x.zeros_like()?, x)
}

/// `x` where it is above 0, else `negative_slope * x`; a tensor of any shape.
///
/// The derivative at 0 and at a NaN, which stays one, is `negative_slope`, as in PyTorch.
///
/// ```
/// use adder_nn::ops::leaky_relu;
/// use candle_core::{Device, Tensor};
///
/// let x = Tensor::new(&[-2f32, 3.0], &Device::Cpu)?;
/// assert_eq!(leaky_relu(&x, 0.5)?.to_vec1::<f32>()?, [-1.0, 3.0]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// Those of candle's operations.
pub fn leaky_relu(x: &Tensor, negative_slope: f64) -> Result<Tensor> {
    x.detach().gt(0.0)?.where_cond(x, &(x * negative_slope)?)
}

/// [`relu`](crate::ops::relu) as a module.
///
/// ```
/// use adder_nn::{Module, Relu};
/// use candle_core::{Device, Tensor};
///
/// let x = Tensor::new(&[-1f32, 2.0], &Device::Cpu)?;
/// assert_eq!(Relu.forward(&x)?.to_vec1::<f32>()?, [0.0, 2.0]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Differences from candle-nn
/// Those of [`relu`](crate::ops::relu); candle-nn's module is `Activation::Relu`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relu;

impl Module for Relu {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        relu(x)
    }
}

struct ReluOperation;

impl CustomOp1 for ReluOperation {
    fn name(&self) -> &'static str {
        "relu"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(storage, layout)?;
        let mut output = vec![0.0; x.len()];
        activation::relu(x, &mut output).map_err(Error::wrap)?;
        Ok((CpuStorage::F32(output), layout.shape().clone()))
    }

    // From the output rather than the input, which whoever made it may then drop.
    fn bwd(&self, _: &Tensor, output: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let mut grad_x = vec![0.0; output.elem_count()];
        read(output, |output| {
            read(grad, |grad| activation::relu_backward(output, grad, &mut grad_x).map_err(Error::wrap))
        })?;
        Ok(Some(Tensor::from_vec(grad_x, output.shape(), output.device())?))
    }
}
