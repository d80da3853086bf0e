//! The convolution on candle's operations.

use candle_core::{DType, Module, Result, Tensor};

use super::Conv2d;

/// The convolution of `x`, which was checked and of whose padded size so many rows and columns are a rest that no window
/// reaches.
pub(super) fn conv2d(layer: &Conv2d, x: &Tensor, rests: [usize; 2]) -> Result<Tensor> {
    let Conv2d { weight, bias, config, .. } = layer;
    let dtype = x.dtype();
    // candle has no products of bf16 in a convolution on the CPU; in f32 both 16-bit types run on the kernels.
    if matches!(dtype, DType::F16 | DType::BF16) && x.device().is_cpu() {
        let [weight, x] = [weight, x].map(|tensor| tensor.to_dtype(DType::F32));
        let bias = bias.as_ref().map(|bias| bias.to_dtype(DType::F32)).transpose()?;
        return Conv2d { weight: weight?, bias, ..layer.clone() }.forward(&x?)?.to_dtype(dtype);
    }
    let (mut x, mut config) = (x.clone(), *config);
    if rests[0] != rests[1] {
        // candle's gradient counts the rows of the rest and takes as many columns. Without a rest both are right.
        for (axis, rest) in [2, 3].into_iter().zip(rests) {
            x = x.pad_with_zeros(axis, config.padding, config.padding)?;
            x = x.narrow(axis, 0, x.dim(axis)? - rest)?;
        }
        (x, config.padding) = (x.contiguous()?, 0);
    }
    candle_nn::Conv2d::new(weight.clone(), bias.clone(), config).forward(&x)
}
