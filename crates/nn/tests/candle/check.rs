//! Assertions that a value is candle's wrong one or the right one.

use candle_core::{DType, Device, Result, Tensor, Var};

/// The only device of these tests.
pub(crate) const CPU: &Device = &Device::Cpu;

const MENDED: &str = "candle has mended this: take the row out of docs/candle.md";

/// A tensor of `f32` values of the shape.
pub(crate) fn tensor(values: &[f32], shape: &[usize]) -> Result<Tensor> {
    Tensor::from_slice(values, shape, CPU)
}

/// A variable of `f32` values of the shape.
pub(crate) fn variable(values: &[f32], shape: &[usize]) -> Result<Var> {
    Var::from_tensor(&tensor(values, shape)?)
}

/// A variable of the shape that counts from one.
pub(crate) fn counting(shape: &[usize]) -> Result<Var> {
    Var::from_tensor(&ramp(shape)?)
}

/// A tensor of the shape that counts from one.
pub(crate) fn ramp(shape: &[usize]) -> Result<Tensor> {
    let count = shape.iter().product::<usize>();
    Tensor::from_iter((1..=count).map(|i| i as f32), CPU)?.reshape(shape)
}

/// The gradient of the sum of `y` in `x`.
pub(crate) fn gradient(y: &Tensor, x: &Var) -> Result<Tensor> {
    let gradients = y.sum_all()?.backward()?;
    Ok(gradients.get(x).expect("y depends on x").clone())
}

/// The gradient in `x` of the sum of `y` in which the first value counts once, the second twice, and so on.
pub(crate) fn weighted_gradient(y: &Tensor, x: &Var) -> Result<Tensor> {
    gradient(&y.mul(&ramp(y.dims())?)?, x)
}

/// Asserts that candle still gives `wrong`, which is not `right`.
pub(crate) fn fault(candle: &Tensor, wrong: &[f64], right: &[f64]) {
    assert_ne!(first_difference(wrong, right), None, "the wrong value is the right one");
    let candle = values(candle);
    assert_eq!(first_difference(&candle, wrong), None, "{MENDED} (it gives {candle:?}, not {wrong:?})");
}

/// Asserts that a way around a fault gives the right value.
pub(crate) fn right(instead: &Tensor, right: &[f64]) {
    let instead = values(instead);
    assert_eq!(first_difference(&instead, right), None, "the advice gives {instead:?}, not {right:?}");
}

/// Asserts that a layer of adder-nn gives the right values and the right gradient of their sum in `x`: in f32, whose
/// kernels those are, and in f64, on candle's operations.
pub(crate) fn ours(
    x: &Var,
    layer: impl Fn(&Tensor) -> Result<Tensor>,
    value: &[f64],
    slope: &[f64],
) -> Result<()> {
    for dtype in [DType::F32, DType::F64] {
        let y = layer(&x.to_dtype(dtype)?)?;
        right(&y, value);
        right(&gradient(&y, x)?, slope);
    }
    Ok(())
}

/// Asserts that candle still gives no gradient of `y` in `x`, and no error either.
pub(crate) fn no_gradient(y: &Tensor, x: &Var) -> Result<()> {
    let gradients = y.sqr()?.sum_all()?.backward()?;
    assert!(gradients.get(x).is_none(), "{MENDED} (there is a gradient)");
    Ok(())
}

/// Asserts that candle still refuses, by an error that says `part`.
pub(crate) fn error<T>(result: Result<T>, part: &str) {
    let Err(error) = result else { panic!("{MENDED} (there is no error)") };
    assert!(error.to_string().contains(part), "another error than that of `{part}`: {error}");
}

/// Asserts that candle still panics where it could return an error.
pub(crate) fn panics<T>(operation: impl FnOnce() -> Result<T>) {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(operation));
    assert!(outcome.is_err(), "{MENDED} (it does not panic)");
}

fn values(x: &Tensor) -> Vec<f64> {
    x.to_dtype(DType::F64).and_then(|x| x.flatten_all()?.to_vec1()).expect("any tensor can be read")
}

/// The first place where two lists differ by more than rounding; a NaN is equal to a NaN.
fn first_difference(a: &[f64], b: &[f64]) -> Option<usize> {
    if a.len() != b.len() {
        return Some(a.len().min(b.len()));
    }
    let same = |a: f64, b: f64| {
        a == b || (a.is_nan() && b.is_nan()) || ((a - b).abs() <= 1e-5 * b.abs() + 1e-30 && b.is_finite())
    };
    (0..a.len()).find(|&i| !same(a[i], b[i]))
}
