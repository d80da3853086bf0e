//! The convolution on candle's operations.

use candle_core::{Module, Result, Tensor};
use candle_nn::Conv2dConfig;

/// The convolution of `x`, which was checked and of whose padded size so many rows and columns are a rest that no window
/// reaches.
pub(super) fn conv2d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    mut config: Conv2dConfig,
    rests: [usize; 2],
) -> Result<Tensor> {
    let mut x = x.clone();
    if rests[0] != rests[1] {
        // candle's gradient counts the rows of the rest and takes as many columns. Without a rest both are right.
        for (axis, rest) in [2, 3].into_iter().zip(rests) {
            x = x.pad_with_zeros(axis, config.padding, config.padding)?;
            x = x.narrow(axis, 0, x.dim(axis)? - rest)?;
        }
        (x, config.padding) = (x.contiguous()?, 0);
    }
    candle_nn::Conv2d::new(weight.clone(), bias.cloned(), config).forward(&x)
}
