//! Layers as functions of tensors.

use candle_core::shape::Dim;
use candle_core::{D, Module, Result, Tensor, ToUsize2};

pub use crate::activation::{leaky_relu, relu};
pub use crate::dropout::seeded_dropout;
use crate::pool::{AvgPool2d, MaxPool2d};

/// [`MaxPool2d`] of `[b, c, h, w]` with windows that lie side by side: `candle_core::Tensor::max_pool2d` with the right
/// gradient.
///
/// ```
/// use adder_nn::ops::max_pool2d;
/// use candle_core::{Device, Tensor};
///
/// let x = Tensor::arange(0f32, 16.0, &Device::Cpu)?.reshape((1, 1, 4, 4))?;
/// assert_eq!(max_pool2d(&x, 2)?.flatten_all()?.to_vec1::<f32>()?, [5.0, 7.0, 13.0, 15.0]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// Those of [`MaxPool2d`].
pub fn max_pool2d(x: &Tensor, kernel: impl ToUsize2) -> Result<Tensor> {
    MaxPool2d::new(kernel).forward(x)
}

/// As [`max_pool2d`] with windows `stride` apart.
///
/// # Errors
/// Those of [`MaxPool2d`].
pub fn max_pool2d_with_stride(x: &Tensor, kernel: impl ToUsize2, stride: impl ToUsize2) -> Result<Tensor> {
    MaxPool2d::new(kernel).with_stride(stride).forward(x)
}

/// [`AvgPool2d`] of `[b, c, h, w]` with windows that lie side by side: `candle_core::Tensor::avg_pool2d` with the right
/// gradient.
///
/// ```
/// use adder_nn::ops::avg_pool2d;
/// use candle_core::{Device, Tensor};
///
/// let x = Tensor::arange(0f32, 16.0, &Device::Cpu)?.reshape((1, 1, 4, 4))?;
/// assert_eq!(avg_pool2d(&x, (2, 4))?.flatten_all()?.to_vec1::<f32>()?, [3.5, 11.5]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// Those of [`AvgPool2d`].
pub fn avg_pool2d(x: &Tensor, kernel: impl ToUsize2) -> Result<Tensor> {
    AvgPool2d::new(kernel).forward(x)
}

/// As [`avg_pool2d`] with windows `stride` apart.
///
/// # Errors
/// Those of [`AvgPool2d`].
pub fn avg_pool2d_with_stride(x: &Tensor, kernel: impl ToUsize2, stride: impl ToUsize2) -> Result<Tensor> {
    AvgPool2d::new(kernel).with_stride(stride).forward(x)
}

/// `exp(x)` over its sum along `dim`, stable for any logits; the shape of `x`.
///
/// ```
/// use adder_nn::ops::softmax;
/// use candle_core::{D, Device, Tensor};
///
/// let x = Tensor::new(&[[0f32, 1000.0], [3.0, 3.0]], &Device::Cpu)?;
/// assert_eq!(softmax(&x, D::Minus1)?.to_vec2::<f32>()?, [[0.0, 1.0], [0.5, 0.5]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// Where `x` has no such dimension.
pub fn softmax(x: &Tensor, dim: impl Dim) -> Result<Tensor> {
    let dim = dim.to_index(x.shape(), "softmax")?;
    let exponentials = shifted(x, dim)?.exp()?;
    exponentials.broadcast_div(&exponentials.sum_keepdim(dim)?)
}

/// The logarithm of [`softmax`], stable for any logits; the shape of `x`.
///
/// ```
/// use adder_nn::ops::log_softmax;
/// use candle_core::{Device, Tensor};
///
/// let x = Tensor::new(&[0f32, 1000.0], &Device::Cpu)?;
/// assert_eq!(log_softmax(&x, 0)?.to_vec1::<f32>()?, [-1000.0, 0.0]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// Where `x` has no such dimension.
pub fn log_softmax(x: &Tensor, dim: impl Dim) -> Result<Tensor> {
    let dim = dim.to_index(x.shape(), "log-softmax")?;
    let shifted = shifted(x, dim)?;
    shifted.broadcast_sub(&shifted.exp()?.sum_keepdim(dim)?.log()?)
}

/// [`softmax`] along the last dimension.
///
/// # Differences from candle-nn
/// candle-nn's function of this name has no gradient.
///
/// # Errors
/// Where `x` has no dimension.
pub fn softmax_last_dim(x: &Tensor) -> Result<Tensor> {
    softmax(x, D::Minus1)
}

/// `x` less its largest value along a dimension. That value is a constant here: a softmax does not depend on it, so what its
/// gradients come to is nothing but rounding.
fn shifted(x: &Tensor, dim: usize) -> Result<Tensor> {
    x.broadcast_sub(&x.detach().max_keepdim(dim)?)
}
