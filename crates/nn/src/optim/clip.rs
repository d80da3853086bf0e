//! Clipping in loops of candle's style.

use candle_core::backprop::GradStore;
use candle_core::{Result, Var};

use super::gradients::sum_of_squares;

/// Added to the norm before the limit is divided by it: PyTorch's number.
const MARGIN: f64 = 1e-6;

/// Scales the gradients of `vars` so that their Euclidean norm, taken over all of them together, is at most `max_norm`, as
/// PyTorch's `torch.nn.utils.clip_grad_norm_` does: where `max_norm / (norm + 1e-6)` is below 1 it is the factor of every
/// gradient. Returns the norm before. Variables without a gradient are passed over. A norm that is infinite or not a number
/// is returned too, and then no gradient can be used.
///
/// ```
/// use adder_nn::optim::clip_grad_norm;
/// use adder_nn::{Optimizer, SGD};
/// use candle_core::{Device, Var};
///
/// # fn main() -> candle_core::Result<()> {
/// let var = Var::new(&[3f32, 4.0], &Device::Cpu)?;
/// let mut optimizer = SGD::new(vec![var.clone()], 0.1)?;
/// let mut grads = (var.sqr()? * 0.5)?.sum_all()?.backward()?;
/// assert_eq!(clip_grad_norm(&mut grads, &[var.clone()], 1.0)?, 5.0);
/// optimizer.step(&grads)?;
/// assert!((var.to_vec1::<f32>()?[0] - 2.94).abs() < 1e-6);
/// # Ok(())
/// # }
/// ```
///
/// # Differences from candle-nn
/// candle-nn has no such function.
///
/// # Errors
/// Where a device cannot be read or has no room.
pub fn clip_grad_norm(grads: &mut GradStore, vars: &[Var], max_norm: f64) -> Result<f64> {
    let squares = vars.iter().filter_map(|var| grads.get(var)).map(sum_of_squares);
    let norm = squares.sum::<Result<f64>>()?.sqrt();
    let factor = max_norm / (norm + MARGIN);
    if factor >= 1.0 {
        return Ok(norm);
    }
    for var in vars {
        if let Some(gradient) = grads.remove(var) {
            grads.insert(var, (gradient * factor)?);
        }
    }
    Ok(norm)
}
