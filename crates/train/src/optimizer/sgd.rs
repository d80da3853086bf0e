//! SGD: the update of one tensor, in place on the CPU, by candle's operations on other devices.

use candle_core::{Device, Result, Tensor, Var};

use super::elementwise::update3;

/// PyTorch's rule, with g the gradient, w the weight, v the velocity:
///
/// ```text
/// d = g + weight_decay * w
/// v = momentum * v + d
/// w = w - rate * (nesterov ? d + momentum * v : v)
/// ```
///
/// PyTorch starts the velocity as the first d; starting at zero comes to the same, as there is no dampening.
#[derive(Clone, Copy, Debug)]
pub(super) struct SgdUpdate {
    pub(super) rate: f32,
    pub(super) momentum: f32,
    pub(super) nesterov: bool,
    pub(super) weight_decay: f32,
}

impl SgdUpdate {
    /// Updates `weight` and `velocity` by `gradient`, all f32, contiguous and of one shape.
    pub(super) fn apply(self, weight: &Var, velocity: &Var, gradient: &Tensor) -> Result<()> {
        let Self { rate, momentum, nesterov, weight_decay } = self;
        let Device::Cpu = weight.device() else { return self.compose(weight, velocity, gradient) };
        update3(velocity, gradient, weight, |v, g, w| *v = momentum * *v + (g + weight_decay * w))?;
        update3(weight, gradient, velocity, |w, g, v| {
            let step = if nesterov { (g + weight_decay * *w) + momentum * v } else { v };
            *w -= rate * step;
        })
    }

    /// The same by candle's operations, the path of devices for which there is no operation in place.
    pub(super) fn compose(self, weight: &Var, velocity: &Var, gradient: &Tensor) -> Result<()> {
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
