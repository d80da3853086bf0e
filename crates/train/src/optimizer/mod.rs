//! Stochastic gradient descent with PyTorch's momentum, Nesterov and weight decay.
//!
//! candle's own SGD has no momentum, and the moments of its AdamW cannot be read, so that no run could go on exactly.
//! Here parameters are updated in a fixed order and the state is a file like the weights.

mod error;
mod gradients;
#[cfg(test)]
mod tests;
mod update;

use std::collections::BTreeMap;
use std::path::Path;

use adder_model::Parameter;
use candle_core::{Tensor, Var};
use serde::{Deserialize, Serialize};

pub use error::OptimizerError;
pub use gradients::Gradients;

use crate::config::{Invalid, check};
use adder_model::tensor_file::{self, TensorFileError};
use update::Update;

/// The section `[optimizer]`: PyTorch's `torch.optim.SGD` without dampening.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SgdConfig {
    /// The rate that the schedule's factor multiplies.
    pub learning_rate: f64,
    /// How much of the last step's velocity stays.
    pub momentum: f64,
    /// Whether the step looks ahead along the new velocity.
    pub nesterov: bool,
    /// Added to the gradient as this much of the weight, as PyTorch does (coupled). The weights and biases of norms do
    /// not decay.
    pub weight_decay: f64,
}

impl Default for SgdConfig {
    fn default() -> Self {
        Self { learning_rate: 0.01, momentum: 0.9, nesterov: false, weight_decay: 0.0 }
    }
}

impl SgdConfig {
    pub(crate) fn validate(&self) -> Result<(), Invalid> {
        let rate = self.learning_rate;
        check("optimizer.learning_rate", rate, f64::MIN_POSITIVE..=1000.0, "a number above 0, up to 1000")?;
        check("optimizer.momentum", self.momentum, 0.0..1.0, "a number from 0 to below 1")?;
        check("optimizer.weight_decay", self.weight_decay, 0.0..1.0, "a number from 0 to below 1")?;
        if self.nesterov && self.momentum == 0.0 {
            let expected = "false where optimizer.momentum is 0".into();
            return Err(Invalid { key: "optimizer.nesterov".into(), expected, found: "true".into() });
        }
        Ok(())
    }
}

/// The optimizer: what it updates and the velocity of each.
#[derive(Debug)]
pub struct Sgd {
    config: SgdConfig,
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    parameter: Parameter,
    /// As the parameter in shape and device; zero before the first step.
    velocity: Var,
}

impl Sgd {
    /// An optimizer at rest, of f32 `parameters` that it updates in this order.
    ///
    /// # Errors
    /// Where the device has no room.
    pub fn new(parameters: &[Parameter], config: SgdConfig) -> Result<Self, OptimizerError> {
        let slot = |parameter: &Parameter| -> Result<Slot, OptimizerError> {
            Ok(Slot {
                parameter: parameter.clone(),
                velocity: Var::from_tensor(&parameter.var.zeros_like()?)?,
            })
        };
        Ok(Self { config, slots: parameters.iter().map(slot).collect::<Result<_, _>>()? })
    }

    /// Updates every parameter by its gradient; `rate_factor` is the schedule's, on the configured learning rate.
    ///
    /// # Errors
    /// [`OptimizerError::Mismatch`] where a gradient has another shape than its parameter. Nothing is changed then.
    pub fn step(&mut self, gradients: &Gradients, rate_factor: f64) -> Result<(), OptimizerError> {
        gradients.check(self.slots.iter().map(|slot| &slot.parameter))?;
        for (slot, gradient) in self.slots.iter().zip(gradients.tensors()) {
            let update = Update {
                rate: (self.config.learning_rate * rate_factor) as f32,
                momentum: self.config.momentum as f32,
                nesterov: self.config.nesterov,
                weight_decay: if slot.parameter.decays { self.config.weight_decay as f32 } else { 0.0 },
            };
            update.apply(&slot.parameter.var, &slot.velocity, gradient)?;
        }
        Ok(())
    }

    /// The velocities as the bytes of a safetensors file, each named `velocity.` and the parameter's name.
    ///
    /// # Errors
    /// Where the device cannot be read.
    pub fn to_safetensors(&self, metadata: &BTreeMap<String, String>) -> Result<Vec<u8>, OptimizerError> {
        Ok(tensor_file::encode(&self.state(), metadata)?)
    }

    /// Replaces the velocities by those of a safetensors file; `path` names it in errors. Returns the file's metadata.
    /// Nothing is changed where anything is wrong.
    ///
    /// # Errors
    /// [`TensorFileError`]: tensors that are missing, unknown, misshapen or not finite.
    pub fn load_safetensors(
        &mut self,
        bytes: &[u8],
        path: &Path,
    ) -> Result<BTreeMap<String, String>, TensorFileError> {
        tensor_file::decode_into(&self.state(), bytes, path)
    }

    fn state(&self) -> Vec<(String, Var)> {
        self.slots
            .iter()
            .map(|slot| (format!("velocity.{}", slot.parameter.name), slot.velocity.clone()))
            .collect()
    }
}

/// Whether two tensors agree in shape, element type and device.
fn alike(a: &Tensor, b: &Tensor) -> bool {
    a.shape() == b.shape() && a.dtype() == b.dtype() && a.device().same_device(b.device())
}
