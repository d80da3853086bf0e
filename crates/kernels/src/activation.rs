//! The ReLU of free-standing tensors, forward and backward.
//!
//! Its derivative at 0 is 0, and a NaN stays one in both directions, as in PyTorch.

use rayon::prelude::*;

use crate::Result;
use crate::shape::check_len;

/// The values of a task, some 5 us of work.
const TASK_VALUES: usize = 16 * 1024;

/// `x` where it is above 0 or no number, else 0, into `output` of the same length.
///
/// # Errors
/// [`Error::Length`](crate::Error::Length) where `output` has another length.
pub fn relu(x: &[f32], output: &mut [f32]) -> Result<()> {
    check_len("output", output, x.len())?;
    output.par_chunks_mut(TASK_VALUES).zip(x.par_chunks(TASK_VALUES)).for_each(|(output, x)| {
        output.iter_mut().zip(x).for_each(|(output, &x)| *output = if x <= 0.0 { 0.0 } else { x });
    });
    Ok(())
}

/// The gradient of [`relu`] with respect to `x`, written over `grad_x`: `grad_output` where `x` is above 0 or no number, else
/// 0. The output of the forward pass stands for `x` as well.
///
/// # Errors
/// [`Error::Length`](crate::Error::Length) where the three lengths differ.
pub fn relu_backward(x: &[f32], grad_output: &[f32], grad_x: &mut [f32]) -> Result<()> {
    check_len("grad_output", grad_output, x.len())?;
    check_len("grad_x", grad_x, x.len())?;
    let tasks = grad_x
        .par_chunks_mut(TASK_VALUES)
        .zip(x.par_chunks(TASK_VALUES))
        .zip(grad_output.par_chunks(TASK_VALUES));
    tasks.for_each(|((grad_x, x), grad_output)| {
        let values = grad_x.iter_mut().zip(x).zip(grad_output);
        values.for_each(|((grad_x, &x), &grad)| *grad_x = if x <= 0.0 { 0.0 } else { grad });
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn only_values_above_zero_and_nans_pass() {
        let x = [-1.0, -0.0, 0.0, 1e-40, 2.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
        let (mut output, mut grad) = ([7.0; 8], [7.0; 8]);
        relu(&x, &mut output).unwrap();
        assert_eq!(output[..5], [0.0, 0.0, 0.0, 1e-40, 2.0]);
        assert!(output[5].is_nan());
        assert_eq!(output[6..], [f32::INFINITY, 0.0]);
        relu_backward(&x, &[3.0; 8], &mut grad).unwrap();
        assert_eq!(grad, [0.0, 0.0, 0.0, 3.0, 3.0, 3.0, 3.0, 0.0]);
        // A gradient that is no number is not hidden where it passes, and does not pass where nothing does.
        relu_backward(&[-1.0, 1.0], &[f32::NAN; 2], &mut grad[..2]).unwrap();
        assert!(grad[0] == 0.0 && grad[1].is_nan());
    }

    #[test]
    fn long_tensors_are_worked_on_to_the_end() {
        let x: Vec<f32> = (0..2 * TASK_VALUES + 3).map(|at| at as f32 - 100.5).collect();
        let mut output = vec![f32::NAN; x.len()];
        relu(&x, &mut output).unwrap();
        assert!(x.iter().zip(&output).all(|(x, y)| x.max(0.0) == *y));
        let error = relu_backward(&x, &x[1..], &mut output).unwrap_err();
        assert_eq!(error, Error::Length { argument: "grad_output", expected: x.len(), found: x.len() - 1 });
    }
}
