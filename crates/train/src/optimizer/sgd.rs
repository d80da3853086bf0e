//! The update of one tensor: in place on the CPU, by candle's operations on other devices.

use candle_core::{CpuStorage, Device, InplaceOp3, Layout, Result, Var, bail};

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
pub(super) struct Update {
    pub(super) rate: f32,
    pub(super) momentum: f32,
    pub(super) nesterov: bool,
    pub(super) weight_decay: f32,
}

impl Update {
    /// Updates `weight` and `velocity` by `gradient`, all f32, contiguous and of one shape.
    pub(super) fn apply(self, weight: &Var, velocity: &Var, gradient: &candle_core::Tensor) -> Result<()> {
        match weight.device() {
            // In place: the composition below allocates five times for each tensor.
            Device::Cpu => {
                velocity.inplace_op3(gradient, weight, &VelocityOp(self))?;
                weight.inplace_op3(gradient, velocity, &WeightOp(self))
            }
            _ => self.compose(weight, velocity, gradient),
        }
    }

    /// The same by candle's operations, the path of devices for which there is no operation in place.
    pub(super) fn compose(self, weight: &Var, velocity: &Var, gradient: &candle_core::Tensor) -> Result<()> {
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

/// v = momentum * v + d, of (velocity, gradient, weight).
struct VelocityOp(Update);

impl InplaceOp3 for VelocityOp {
    fn name(&self) -> &'static str {
        "sgd-velocity"
    }

    fn cpu_fwd(
        &self,
        velocity: &mut CpuStorage,
        velocity_layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<()> {
        let Update { momentum, weight_decay, .. } = self.0;
        let (gradient, weight) = (values(gradient, gradient_layout)?, values(weight, weight_layout)?);
        for ((v, &g), &w) in values_mut(velocity, velocity_layout)?.iter_mut().zip(gradient).zip(weight) {
            *v = momentum * *v + (g + weight_decay * w);
        }
        Ok(())
    }
}

/// w = w - rate * step, of (weight, gradient, velocity); the velocity is already the new one.
struct WeightOp(Update);

impl InplaceOp3 for WeightOp {
    fn name(&self) -> &'static str {
        "sgd-weight"
    }

    fn cpu_fwd(
        &self,
        weight: &mut CpuStorage,
        weight_layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
        velocity: &CpuStorage,
        velocity_layout: &Layout,
    ) -> Result<()> {
        let Update { rate, momentum, nesterov, weight_decay } = self.0;
        let (gradient, velocity) = (values(gradient, gradient_layout)?, values(velocity, velocity_layout)?);
        for ((w, &g), &v) in values_mut(weight, weight_layout)?.iter_mut().zip(gradient).zip(velocity) {
            let step = if nesterov { (g + weight_decay * *w) + momentum * v } else { v };
            *w -= rate * step;
        }
        Ok(())
    }
}

fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(values), Some((start, end))) => Ok(&values[start..end]),
        _ => bail!("SGD takes contiguous f32 tensors"),
    }
}

fn values_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(values), Some((start, end))) => Ok(&mut values[start..end]),
        _ => bail!("SGD takes contiguous f32 tensors"),
    }
}
