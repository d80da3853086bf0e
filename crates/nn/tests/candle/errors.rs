//! What candle refuses, where PyTorch has an answer.

use adder_nn::{AvgPool2d, Conv2d, Conv2dConfig, MaxPool2d, VarMap, init, linear};
use candle_core::{DType, Module, Result, Tensor};

use crate::check::{CPU, counting, error, gradient, ours, panics, ramp, right};

#[test]
fn conv2d_backward_of_unequal_rests() -> Result<()> {
    // Windows of two in steps of two leave one of seven rows and none of six columns.
    let (x, kernel) = (counting(&[1, 1, 7, 6])?, Tensor::ones((1, 1, 2, 2), DType::F32, CPU)?);
    error(x.conv2d(&kernel, 0, 2, 1, 1)?.sum_all()?.backward(), "shape mismatch");
    let used = x.narrow(2, 0, 6)?;
    let by_hand = [[1.; 36].as_slice(), &[0.; 6]].concat();
    right(&gradient(&used.conv2d(&kernel, 0, 2, 1, 1)?, &x)?, &by_hand);
    let config = Conv2dConfig { stride: 2, ..Default::default() };
    let layer = |x: &Tensor| Conv2d::new(kernel.to_dtype(x.dtype())?, None, config).forward(x);
    // Four times a window's first value, and the steps to its others: 1, 6 and 7.
    let sums = [18., 26., 34., 66., 74., 82., 114., 122., 130.];
    ours(&x, layer, &sums, &by_hand)
}

#[test]
fn conv_transpose1d_backward() -> Result<()> {
    let (x, kernel) = (counting(&[1, 1, 2])?, ramp(&[1, 1, 2])?);
    error(x.conv_transpose1d(&kernel, 0, 0, 1, 1, 1)?.sum_all()?.backward(), "backward is not supported");
    let instead = x.unsqueeze(2)?.conv_transpose2d(&kernel.unsqueeze(2)?, 0, 0, 1, 1)?;
    right(&gradient(&instead, &x)?, &[3., 3.]);
    Ok(())
}

#[test]
fn bilinear_backward() -> Result<()> {
    let x = counting(&[1, 1, 1, 2])?;
    error(x.upsample_bilinear2d(2, 4, false)?.sum_all()?.backward(), "backward not supported");
    Ok(())
}

#[test]
fn overlapping_windows_backward() -> Result<()> {
    let x = counting(&[3])?;
    error(x.unfold(0, 2, 1)?.sum_all()?.backward(), "hape mismatch");
    let windows = x.index_select(&Tensor::new(&[0u32, 1, 1, 2], CPU)?, 0)?.reshape((2, 2))?;
    right(&gradient(&windows, &x)?, &[1., 2., 1.]);
    Ok(())
}

#[test]
fn overlapping_pool_backward() -> Result<()> {
    let x = counting(&[1, 1, 3, 3])?;
    error(x.max_pool2d_with_stride(2, 1)?.sum_all()?.backward(), "backward not supported");
    error(x.avg_pool2d_with_stride(2, 1)?.sum_all()?.backward(), "backward not supported");
    // Rows and columns of the windows, then both of one window beside each other.
    let places = Tensor::new(&[0u32, 1, 1, 2], CPU)?;
    let windows = x.index_select(&places, 2)?.index_select(&places, 3)?.reshape((2, 2, 2, 2))?;
    let windows = windows.transpose(1, 2)?.reshape((4, 4))?;
    let (of_max, of_mean) =
        ([0., 0., 0., 0., 1., 1., 0., 1., 1.], [0.25, 0.5, 0.25, 0.5, 1., 0.5, 0.25, 0.5, 0.25]);
    right(&gradient(&windows.max(1)?, &x)?, &of_max);
    right(&gradient(&windows.mean(1)?, &x)?, &of_mean);
    ours(&x, |x| MaxPool2d::new(2).with_stride(1).forward(x), &[5., 6., 8., 9.], &of_max)?;
    ours(&x, |x| AvgPool2d::new(2).with_stride(1).forward(x), &[3., 4., 6., 7.], &of_mean)
}

#[test]
fn scatter_add_backward_of_other_counts() -> Result<()> {
    let (start, source) = (counting(&[3])?, ramp(&[2])?);
    let places = Tensor::new(&[1u32, 1], CPU)?;
    error(start.scatter_add(&places, &source, 0)?.sum_all()?.backward(), "shape mismatch");
    right(&gradient(&start.index_add(&places, &source, 0)?, &start)?, &[1.; 3]);
    Ok(())
}

#[test]
fn matmul_of_split_heads() -> Result<()> {
    // (batch, time, heads, width) with the heads before the time, as attention has it.
    let x = ramp(&[2, 3, 4, 5])?.transpose(1, 2)?;
    error(x.matmul(&x.t()?), "non-contiguous");
    assert_eq!(x.contiguous()?.matmul(&x.contiguous()?.t()?)?.dims(), [2, 4, 3, 3]);
    Ok(())
}

#[test]
fn conv2d_in_bf16() -> Result<()> {
    let (x, kernel) = (ramp(&[1, 1, 2, 2])?, ramp(&[1, 1, 2, 2])?);
    error(
        x.to_dtype(DType::BF16)?.conv2d(&kernel.to_dtype(DType::BF16)?, 0, 1, 1, 1),
        "unsupported dtype BF16",
    );
    right(&x.conv2d(&kernel, 0, 1, 1, 1)?.to_dtype(DType::BF16)?, &[30.]);
    Ok(())
}

#[test]
fn layer_norm_in_f64() -> Result<()> {
    let (x, weight) = (Tensor::new(&[[-1f64, 1.]], CPU)?, Tensor::new(&[1f64, 1.], CPU)?);
    let bias = weight.zeros_like()?;
    let norm = candle_nn::LayerNorm::new(weight.clone(), bias.clone(), 1e-5);
    error(norm.forward(&x), "unsupported dtype");
    right(&candle_nn::ops::layer_norm_slow(&x, &weight, &bias, 1e-5)?.round_to(3)?, &[-1., 1.]);
    right(&adder_nn::LayerNorm::new(weight, bias, 1e-5).forward(&x)?.round_to(3)?, &[-1., 1.]);
    Ok(())
}

#[test]
fn seed_of_the_cpu() -> Result<()> {
    error(CPU.set_seed(1), "cannot seed the CPU rng");
    let weight = || linear(3, 2, init::seeded(&VarMap::new(), 1, DType::F32, CPU))?.weight().to_vec2::<f32>();
    assert_eq!(weight()?, weight()?);
    Ok(())
}

#[test]
fn negation_of_integers() -> Result<()> {
    let x = Tensor::new(&[4i64], CPU)?;
    panics(|| x.neg());
    panics(|| x.sqr());
    panics(|| x.exp());
    right(&x.affine(-1., 0.)?, &[-4.]);
    Ok(())
}
