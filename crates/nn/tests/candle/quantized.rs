//! Quantized tensors.

use candle_core::quantized::{GgmlDType, QMatMul, QTensor};
use candle_core::{Module, Result, Tensor};

use crate::check::{CPU, counting, fault, no_gradient, ramp, right, weighted_gradient};

/// The first value of each row, as it comes back.
fn round_trip(x: &Tensor, dtype: GgmlDType) -> Result<Tensor> {
    QTensor::quantize(x, dtype)?.dequantize(CPU)?.narrow(1, 0, 1)
}

#[test]
fn quantize_of_some_rows() -> Result<()> {
    // Rows of ones, twos, threes and fours, of which the last two are quantized: the first two come back.
    let x = ramp(&[4, 1])?.broadcast_as((4, 32))?.contiguous()?.narrow(0, 2, 2)?;
    fault(&round_trip(&x, GgmlDType::Q4_0)?, &[1., 2.], &[3., 4.]);
    right(&round_trip(&x.force_contiguous()?, GgmlDType::Q4_0)?, &[3., 4.]);
    Ok(())
}

#[test]
fn quantize_of_a_constant() -> Result<()> {
    let x = Tensor::ones((1, 256), candle_core::DType::F32, CPU)?;
    for dtype in [GgmlDType::Q2K, GgmlDType::Q4K, GgmlDType::Q5K] {
        fault(&round_trip(&x, dtype)?, &[0.], &[1.]);
    }
    for dtype in [GgmlDType::Q3K, GgmlDType::Q6K, GgmlDType::Q4_0, GgmlDType::Q5_1] {
        right(&round_trip(&x, dtype)?, &[1.]);
    }
    Ok(())
}

#[test]
fn quantized_product_without_gradient() -> Result<()> {
    let x = counting(&[1, 32])?;
    let weight = QTensor::quantize(&Tensor::ones((1, 32), candle_core::DType::F32, CPU)?, GgmlDType::Q4_0)?;
    let instead = QMatMul::Tensor(weight.dequantize(CPU)?).forward(&x)?;
    no_gradient(&QMatMul::from_qtensor(weight)?.forward(&x)?, &x)?;
    right(&weighted_gradient(&instead, &x)?, &[1.; 32]);
    Ok(())
}
