//! Gradients at kinks, ties, zeros and great values.

use candle_core::{DType, Result, Tensor};

use crate::check::{CPU, fault, gradient, ours, right, tensor, variable};

#[test]
fn relu_gradient_at_zero() -> Result<()> {
    let x = variable(&[-1., 0., 1.], &[3])?;
    fault(&gradient(&x.relu()?, &x)?, &[0., 1., 1.], &[0., 0., 1.]);
    right(&gradient(&x.gt(0f32)?.where_cond(&x, &x.zeros_like()?)?, &x)?, &[0., 0., 1.]);
    ours(&x, adder_nn::ops::relu, &[0., 0., 1.], &[0., 0., 1.])
}

#[test]
fn abs_gradient_at_zero() -> Result<()> {
    let x = variable(&[-1., 0., 1.], &[3])?;
    fault(&gradient(&x.abs()?, &x)?, &[-1., 1., 1.], &[-1., 0., 1.]);
    right(&gradient(&x.mul(&x.sign()?)?, &x)?, &[-1., 0., 1.]);
    Ok(())
}

#[test]
fn max_gradient_of_ties() -> Result<()> {
    let x = variable(&[2., 2., 1.], &[1, 3])?;
    fault(&gradient(&x.max(1)?, &x)?, &[1., 1., 0.], &[1., 0., 0.]);
    right(&gradient(&x.gather(&x.argmax_keepdim(1)?, 1)?, &x)?, &[1., 0., 0.]);
    let x = variable(&[1., 1., 2.], &[1, 3])?;
    fault(&gradient(&x.min(1)?, &x)?, &[1., 1., 0.], &[1., 0., 0.]);
    right(&gradient(&x.gather(&x.argmin_keepdim(1)?, 1)?, &x)?, &[1., 0., 0.]);
    Ok(())
}

#[test]
fn norm_gradient_at_zero() -> Result<()> {
    let x = variable(&[0., 0.], &[2])?;
    fault(&gradient(&x.norm()?, &x)?, &[f64::NAN; 2], &[0., 0.]);
    right(&gradient(&(x.sqr()?.sum_all()? + 1e-12)?.sqrt()?, &x)?, &[0., 0.]);
    Ok(())
}

#[test]
fn powf_gradient_at_zero() -> Result<()> {
    let x = variable(&[0., 2.], &[2])?;
    fault(&gradient(&x.powf(0.)?, &x)?, &[f64::NAN, 0.], &[0., 0.]);
    right(&x.powf(0.)?.sub(&x.ones_like()?)?, &[0., 0.]);
    Ok(())
}

#[test]
fn pow_of_a_negative_base() -> Result<()> {
    let (base, exponent) = (tensor(&[-2., 0.], &[2])?, tensor(&[2., 0.], &[2])?);
    fault(&base.pow(&exponent)?, &[f64::NAN; 2], &[4., 1.]);
    right(&Tensor::stack(&[base.get(0)?.powf(2.)?, base.get(1)?.powf(0.)?], 0)?, &[4., 1.]);
    let x = variable(&[-2., 3.], &[2])?;
    fault(&gradient(&x.pow(&(x.ones_like()? * 2.)?)?, &x)?, &[f64::NAN, 6.], &[-4., 6.]);
    right(&gradient(&x.powf(2.)?, &x)?, &[-4., 6.]);
    Ok(())
}

#[test]
fn mish_gradient() -> Result<()> {
    let x = variable(&[100., 1.], &[2])?;
    fault(&gradient(&candle_nn::ops::mish(&x)?, &x)?, &[f64::NAN, 1.0490363], &[1., 1.0490363]);
    let softplus = (x.relu()? + (x.abs()?.neg()?.exp()? + 1.)?.log()?)?;
    right(&gradient(&x.mul(&softplus.tanh()?)?, &x)?, &[1., 1.0490363]);
    Ok(())
}

#[test]
fn selu_gradient() -> Result<()> {
    let (alpha, gamma) = (1.673_263_2, 1.050_701);
    let x = variable(&[100., -1.], &[2])?;
    fault(
        &gradient(&candle_nn::ops::selu(&x, alpha, gamma)?, &x)?,
        &[f64::NAN, 0.6467686],
        &[gamma as f64, 0.6467686],
    );
    right(&gradient(&(x.elu(alpha as f64)? * gamma as f64)?, &x)?, &[gamma as f64, 0.6467686]);
    Ok(())
}

#[test]
fn division_gradient() -> Result<()> {
    // The divisor is squared, which overflows from 1.8e19 on; in f16 from 256 on.
    let (x, dividend) = (variable(&[1e25], &[1])?, tensor(&[1e30], &[1])?);
    fault(&gradient(&dividend.div(&x)?, &x)?, &[0.], &[-1e-20]);
    right(&gradient(&dividend.to_dtype(DType::F64)?.div(&x.to_dtype(DType::F64)?)?, &x)?, &[-1e-20]);
    let x = candle_core::Var::from_tensor(&Tensor::new(&[300f32], CPU)?.to_dtype(DType::F16)?)?;
    let dividend = Tensor::new(&[60_000f32], CPU)?;
    fault(&gradient(&dividend.to_dtype(DType::F16)?.div(&x)?, &x)?, &[0.], &[-0.66650390625]);
    right(&gradient(&dividend.div(&x.to_dtype(DType::F32)?)?, &x)?, &[-0.66650390625]);
    Ok(())
}

#[test]
fn log_sum_exp_of_infinities() -> Result<()> {
    let x = tensor(&[f32::NEG_INFINITY, f32::NEG_INFINITY, f32::INFINITY, 1.], &[2, 2])?;
    fault(&x.log_sum_exp(1)?, &[f64::NAN; 2], &[f64::NEG_INFINITY, f64::INFINITY]);
    // With the largest finite values for the infinities, as masks should have it.
    let finite = x.clamp(f32::MIN, f32::MAX)?;
    right(&finite.log_sum_exp(1)?, &[f32::MIN as f64, f32::MAX as f64]);
    Ok(())
}

#[test]
fn bce_of_great_logits() -> Result<()> {
    let (x, target) = (variable(&[17.], &[1])?, tensor(&[1.], &[1])?);
    let y = candle_nn::loss::binary_cross_entropy_with_logit(&x, &target)?;
    fault(&y, &[f64::NAN], &[4.139937e-8]);
    fault(&gradient(&y, &x)?, &[f64::NAN], &[-4.139937e-8]);
    let great = variable(&[-100.], &[1])?;
    fault(&candle_nn::loss::binary_cross_entropy_with_logit(&great, &target)?, &[f64::INFINITY], &[100.]);
    let loss = |x: &Tensor| adder_nn::loss::binary_cross_entropy_with_logit(x, &target);
    ours(&x, loss, &[4.139937e-8], &[-4.139937e-8])?;
    ours(&great, loss, &[100.], &[-1.])?;
    // In f64, since f32 has no digits left for exp(-17) beside one.
    let target = target.to_dtype(DType::F64)?;
    let stable = |x: &Tensor| -> Result<Tensor> {
        let x = x.to_dtype(DType::F64)?;
        ((x.relu()? - x.mul(&target)?)? + (x.abs()?.neg()?.exp()? + 1.)?.log()?)?.mean_all()
    };
    right(&stable(&x)?, &[4.139937e-8]);
    right(&gradient(&stable(&x)?, &x)?, &[-4.139937e-8]);
    right(&stable(&great)?, &[100.]);
    Ok(())
}
