//! Muon: the update of one convolution's filters, by candle's operations on every device.

use candle_core::{Result, Tensor, Var};

use super::elementwise::approach;

/// The rule of PyTorch's `torch.optim.Muon` with `adjust_lr_fn="match_rms_adamw"`, with G the gradient, W the weight and V
/// the velocity as matrices of one row for each output channel:
///
/// ```text
/// V = momentum * V + (1 - momentum) * G
/// D = nesterov ? momentum * V + (1 - momentum) * G : V
/// W = W - rate * weight_decay * W
/// W = W - rate * 0.2 * sqrt(max(rows, columns)) * orthogonalised(D)
/// ```
#[derive(Clone, Copy, Debug)]
pub(super) struct MuonUpdate {
    pub(super) rate: f64,
    pub(super) momentum: f64,
    pub(super) nesterov: bool,
    pub(super) weight_decay: f64,
}

impl MuonUpdate {
    /// Whether the rule is for a tensor of the shape `dims`: the filters of a convolution with more than one input
    /// channel. Those of the first convolution see the image and not features.
    pub(super) fn takes(dims: &[usize]) -> bool {
        matches!(dims, [_, inputs, _, _] if *inputs > 1)
    }

    /// Updates `weight` and `velocity` by `gradient`, all f32 [outputs, inputs, height, width].
    pub(super) fn apply(self, weight: &Var, velocity: &Var, gradient: &Tensor) -> Result<()> {
        approach(velocity, gradient, 1.0 - self.momentum)?;
        let direction = if self.nesterov {
            (gradient + ((velocity.as_tensor() - gradient)? * self.momentum)?)?
        } else {
            velocity.as_tensor().clone()
        };
        let matrix = direction.flatten_from(1)?;
        let (rows, columns) = matrix.dims2()?;
        let size = self.rate * 0.2 * (rows.max(columns) as f64).sqrt();
        let step = (orthogonalised(&matrix)? * size)?.reshape(weight.shape())?;
        weight.set(&((weight.as_tensor() * (1.0 - self.rate * self.weight_decay))? - step)?)
    }
}

/// About the nearest matrix with orthonormal rows, or columns where there are fewer of those: five Newton-Schulz steps with
/// the coefficients of Jordan (2024), which bring the singular values near 1 fast rather than exactly.
fn orthogonalised(matrix: &Tensor) -> Result<Tensor> {
    const STEPS: usize = 5;
    const COEFFICIENTS: [f64; 3] = [3.4445, -4.7750, 2.0315];
    let [a, b, c] = COEFFICIENTS;
    let (rows, columns) = matrix.dims2()?;
    if rows > columns {
        return orthogonalised(&matrix.t()?.contiguous()?)?.t();
    }
    let norm = matrix.sqr()?.sum_all()?.sqrt()?.maximum(1e-7)?;
    let mut x = matrix.broadcast_div(&norm)?;
    for _ in 0..STEPS {
        let gram = x.matmul(&x.t()?)?;
        let polynomial = ((&gram * b)? + (gram.matmul(&gram)? * c)?)?;
        x = ((&x * a)? + polynomial.matmul(&x)?)?;
    }
    Ok(x)
}
