//! Sums in f16, bf16 and f32.

use candle_core::{DType, Result, Tensor};

use crate::check::{CPU, fault, gradient, right};

fn ones(shape: &[usize], dtype: DType) -> Result<Tensor> {
    Tensor::ones(shape, dtype, CPU)
}

#[test]
fn half_sum() -> Result<()> {
    for (dtype, wrong) in [(DType::F16, 2048.), (DType::BF16, 256.)] {
        let x = ones(&[4096], dtype)?;
        fault(&x.sum(0)?, &[wrong], &[4096.]);
        fault(&x.mean(0)?, &[wrong / 4096.], &[1.]);
        right(&x.to_dtype(DType::F32)?.sum(0)?.to_dtype(dtype)?, &[4096.]);
    }
    Ok(())
}

#[test]
fn half_mean() -> Result<()> {
    let x = (ones(&[4096], DType::F16)? * 100.)?;
    fault(&x.mean(0)?, &[f64::INFINITY], &[100.]);
    right(&x.to_dtype(DType::F32)?.mean(0)?.to_dtype(DType::F16)?, &[100.]);
    Ok(())
}

#[test]
fn half_softmax() -> Result<()> {
    let rest = 1. / 4096.;
    for (dtype, wrong) in [(DType::F16, 1. / 2048.), (DType::BF16, 1. / 256.)] {
        let x = Tensor::zeros((1, 4096), dtype, CPU)?;
        fault(&candle_nn::ops::softmax(&x, 1)?.narrow(1, 0, 1)?, &[wrong], &[rest]);
        fault(&candle_nn::ops::softmax_last_dim(&x)?.narrow(1, 0, 1)?, &[wrong], &[rest]);
        right(
            &candle_nn::ops::softmax(&x.to_dtype(DType::F32)?, 1)?.to_dtype(dtype)?.narrow(1, 0, 1)?,
            &[rest],
        );
    }
    Ok(())
}

#[test]
fn half_average_pool() -> Result<()> {
    for (dtype, wrong) in [(DType::F16, 0.5), (DType::BF16, 0.0625)] {
        let x = ones(&[1, 1, 64, 64], dtype)?;
        fault(&x.avg_pool2d(64)?, &[wrong], &[1.]);
        right(&x.to_dtype(DType::F32)?.avg_pool2d(64)?.to_dtype(dtype)?, &[1.]);
    }
    Ok(())
}

#[test]
fn half_bias_gradient() -> Result<()> {
    for (dtype, wrong) in [(DType::F16, 2048.), (DType::BF16, 256.)] {
        let (x, bias) = (ones(&[4096, 1], dtype)?, candle_core::Var::zeros(1, dtype, CPU)?);
        fault(&gradient(&x.broadcast_add(&bias)?, &bias)?, &[wrong], &[4096.]);
        right(
            &gradient(&x.to_dtype(DType::F32)?.broadcast_add(&bias.to_dtype(DType::F32)?)?, &bias)?,
            &[4096.],
        );
    }
    Ok(())
}

#[test]
fn half_norm() -> Result<()> {
    let x = (ones(&[4], DType::F16)? * 300.)?;
    fault(&x.norm()?, &[f64::INFINITY], &[600.]);
    right(&x.to_dtype(DType::F32)?.norm()?.to_dtype(DType::F16)?, &[600.]);
    Ok(())
}

#[test]
fn half_cumsum() -> Result<()> {
    let x = ones(&[4096], DType::F16)?;
    fault(&x.cumsum(0)?.narrow(0, 4095, 1)?, &[2048.], &[4096.]);
    right(&x.to_dtype(DType::F32)?.cumsum(0)?.narrow(0, 4095, 1)?, &[4096.]);
    Ok(())
}

#[test]
fn gelu_gradient_in_half() -> Result<()> {
    let x = candle_core::Var::from_tensor(&Tensor::new(&[45f32], CPU)?.to_dtype(DType::F16)?)?;
    fault(&gradient(&x.gelu()?, &x)?, &[f64::NAN], &[1.]);
    right(&gradient(&x.to_dtype(DType::F32)?.gelu()?, &x)?, &[1.]);
    Ok(())
}

#[test]
fn single_precision_mean() -> Result<()> {
    // One accumulator an output: after 2^21 tenths, a tenth is no longer added in full.
    let x = Tensor::full(0.1f32, (5_000_000, 2), CPU)?;
    fault(&x.mean(0)?, &[0.095_654_957; 2], &[0.1; 2]);
    let by_parts = x.reshape((5_000, 1_000, 2))?.mean(1)?.mean(0)?;
    right(&by_parts.round_to(5)?, &[0.1; 2]);
    right(&x.to_dtype(DType::F64)?.mean(0)?.round_to(5)?, &[0.1; 2]);
    Ok(())
}
