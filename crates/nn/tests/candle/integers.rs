//! Arithmetic of integer tensors.

use candle_core::{DType, Result, Tensor};

use crate::check::{CPU, fault, right};

#[test]
fn integers_times_a_scalar() -> Result<()> {
    // The scalar is cast to the tensor's dtype; a division is a product with the quotient of one, cast to zero.
    let x = Tensor::new(&[4u32, 6], CPU)?;
    fault(&(&x / 2.)?, &[0., 0.], &[2., 3.]);
    fault(&(&x * 1.5)?, &[4., 6.], &[6., 9.]);
    right(&x.broadcast_div(&Tensor::new(2u32, CPU)?)?, &[2., 3.]);
    right(&(x.to_dtype(DType::F32)? * 1.5)?, &[6., 9.]);
    Ok(())
}

#[test]
fn unsigned_less_a_scalar() -> Result<()> {
    // Minus one, cast to an unsigned dtype, is zero.
    let x = Tensor::new(&[4u32, 6], CPU)?;
    fault(&(&x - 1.)?, &[4., 6.], &[3., 5.]);
    fault(&(1. - Tensor::new(&[0u8, 1], CPU)?)?, &[1., 1.], &[1., 0.]);
    right(&x.broadcast_sub(&Tensor::new(1u32, CPU)?)?, &[3., 5.]);
    Ok(())
}

#[test]
fn integer_mean() -> Result<()> {
    let x = Tensor::new(&[4u32, 6], CPU)?;
    fault(&x.mean(0)?, &[0.], &[5.]);
    right(&x.to_dtype(DType::F32)?.mean(0)?, &[5.]);
    Ok(())
}

#[test]
fn byte_sum() -> Result<()> {
    // Comparisons give u8, so that a count of hits wraps at 256.
    let hits = Tensor::ones(300, DType::F32, CPU)?.eq(1f32)?;
    fault(&hits.sum_all()?, &[44.], &[300.]);
    right(&hits.to_dtype(DType::U32)?.sum_all()?, &[300.]);
    Ok(())
}

#[test]
fn comparison_with_a_fraction() -> Result<()> {
    let x = Tensor::new(&[1u32, 2, 3], CPU)?;
    fault(&x.lt(2.5)?, &[1., 0., 0.], &[1., 1., 0.]);
    right(&x.to_dtype(DType::F64)?.lt(2.5)?, &[1., 1., 0.]);
    Ok(())
}

#[test]
fn comparison_out_of_range() -> Result<()> {
    let (bytes, words) = (Tensor::new(&[1u8, 255], CPU)?, Tensor::new(&[1u32, 2], CPU)?);
    fault(&bytes.lt(256u32)?, &[0., 0.], &[1., 1.]);
    fault(&words.gt(-1i64)?, &[0., 0.], &[1., 1.]);
    right(&bytes.to_dtype(DType::U32)?.lt(256u32)?, &[1., 1.]);
    right(&words.to_dtype(DType::I64)?.gt(-1i64)?, &[1., 1.]);
    Ok(())
}

#[test]
fn activations_of_integers() -> Result<()> {
    let x = Tensor::new(&[4i64], CPU)?;
    for y in [x.gelu()?, x.gelu_erf()?, x.silu()?, x.erf()?] {
        fault(&y, &[0.], &[4.]);
    }
    right(&x.to_dtype(DType::F32)?.gelu()?.round_to(2)?, &[4.]);
    Ok(())
}
