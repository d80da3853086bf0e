//! Operations that cut the gradient, and gradients of changed values.

use candle_core::{D, DType, Module, Result, Tensor, Var};

use crate::check::{CPU, counting, fault, gradient, no_gradient, ramp, right, variable, weighted_gradient};

#[test]
fn layer_norm_without_gradient() -> Result<()> {
    let (x, weight) = (counting(&[1, 3])?, variable(&[1., 2., 4.], &[3])?);
    let bias = weight.zeros_like()?;
    let norm = candle_nn::LayerNorm::new(weight.as_tensor().clone(), bias.clone(), 1e-5);
    let y = norm.forward(&x)?;
    no_gradient(&y, &x)?;
    no_gradient(&y, &weight)?;
    let instead = candle_nn::ops::layer_norm_slow(&x, &weight, &bias, 1e-5)?;
    // The row less its mean of 2, by the root of 2/3; epsilon is beyond these digits.
    let normalized = [-1.225, 0., 1.225];
    right(&gradient(&instead, &weight)?.round_to(3)?, &normalized);
    right(&gradient(&instead, &x)?.round_to(3)?, &[0.204, -0.408, 0.204]);
    for dtype in [DType::F32, DType::F64] {
        let norm = adder_nn::LayerNorm::new(weight.to_dtype(dtype)?, bias.to_dtype(dtype)?, 1e-5);
        let y = norm.forward(&x.to_dtype(dtype)?)?;
        right(&y.round_to(3)?, &[-1.225, 0., 4.899]);
        right(&gradient(&y, &weight)?.round_to(3)?, &normalized);
        right(&gradient(&y, &x)?.round_to(3)?, &[0.204, -0.408, 0.204]);
    }
    Ok(())
}

#[test]
fn rms_norm_without_gradient() -> Result<()> {
    let (x, weight) = (variable(&[3., 3.], &[1, 2])?, counting(&[2])?);
    let norm = candle_nn::RmsNorm::new(weight.as_tensor().clone(), 1e-5);
    no_gradient(&norm.forward(&x)?, &weight)?;
    right(&gradient(&norm.forward_diff(&x)?, &weight)?.round_to(3)?, &[1., 1.]);
    for dtype in [DType::F32, DType::F64] {
        let y = adder_nn::RmsNorm::new(weight.to_dtype(dtype)?, 1e-5).forward(&x.to_dtype(dtype)?)?;
        right(&y.round_to(3)?, &[1., 2.]);
        right(&gradient(&y, &weight)?.round_to(3)?, &[1., 1.]);
        right(&gradient(&y, &x)?.round_to(3)?, &[-0.167, 0.167]);
    }
    Ok(())
}

#[test]
fn softmax_last_dim_without_gradient() -> Result<()> {
    let x = variable(&[0., 0.], &[1, 2])?;
    no_gradient(&candle_nn::ops::softmax_last_dim(&x)?, &x)?;
    // With weights one and two, half of either, less the mean's 1.5.
    right(&weighted_gradient(&candle_nn::ops::softmax(&x, D::Minus1)?, &x)?, &[-0.25, 0.25]);
    right(&weighted_gradient(&adder_nn::ops::softmax_last_dim(&x)?, &x)?, &[-0.25, 0.25]);
    Ok(())
}

#[test]
fn rope_without_gradient() -> Result<()> {
    let (x, ones) = (counting(&[1, 1, 1, 2])?, ramp(&[1, 1])?);
    let none = ones.zeros_like()?;
    no_gradient(&candle_nn::rotary_emb::rope(&x, &ones, &none)?, &x)?;
    no_gradient(&candle_nn::rotary_emb::rope_i(&x, &ones, &none)?, &x)?;
    no_gradient(&candle_nn::rotary_emb::rope_thd(&x, &ones, &none)?, &x)?;
    right(&weighted_gradient(&candle_nn::rotary_emb::rope_slow(&x, &ones, &none)?, &x)?, &[1., 2.]);
    right(&weighted_gradient(&candle_nn::rotary_emb::rope_i_slow(&x, &ones, &none)?, &x)?, &[1., 2.]);
    Ok(())
}

#[test]
fn values_set_before_backward() -> Result<()> {
    // The graph keeps the storage: the gradient of x * x at 3 is taken at 5.
    let x = variable(&[3.], &[1])?;
    let y = x.sqr()?;
    let five = Tensor::new(&[5f32], CPU)?;
    x.set(&five)?;
    fault(&gradient(&y, &x)?, &[10.], &[6.]);
    let x = variable(&[3.], &[1])?;
    let copy = x.copy()?;
    let y = copy.mul(&x.copy()?)?;
    x.set(&five)?;
    right(&gradient(&y, &x)?, &[6.]);
    Ok(())
}

#[test]
fn slice_set_before_backward() -> Result<()> {
    let x = variable(&[3.], &[1])?;
    let double = x.affine(2., 0.)?;
    let y = double.sqr()?;
    double.slice_set(&Tensor::new(&[5f32], CPU)?, 0, 0)?;
    fault(&gradient(&y, &x)?, &[20.], &[24.]);
    let double = x.affine(2., 0.)?;
    let y = double.sqr()?;
    right(&double.slice_scatter(&Tensor::new(&[5f32], CPU)?, 0, 0)?, &[5.]);
    right(&gradient(&y, &x)?, &[24.]);
    Ok(())
}

#[test]
fn detached_values_move() -> Result<()> {
    // A detached or cloned tensor shares its variable's storage: an average or a best state kept so is none.
    let x: Var = variable(&[3.], &[1])?;
    let (kept, copied) = (x.as_tensor().detach(), x.as_tensor().copy()?.detach());
    x.set(&Tensor::new(&[5f32], CPU)?)?;
    fault(&kept, &[5.], &[3.]);
    right(&copied, &[3.]);
    Ok(())
}
