//! Muon: the update of one convolution's filters, with the kernels on the CPU, by candle's operations on other devices.

use adder_kernels::Isa;
use adder_kernels::orthogonal::{COEFFICIENTS, LEAST_NORM, STEPS, orthogonalize};
use candle_core::{Device, Error, Result, Tensor, Var};

use super::elementwise::{lerp, update2};

/// The rule of PyTorch's `torch.optim.Muon` with `adjust_lr_fn="match_rms_adamw"`, with G the gradient, W the weight and V
/// the velocity as matrices of one row for each output channel:
///
/// ```text
/// V = momentum * V + (1 - momentum) * G
/// D = nesterov ? momentum * V + (1 - momentum) * G : V
/// W = W - rate * weight_decay * W
/// W = W - rate * 0.2 * sqrt(max(rows, columns)) * orthogonalized(D)
/// ```
#[derive(Clone, Copy, Debug)]
pub(super) struct MuonUpdate {
    pub(super) isa: Isa,
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
        let Device::Cpu = weight.device() else { return self.compose(weight, velocity, gradient) };
        let matrix = self.direction(velocity, gradient)?;
        let shape @ [rows, columns] = matrix.dims2()?.into();
        let mut values = matrix.flatten_all()?.to_vec1()?;
        orthogonalize(self.isa, &mut values, shape).map_err(Error::wrap)?;
        let step = Tensor::from_vec(values, weight.shape(), &Device::Cpu)?;
        let (kept, size) = (self.kept() as f32, self.size(rows, columns) as f32);
        update2(weight, &step, |weight, step| *weight = kept * *weight - size * step)
    }

    /// The same by candle's operations, the path of devices for which there are no kernels.
    pub(super) fn compose(self, weight: &Var, velocity: &Var, gradient: &Tensor) -> Result<()> {
        let matrix = self.direction(velocity, gradient)?;
        let (rows, columns) = matrix.dims2()?;
        let step = (orthogonalized(&matrix)? * self.size(rows, columns))?.reshape(weight.shape())?;
        weight.set(&((weight.as_tensor() * self.kept())? - step)?)
    }

    /// Updates the velocity and returns the direction, [outputs, inputs * height * width].
    fn direction(self, velocity: &Var, gradient: &Tensor) -> Result<Tensor> {
        lerp(velocity, gradient, 1.0 - self.momentum)?;
        let direction = if self.nesterov {
            (gradient + ((velocity.as_tensor() - gradient)? * self.momentum)?)?
        } else {
            velocity.as_tensor().clone()
        };
        direction.flatten_from(1)
    }

    /// The part of the weight that stays when it decays.
    fn kept(self) -> f64 {
        1.0 - self.rate * self.weight_decay
    }

    /// The length of the step.
    fn size(self, rows: usize, columns: usize) -> f64 {
        self.rate * 0.2 * (rows.max(columns) as f64).sqrt()
    }
}

/// [`orthogonalize`] by candle's operations.
fn orthogonalized(matrix: &Tensor) -> Result<Tensor> {
    let [a, b, c] = COEFFICIENTS.map(f64::from);
    let (rows, columns) = matrix.dims2()?;
    if rows > columns {
        return orthogonalized(&matrix.t()?.contiguous()?)?.t();
    }
    let norm = matrix.sqr()?.sum_all()?.sqrt()?.maximum(f64::from(LEAST_NORM))?;
    let mut x = matrix.broadcast_div(&norm)?;
    for _ in 0..STEPS {
        let gram = x.matmul(&x.t()?)?;
        let polynomial = ((&gram * b)? + (gram.matmul(&gram)? * c)?)?;
        x = ((&x * a)? + polynomial.matmul(&x)?)?;
    }
    Ok(x)
}
