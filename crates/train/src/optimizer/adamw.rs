//! AdamW: the update of one tensor, in place on the CPU, by candle's operations on other devices.

use candle_core::{Device, Result, Tensor, Var};

use super::elementwise::{lerp, update2, update3};

/// PyTorch's rule, with g the gradient, w the weight, m and v its moments, in step t, counted from 1:
///
/// ```text
/// w = w - rate * weight_decay * w
/// m = m + (1 - beta1) * (g - m)
/// v = beta2 * v + (1 - beta2) * g^2
/// w = w - rate / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + epsilon)
/// ```
#[derive(Clone, Copy, Debug)]
pub(super) struct AdamwUpdate {
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
    pub(super) fn new(rate: f64, betas: [f64; 2], epsilon: f64, weight_decay: f64, done: u64) -> Self {
        let [first, second] = betas.map(|beta| 1.0 - beta.powf(done as f64 + 1.0));
        Self {
            kept: (1.0 - rate * weight_decay) as f32,
            step: (rate / first) as f32,
            correction: (1.0 / second) as f32,
            betas,
            epsilon: epsilon as f32,
        }
    }

    /// Updates `weight` and its two moments by `gradient`, all f32, contiguous and of one shape.
    pub(super) fn apply(self, weight: &Var, moments: &[Var; 2], gradient: &Tensor) -> Result<()> {
        let Device::Cpu = weight.device() else { return self.compose(weight, moments, gradient) };
        let Self { kept, step, correction, epsilon, .. } = self;
        let [first, second] = moments;
        lerp(first, gradient, 1.0 - self.betas[0])?;
        let (old, new) = (self.betas[1] as f32, (1.0 - self.betas[1]) as f32);
        update2(second, gradient, |v, g| *v = old * *v + new * (g * g))?;
        update3(weight, first, second, |w, m, v| {
            *w = kept * *w - step * (m / ((v * correction).sqrt() + epsilon));
        })
    }

    /// The same by candle's operations, the path of devices for which there is no operation in place.
    pub(super) fn compose(self, weight: &Var, [first, second]: &[Var; 2], gradient: &Tensor) -> Result<()> {
        let Self { kept, step, correction, epsilon, betas } = self;
        first.set(&(first.as_tensor() + ((gradient - first.as_tensor())? * (1.0 - betas[0]))?)?)?;
        second.set(&((second.as_tensor() * betas[1])? + (gradient.sqr()? * (1.0 - betas[1]))?)?)?;
        let root = ((second.as_tensor() * f64::from(correction))?.sqrt()? + f64::from(epsilon))?;
        let descent = ((first.as_tensor() / root)? * f64::from(step))?;
        weight.set(&((weight.as_tensor() * f64::from(kept))? - descent)?)
    }
}
