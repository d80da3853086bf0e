//! Muon: the update of one convolution's filters, with the kernels on the CPU, by candle's operations on other devices.

use adder_kernels::Isa;
use adder_kernels::orthogonal::{COEFFICIENTS, LEAST_NORM, STEPS, orthogonalize};
use candle_core::{Device, Error, Result, Tensor, Var};
use candle_nn::ParamsAdamW;

use super::elementwise::{lerp, update2};
use super::optimizer::Optim;
use super::parameter::Parameter;
use super::rule::{Memory, Moments, Rule, Step, Velocity};
use super::schedule::Settings;

/// Muon (Jordan 2024) as PyTorch's `torch.optim.Muon` with `adjust_lr_fn="match_rms_adamw"`, for the filters of every
/// convolution with more than one input channel, `[outputs, inputs, height, width]`; [`AdamW`](super::AdamW) for the rest: the
/// first convolution, which sees the image and not features, linear layers, norms and biases. With G the gradient, W the
/// weight and V the velocity as matrices of one row for each output channel:
///
/// ```text
/// V = momentum * V + (1 - momentum) * G
/// D = nesterov ? momentum * V + (1 - momentum) * G : V
/// W = W - lr * weight_decay * W
/// W = W - lr * 0.2 * sqrt(max(rows, columns)) * orthogonalized(D)
/// ```
///
/// The matrix is brought near to an orthonormal one by five Newton-Schulz steps in `f32`, where PyTorch's are in bfloat16.
///
/// ```
/// use adder_nn::{Muon, Optimizer, ParamsMuon};
/// use candle_core::{DType, Device, Var};
///
/// # fn main() -> candle_core::Result<()> {
/// let filters = Var::randn(0f32, 0.1, (8, 4, 3, 3), &Device::Cpu)?;
/// let bias = Var::zeros(8, DType::F32, &Device::Cpu)?;
/// let mut optimizer = Muon::new(vec![filters.clone(), bias.clone()], ParamsMuon { lr: 0.02, ..Default::default() })?;
/// optimizer.backward_step(&(filters.sqr()?.sum_all()? + bias.sum_all()?)?)?;
/// let names: Vec<_> = optimizer.state().into_iter().map(|(name, _)| name).collect();
/// assert_eq!(names, ["velocity.0", "first_moment.1", "second_moment.1"]);
/// # Ok(())
/// # }
/// ```
///
/// # Differences from candle-nn
/// candle-nn has no Muon.
pub type Muon = Optim<ParamsMuon>;

/// The numbers of [`Muon`], by default those of PyTorch's but for the decay, which is off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParamsMuon {
    /// The step size.
    pub lr: f64,
    /// How much of the running mean of the gradient stays.
    pub momentum: f64,
    /// Whether the step looks ahead along the new mean.
    pub nesterov: bool,
    /// The part of the weight, times the learning rate, that is taken from it in a step, in parameters that decay.
    pub weight_decay: f64,
    /// AdamW's learning rate as a part of `lr`.
    pub adamw_factor: f64,
    /// AdamW: how much of the running mean of the gradient stays.
    pub beta1: f64,
    /// AdamW: how much of the running mean of the gradient's square stays.
    pub beta2: f64,
    /// AdamW: added to the root of the mean square.
    pub eps: f64,
}

impl Default for ParamsMuon {
    fn default() -> Self {
        let ParamsAdamW { lr, beta1, beta2, eps, .. } = ParamsAdamW::default();
        Self { lr, momentum: 0.95, nesterov: true, weight_decay: 0.0, adamw_factor: 1.0, beta1, beta2, eps }
    }
}

/// The memory of one parameter.
#[derive(Debug)]
pub enum MuonMemory {
    /// Of what Muon updates.
    Muon(Velocity),
    /// Of the rest.
    Adamw(Moments),
}

impl Memory for MuonMemory {
    fn new(weight: &Var) -> Result<Self> {
        match weight.dims() {
            [_, inputs, _, _] if *inputs > 1 => Ok(Self::Muon(Velocity::new(weight)?)),
            _ => Ok(Self::Adamw(Moments::new(weight)?)),
        }
    }

    fn tensors(&self) -> Vec<(&'static str, &Var)> {
        match self {
            Self::Muon(velocity) => velocity.tensors(),
            Self::Adamw(moments) => moments.tensors(),
        }
    }
}

impl Rule for ParamsMuon {
    type Config = Self;
    type Memory = MuonMemory;

    fn learning_rate(&self) -> f64 {
        self.lr
    }

    fn set_learning_rate(&mut self, rate: f64) {
        self.lr = rate;
    }

    fn update(
        &self,
        step: Step,
        parameter: &Parameter,
        memory: &MuonMemory,
        gradient: &Tensor,
    ) -> Result<()> {
        let velocity = match memory {
            MuonMemory::Muon(Velocity(velocity)) => velocity,
            MuonMemory::Adamw(moments) => {
                let (params, step) = self.adamw(step);
                return params.update(step, parameter, moments, gradient);
            }
        };
        let update = MuonUpdate {
            rate: self.lr * step.settings.rate_factor,
            momentum: step.settings.momentum.unwrap_or(self.momentum),
            nesterov: self.nesterov,
            weight_decay: if parameter.decays { self.weight_decay } else { 0.0 },
        };
        match step.isa {
            Some(isa) => update.in_place(isa, &parameter.var, velocity, gradient),
            None => update.compose(&parameter.var, velocity, gradient),
        }
    }
}

impl ParamsMuon {
    /// The rule of the parameters that Muon does not update, and its step. The schedule's factor comes first: the other order
    /// would round otherwise, and no run that was stopped before could resume with the same bits.
    fn adamw(&self, step: Step) -> (ParamsAdamW, Step) {
        let Self { beta1, beta2, eps, weight_decay, .. } = *self;
        let lr = self.lr * step.settings.rate_factor * self.adamw_factor;
        let settings = Settings { rate_factor: 1.0, ..step.settings };
        (ParamsAdamW { lr, beta1, beta2, eps, weight_decay }, Step { settings, ..step })
    }
}

/// The update of one convolution's filters.
#[derive(Clone, Copy, Debug)]
struct MuonUpdate {
    rate: f64,
    momentum: f64,
    nesterov: bool,
    weight_decay: f64,
}

impl MuonUpdate {
    /// Updates `weight` and `velocity` by `gradient`, all f32 [outputs, inputs, height, width] on the CPU.
    fn in_place(self, isa: Isa, weight: &Var, velocity: &Var, gradient: &Tensor) -> Result<()> {
        let matrix = self.direction(velocity, gradient)?;
        let shape @ [rows, columns] = matrix.dims2()?.into();
        let mut values = matrix.flatten_all()?.to_vec1()?;
        orthogonalize(isa, &mut values, shape).map_err(Error::wrap)?;
        let step = Tensor::from_vec(values, weight.shape(), &Device::Cpu)?;
        let (kept, size) = (self.kept() as f32, self.size(rows, columns) as f32);
        update2(weight, &step, |weight, step| *weight = kept * *weight - size * step)
    }

    /// The same by candle's operations, the path of other devices and element types.
    fn compose(self, weight: &Var, velocity: &Var, gradient: &Tensor) -> Result<()> {
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
