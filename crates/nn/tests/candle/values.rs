//! Values of single operations.

use adder_nn::{LayerNorm, Module};
use candle_core::{DType, Result, Tensor};

use crate::check::{fault, right, tensor};

/// The outputs of adder-nn's layer in f32, on its kernels, and in f64, on candle's operations.
fn by_layer(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<[Tensor; 2]> {
    let of = |dtype| {
        let norm = LayerNorm::new(weight.to_dtype(dtype)?, bias.to_dtype(dtype)?, 1e-5);
        norm.forward(&x.to_dtype(dtype)?)
    };
    Ok([of(DType::F32)?, of(DType::F64)?])
}

#[test]
fn layer_norm_of_a_great_mean() -> Result<()> {
    // The variance is the mean of the squares less the square of the mean, of which f32 keeps no digits here.
    let x = tensor(&[10_000., 10_001., 10_002., 10_003.], &[1, 4])?;
    let (one, zero) = (tensor(&[1.; 4], &[4])?, tensor(&[0.; 4], &[4])?);
    let normalized = [-1.3416355, -0.4472118, 0.4472118, 1.3416355];
    let wrong = [-474.34167, -158.11389, 158.11389, 474.34167];
    fault(&candle_nn::ops::layer_norm(&x, &one, &zero, 1e-5)?, &wrong, &normalized);
    right(&candle_nn::ops::layer_norm_slow(&x, &one, &zero, 1e-5)?, &normalized);
    for y in by_layer(&x, &one, &zero)? {
        right(&y, &normalized);
    }
    Ok(())
}

#[test]
fn layer_norm_of_a_constant() -> Result<()> {
    let x = tensor(&[4096.1; 7], &[1, 7])?;
    let (one, zero) = (tensor(&[1.; 7], &[7])?, tensor(&[0.; 7], &[7])?);
    fault(&candle_nn::ops::layer_norm(&x, &one, &zero, 1e-5)?, &[f64::NAN; 7], &[0.; 7]);
    right(&candle_nn::ops::layer_norm_slow(&x, &one, &zero, 1e-5)?.round_to(0)?, &[0.; 7]);
    for y in by_layer(&x, &one, &zero)? {
        right(&y.round_to(3)?, &[0.; 7]);
    }
    Ok(())
}

#[test]
fn round_of_halves() -> Result<()> {
    let x = tensor(&[0.5, 1.5, 2.5, -0.5, -1.5], &[5])?;
    let to_even = [0., 2., 2., 0., -2.];
    fault(&x.round()?, &[1., 2., 3., -1., -2.], &to_even);
    let half = x.sub(&x.floor()?)?.eq(0.5f32)?;
    let instead: Tensor = half.where_cond(&((&x / 2.)?.round()? * 2.)?, &x.round()?)?;
    right(&instead, &to_even);
    Ok(())
}
