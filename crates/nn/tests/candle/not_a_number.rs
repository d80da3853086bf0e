//! NaNs and infinities in.

use adder_nn::{MaxPool2d, Module};
use candle_core::{DType, Result, Tensor};

use crate::check::{fault, ours, right, tensor, variable};

const NAN: f32 = f32::NAN;

/// One if a NaN is there: the check to make where candle hides it.
fn any_nan(x: &Tensor) -> Result<Tensor> {
    x.ne(x)?.to_dtype(DType::U32)?.max_all()
}

#[test]
fn relu_of_nan() -> Result<()> {
    let x = tensor(&[NAN, -1.], &[2])?;
    fault(&x.relu()?, &[0., 0.], &[f64::NAN, 0.]);
    right(&x.lt(0f32)?.where_cond(&x.zeros_like()?, &x)?, &[f64::NAN, 0.]);
    ours(&variable(&[NAN, -1.], &[2])?, adder_nn::ops::relu, &[f64::NAN, 0.], &[1., 0.])
}

#[test]
fn max_of_nan() -> Result<()> {
    // Only a first value that is a NaN stays.
    let x = tensor(&[1., NAN, 2.], &[3])?;
    fault(&x.max(0)?, &[2.], &[f64::NAN]);
    fault(&x.min(0)?, &[1.], &[f64::NAN]);
    fault(&x.argmax(0)?, &[2.], &[1.]);
    right(&tensor(&[NAN, 1., 2.], &[3])?.max(0)?, &[f64::NAN]);
    right(&any_nan(&x)?, &[1.]);
    right(&any_nan(&tensor(&[1., 2.], &[2])?)?, &[0.]);
    Ok(())
}

#[test]
fn maximum_of_nan() -> Result<()> {
    let (one, nan) = (tensor(&[1.], &[1])?, tensor(&[NAN], &[1])?);
    fault(&one.maximum(&nan)?, &[1.], &[f64::NAN]);
    fault(&one.minimum(&nan)?, &[1.], &[f64::NAN]);
    right(&nan.maximum(&one)?, &[f64::NAN]);
    right(&nan.clamp(0f32, 1f32)?, &[f64::NAN]);
    Ok(())
}

#[test]
fn max_pool2d_of_nan() -> Result<()> {
    let x = tensor(&[1., NAN, 0., 2.], &[1, 1, 2, 2])?;
    fault(&x.max_pool2d(2)?, &[2.], &[f64::NAN]);
    right(&x.flip(&[3])?.max_pool2d(2)?, &[f64::NAN]);
    right(&any_nan(&x)?, &[1.]);
    let x = variable(&[1., NAN, 0., 2.], &[1, 1, 2, 2])?;
    ours(&x, |x| MaxPool2d::new(2).forward(x), &[f64::NAN], &[0., 1., 0., 0.])
}

#[test]
fn sort_of_nan() -> Result<()> {
    let x = tensor(&[3., NAN, 1., 2.], &[4])?;
    fault(&x.sort_last_dim(true)?.0, &[3., f64::NAN, 1., 2.], &[1., 2., 3., f64::NAN]);
    let infinity = (x.ones_like()? * f64::INFINITY)?;
    let places = x.ne(&x)?.where_cond(&infinity, &x)?.arg_sort_last_dim(true)?;
    right(&x.gather(&places, 0)?, &[1., 2., 3., f64::NAN]);
    Ok(())
}

#[test]
fn cumsum_of_infinity() -> Result<()> {
    // A product with a triangle of ones and zeros: zero times infinity is no number.
    let x = tensor(&[1., 2., f32::INFINITY, 4.], &[4])?;
    let by_hand = [1., 3., f64::INFINITY, f64::INFINITY];
    fault(&x.cumsum(0)?, &[f64::NAN, f64::NAN, f64::INFINITY, f64::INFINITY], &by_hand);
    let triangle = Tensor::tril2(4, DType::U8, x.device())?;
    let rows = x.broadcast_as((4, 4))?;
    right(&triangle.where_cond(&rows, &rows.zeros_like()?)?.sum(1)?, &by_hand);
    Ok(())
}
