//! AdamW: the update of one tensor, in place on the CPU, by candle's operations on other devices.

use candle_core::{Result, Tensor, Var};
use candle_nn::{Optimizer, ParamsAdamW};

use super::elementwise::{lerp, update2, update3};
use super::optimizer::Optim;
use super::parameter::Parameter;
use super::rule::{Moments, Rule, Step};

/// AdamW (Loshchilov and Hutter 2017) as PyTorch's `torch.optim.AdamW`: with g the gradient, w the weight, m and v its
/// moments, in step t, counted from 1,
///
/// ```text
/// w = w - lr * weight_decay * w
/// m = m + (1 - beta1) * (g - m)
/// v = beta2 * v + (1 - beta2) * g^2
/// w = w - lr / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + eps)
/// ```
///
/// The momentum that a schedule moves is beta1.
///
/// ```
/// use adder_nn::{AdamW, Optimizer, ParamsAdamW};
/// use candle_core::{Device, Var};
///
/// # fn main() -> candle_core::Result<()> {
/// let var = Var::new(&[1f32, -2.0], &Device::Cpu)?;
/// let mut optimizer = AdamW::new(vec![var.clone()], ParamsAdamW { lr: 0.1, weight_decay: 0.0, ..Default::default() })?;
/// optimizer.backward_step(&var.sqr()?.sum_all()?)?;
/// // The first step is of the learning rate, whatever the gradient.
/// assert!((var.to_vec1::<f32>()?[1] + 1.9).abs() < 1e-6);
/// assert_eq!(optimizer.state()[0].0, "first_moment.0");
/// # Ok(())
/// # }
/// ```
///
/// # Differences from candle-nn
/// The moments and the count of steps can be read, saved and loaded; given [`Parameter`]s, not every one decays.
/// The configuration is candle's own type.
pub type AdamW = Optim<ParamsAdamW>;

impl Optim<ParamsAdamW> {
    /// An optimizer with candle's (and PyTorch's) default numbers but for the learning rate, of those of `vars` that are of
    /// floats. All of them decay.
    ///
    /// # Errors
    /// As [`Optimizer::new`].
    pub fn new_lr(vars: Vec<Var>, learning_rate: f64) -> Result<Self> {
        Self::new(vars, ParamsAdamW { lr: learning_rate, ..ParamsAdamW::default() })
    }
}

impl Rule for ParamsAdamW {
    type Config = Self;
    type Memory = Moments;

    fn learning_rate(&self) -> f64 {
        self.lr
    }

    fn set_learning_rate(&mut self, rate: f64) {
        self.lr = rate;
    }

    fn update(&self, step: Step, parameter: &Parameter, memory: &Moments, gradient: &Tensor) -> Result<()> {
        let betas = [step.settings.momentum.unwrap_or(self.beta1), self.beta2];
        let decay = if parameter.decays { self.weight_decay } else { 0.0 };
        let rate = self.lr * step.settings.rate_factor;
        let update = AdamwUpdate::new(rate, betas, self.eps, decay, step.done);
        match step.isa {
            Some(_) => update.in_place(&parameter.var, &memory.0, gradient),
            None => update.compose(&parameter.var, &memory.0, gradient),
        }
    }
}

/// The update of one parameter.
#[derive(Clone, Copy, Debug)]
struct AdamwUpdate {
    /// The part of the weight that stays when it decays.
    kept: f32,
    /// `rate / (1 - beta1^t)`.
    step: f32,
    /// `1 / (1 - beta2^t)`.
    correction: f32,
    betas: [f64; 2],
    epsilon: f32,
}

impl AdamwUpdate {
    /// The update of the step that `done` others came before.
    fn new(rate: f64, betas: [f64; 2], epsilon: f64, weight_decay: f64, done: u64) -> Self {
        let [first, second] = betas.map(|beta| 1.0 - beta.powf(done as f64 + 1.0));
        Self {
            kept: (1.0 - rate * weight_decay) as f32,
            step: (rate / first) as f32,
            correction: (1.0 / second) as f32,
            betas,
            epsilon: epsilon as f32,
        }
    }

    /// Updates `weight` and its two moments by `gradient`, all f32 on the CPU, contiguous and of one shape.
    fn in_place(self, weight: &Var, moments: &[Var; 2], gradient: &Tensor) -> Result<()> {
        let Self { kept, step, correction, epsilon, .. } = self;
        let [first, second] = moments;
        lerp(first, gradient, 1.0 - self.betas[0])?;
        let (old, new) = (self.betas[1] as f32, (1.0 - self.betas[1]) as f32);
        update2(second, gradient, |v, g| *v = old * *v + new * (g * g))?;
        update3(weight, first, second, |w, m, v| {
            *w = kept * *w - step * (m / ((v * correction).sqrt() + epsilon));
        })
    }

    /// The same by candle's operations, the path of other devices and element types.
    fn compose(self, weight: &Var, [first, second]: &[Var; 2], gradient: &Tensor) -> Result<()> {
        let Self { kept, step, correction, epsilon, betas } = self;
        first.set(&(first.as_tensor() + ((gradient - first.as_tensor())? * (1.0 - betas[0]))?)?)?;
        second.set(&((second.as_tensor() * betas[1])? + (gradient.sqr()? * (1.0 - betas[1]))?)?)?;
        let root = ((second.as_tensor() * f64::from(correction))?.sqrt()? + f64::from(epsilon))?;
        let descent = ((first.as_tensor() / root)? * f64::from(step))?;
        weight.set(&((weight.as_tensor() * f64::from(kept))? - descent)?)
    }
}
