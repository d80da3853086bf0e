//! SGD: the update of one tensor, in place on the CPU, by candle's operations on other devices.

use candle_core::{Result, Tensor, Var};

use super::elementwise::update3;
use super::optimizer::Optim;
use super::parameter::{Parameter, numbered};
use super::rule::{Rule, Step, Velocity};

/// SGD as PyTorch's `torch.optim.SGD` without dampening: with g the gradient, w the weight, v the velocity,
///
/// ```text
/// d = g + weight_decay * w
/// v = momentum * v + d
/// w = w - lr * (nesterov ? d + momentum * v : v)
/// ```
///
/// ```
/// use adder_nn::{Optimizer, ParamsSGD, SGD};
/// use candle_core::{Device, Var};
///
/// # fn main() -> candle_core::Result<()> {
/// let var = Var::new(&[1f32, -2.0], &Device::Cpu)?;
/// let mut plain = SGD::new(vec![var.clone()], 0.1)?;
/// plain.backward_step(&var.sqr()?.sum_all()?)?;
/// assert_eq!(var.to_vec1::<f32>()?, [0.8, -1.6]);
///
/// let params = ParamsSGD { lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 5e-4 };
/// let mut sgd = SGD::new(vec![var.clone()], params)?;
/// sgd.backward_step(&var.sqr()?.sum_all()?)?;
/// # Ok(())
/// # }
/// ```
///
/// # Differences from candle-nn
/// candle's SGD has no momentum and no weight decay. Here `new` takes a learning rate, as there, or [`ParamsSGD`]; in generic
/// code, where candle's trait is named, the configuration is the learning rate alone.
pub type SGD = Optim<ParamsSGD>;

/// The numbers of [`SGD`]; by default the learning rate is 0.01 and the rest is off. A number is a learning rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParamsSGD {
    /// The step size.
    pub lr: f64,
    /// How much of the last step's velocity stays.
    pub momentum: f64,
    /// Whether the step looks ahead along the new velocity.
    pub nesterov: bool,
    /// How much of the weight is added to its gradient, in parameters that decay.
    pub weight_decay: f64,
}

impl Default for ParamsSGD {
    fn default() -> Self {
        Self { lr: 0.01, momentum: 0.0, nesterov: false, weight_decay: 0.0 }
    }
}

impl From<f64> for ParamsSGD {
    fn from(lr: f64) -> Self {
        Self { lr, ..Self::default() }
    }
}

impl Rule for ParamsSGD {
    type Config = f64;
    type Memory = Velocity;

    fn learning_rate(&self) -> f64 {
        self.lr
    }

    fn set_learning_rate(&mut self, rate: f64) {
        self.lr = rate;
    }

    fn update(&self, step: Step, parameter: &Parameter, memory: &Velocity, gradient: &Tensor) -> Result<()> {
        let update = SgdUpdate {
            rate: (self.lr * step.settings.rate_factor) as f32,
            momentum: step.settings.momentum.unwrap_or(self.momentum) as f32,
            nesterov: self.nesterov,
            weight_decay: if parameter.decays { self.weight_decay as f32 } else { 0.0 },
        };
        match step.isa {
            Some(_) => update.in_place(&parameter.var, &memory.0, gradient),
            None => update.compose(&parameter.var, &memory.0, gradient),
        }
    }
}

// Not candle's `new` alone, whose one type of configuration leaves the choice between a number and all of them to no one.
impl Optim<ParamsSGD> {
    /// An optimizer at rest of those of `vars` that are of floats, all of which decay, under their numbers as names. Takes a
    /// learning rate or all of [`ParamsSGD`].
    ///
    /// # Errors
    /// Where the device has no room or `ADDER_ISA` asks for an instruction set that is not there.
    pub fn new(vars: Vec<Var>, params: impl Into<ParamsSGD>) -> Result<Self> {
        Ok(Self::with_parameters(numbered(vars), params.into())?)
    }

    /// Adds a variable, which decays and is named by its number.
    ///
    /// # Errors
    /// Where the device has no room.
    pub fn push(&mut self, var: &Var) -> Result<()> {
        self.add(var)
    }
}

/// The update of one parameter. PyTorch starts the velocity as the first d; starting at zero comes to the same, as there is no dampening.
#[derive(Clone, Copy, Debug)]
struct SgdUpdate {
    rate: f32,
    momentum: f32,
    nesterov: bool,
    weight_decay: f32,
}

impl SgdUpdate {
    /// Updates `weight` and `velocity` by `gradient`, all f32 on the CPU, contiguous and of one shape.
    fn in_place(self, weight: &Var, velocity: &Var, gradient: &Tensor) -> Result<()> {
        let Self { rate, momentum, nesterov, weight_decay } = self;
        update3(velocity, gradient, weight, |v, g, w| *v = momentum * *v + (g + weight_decay * w))?;
        update3(weight, gradient, velocity, |w, g, v| {
            let step = if nesterov { (g + weight_decay * *w) + momentum * v } else { v };
            *w -= rate * step;
        })
    }

    /// The same by candle's operations, the path of other devices and element types.
    fn compose(self, weight: &Var, velocity: &Var, gradient: &Tensor) -> Result<()> {
        let [rate, momentum, weight_decay] = [self.rate, self.momentum, self.weight_decay].map(f64::from);
        let descent = (gradient + (weight.as_tensor() * weight_decay)?)?;
        velocity.set(&((velocity.as_tensor() * momentum)? + &descent)?)?;
        let step = if self.nesterov {
            (descent + (velocity.as_tensor() * momentum)?)?
        } else {
            velocity.as_tensor().copy()?
        };
        weight.set(&(weight.as_tensor() - (step * rate)?)?)
    }
}
