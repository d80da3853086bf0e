//! SGD with PyTorch's momentum, Nesterov and weight decay, and AdamW.
//!
//! candle's own SGD has no momentum, and the moments of its AdamW cannot be read, so that no run could go on exactly.
//! Here parameters are updated in a fixed order and the state is a file like the weights.

mod adamw;
mod config;
mod elementwise;
mod error;
mod gradients;
mod sgd;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use adder_model::Parameter;
use candle_core::{Tensor, Var};

pub use config::{OptimizerConfig, OptimizerKind};
pub(crate) use elementwise::approach;
pub use error::OptimizerError;
pub use gradients::Gradients;

use crate::schedule::Settings;
use adamw::AdamwUpdate;
use adder_model::tensor_file::{self, TensorFileError};
use sgd::SgdUpdate;

/// The optimizer: what it updates and what it remembers of each.
#[derive(Debug)]
pub struct Optimizer {
    config: OptimizerConfig,
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    parameter: Parameter,
    /// As the parameter in shape and device; zero before the first step.
    memory: Vec<Var>,
}

impl OptimizerKind {
    /// What is remembered of each parameter.
    fn memory(self) -> &'static [&'static str] {
        match self {
            Self::Sgd => &["velocity"],
            Self::Adamw => &["first_moment", "second_moment"],
        }
    }
}

impl Optimizer {
    /// An optimizer at rest, of f32 `parameters` that it updates in this order.
    ///
    /// # Errors
    /// Where the device has no room.
    pub fn new(parameters: &[Parameter], config: OptimizerConfig) -> Result<Self, OptimizerError> {
        let slot = |parameter: &Parameter| -> Result<Slot, OptimizerError> {
            let zeros = |_: &&str| Var::from_tensor(&parameter.var.zeros_like()?);
            let memory = config.kind.memory().iter().map(zeros).collect::<candle_core::Result<_>>()?;
            Ok(Slot { parameter: parameter.clone(), memory })
        };
        Ok(Self { config, slots: parameters.iter().map(slot).collect::<Result<_, _>>()? })
    }

    /// Updates every parameter by its gradient as `settings` of the schedule say, in the step that `done` others came
    /// before.
    ///
    /// # Errors
    /// [`OptimizerError::Mismatch`] where a gradient has another shape than its parameter. Nothing is changed then.
    pub fn step(
        &mut self,
        gradients: &Gradients,
        settings: Settings,
        done: u64,
    ) -> Result<(), OptimizerError> {
        gradients.check(self.slots.iter().map(|slot| &slot.parameter))?;
        for (slot, gradient) in self.slots.iter().zip(gradients.tensors()) {
            let weight = &slot.parameter.var;
            match &slot.memory[..] {
                [velocity] => self.sgd(settings, slot.parameter.decays).apply(weight, velocity, gradient)?,
                [first, second] => {
                    let update = self.adamw(settings, slot.parameter.decays, done);
                    update.apply(weight, [first, second], gradient)?;
                }
                _ => unreachable!("SGD remembers one tensor and AdamW two"),
            }
        }
        Ok(())
    }

    fn sgd(&self, settings: Settings, decays: bool) -> SgdUpdate {
        SgdUpdate {
            rate: (self.config.learning_rate * settings.rate_factor) as f32,
            momentum: settings.momentum.unwrap_or(self.config.momentum) as f32,
            nesterov: self.config.nesterov,
            weight_decay: if decays { self.config.weight_decay as f32 } else { 0.0 },
        }
    }

    fn adamw(&self, settings: Settings, decays: bool, done: u64) -> AdamwUpdate {
        let rate = self.config.learning_rate * settings.rate_factor;
        let [first_beta, second_beta] = self.config.betas;
        let betas = [settings.momentum.unwrap_or(first_beta), second_beta];
        let decay = if decays { self.config.weight_decay } else { 0.0 };
        AdamwUpdate::new(rate, betas, self.config.epsilon, decay, done)
    }

    /// What is remembered as the bytes of a safetensors file, each tensor named `velocity.`, or `first_moment.` and
    /// `second_moment.`, and the parameter's name.
    ///
    /// # Errors
    /// Where the device cannot be read.
    pub fn to_safetensors(&self, metadata: &BTreeMap<String, String>) -> Result<Vec<u8>, OptimizerError> {
        Ok(tensor_file::encode(&self.state(), metadata)?)
    }

    /// Replaces what is remembered by that of a safetensors file; `path` names it in errors. Returns the file's metadata.
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
        let names = self.config.kind.memory();
        let tensors = |slot: &Slot| {
            let named = |(name, var): (&&str, &Var)| (format!("{name}.{}", slot.parameter.name), var.clone());
            names.iter().zip(&slot.memory).map(named).collect::<Vec<_>>()
        };
        self.slots.iter().flat_map(tensors).collect()
    }
}

/// Whether two tensors agree in shape, element type and device.
fn alike(a: &Tensor, b: &Tensor) -> bool {
    a.shape() == b.shape() && a.dtype() == b.dtype() && a.device().same_device(b.device())
}
