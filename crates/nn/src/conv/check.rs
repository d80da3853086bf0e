//! The sizes that a convolution takes.

use candle_core::{Result, Tensor};
use candle_nn::Conv2dConfig;

/// Refuses channels that the groups of a configuration do not divide.
pub(super) fn check_groups(config: &Conv2dConfig, in_channels: usize, out_channels: usize) -> Result<()> {
    let groups = config.groups;
    if groups == 0 || !in_channels.is_multiple_of(groups) || !out_channels.is_multiple_of(groups) {
        candle_core::bail!(
            "conv2d: expected groups that divide {in_channels} input and {out_channels} output channels, found {groups}"
        );
    }
    Ok(())
}

/// Refuses an input that a convolution makes nothing of, and returns how many rows and columns at the end of the padded input no
/// window reaches.
pub(super) fn check_input(
    weight: &Tensor,
    bias: Option<&Tensor>,
    config: &Conv2dConfig,
    x: &Tensor,
) -> Result<[usize; 2]> {
    let (batch, in_channels, height, width) = x.dims4()?;
    let (out_channels, weight_in, rows, columns) = weight.dims4()?;
    let of_types = [Some(weight), bias].into_iter().flatten();
    if let Some(other) = of_types.map(Tensor::dtype).find(|&dtype| dtype != x.dtype()) {
        candle_core::bail!(
            "conv2d: expected weight and bias of the input's {:?}, found {other:?}",
            x.dtype()
        );
    }
    let Conv2dConfig { stride, padding, dilation, groups, .. } = *config;
    let sizes =
        [("stride", stride), ("dilation", dilation), ("groups", groups), ("output channels", out_channels)];
    for (what, found) in sizes {
        if found == 0 {
            candle_core::bail!("conv2d: expected {what} of at least 1, found 0");
        }
    }
    if weight_in.checked_mul(groups) != Some(in_channels) {
        candle_core::bail!(
            "conv2d: expected an input of {weight_in} channels in each of {groups} groups for a weight of {:?}, found {:?}",
            weight.dims(),
            x.dims()
        );
    }
    check_groups(config, in_channels, out_channels)?;
    if let Some(bias) = bias.filter(|bias| bias.dims() != [out_channels]) {
        candle_core::bail!("conv2d: expected a bias of [{out_channels}], found {:?}", bias.dims());
    }
    let steps = [(height, rows), (width, columns)].map(|(size, kernel)| steps(size, kernel, config));
    let [Some(down), Some(right)] = steps else {
        candle_core::bail!(
            "conv2d: expected an input with room for a kernel of {rows}x{columns}, found {height}x{width} with a padding of \
             {padding} and a dilation of {dilation}"
        );
    };
    // What candle lays out for its product, in the widest type.
    let taps = [rows, columns].into_iter().try_fold(weight_in, usize::checked_mul);
    let sizes = [batch, down / stride + 1, right / stride + 1, size_of::<f64>()];
    let bytes = taps.and_then(|taps| sizes.into_iter().try_fold(taps.max(out_channels), usize::checked_mul));
    if bytes.is_none_or(|bytes| isize::try_from(bytes).is_err()) {
        candle_core::bail!(
            "conv2d: the output of {:?} by a weight of {:?} has more values than memory can address",
            x.dims(),
            weight.dims()
        );
    }
    Ok([down % stride, right % stride])
}

/// The places that a kernel can move on by from the first in a padded row or column of this size, if it has one at all.
fn steps(size: usize, kernel: usize, config: &Conv2dConfig) -> Option<usize> {
    let padded = config.padding.checked_mul(2)?.checked_add(size)?;
    let reach = kernel.checked_sub(1)?.checked_mul(config.dilation)?.checked_add(1)?;
    padded.checked_sub(reach).filter(|_| size > 0)
}
