//! SGD with PyTorch's momentum, Nesterov and weight decay, AdamW, and Muon.
//!
//! candle's own SGD has no momentum, and the moments of its AdamW cannot be read, so that no run could resume exactly.
//! Here parameters are updated in a fixed order and the state is a file like the weights.

mod adamw;
pub(crate) mod config;
pub(crate) mod elementwise;
pub(crate) mod error;
pub(crate) mod gradients;
mod muon;
mod sgd;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use adder_kernels::Isa;
use adder_model::Parameter;
use candle_core::Var;

pub use config::{OptimizerConfig, OptimizerKind};
pub use error::OptimizerError;
pub use gradients::Gradients;

use crate::schedule::Settings;
use adamw::AdamwUpdate;
use adder_model::tensor_file::{self, TensorFileError};
use muon::MuonUpdate;
use sgd::SgdUpdate;

/// The optimizer: what it updates and what it remembers of each.
#[derive(Debug)]
pub struct Optimizer {
    config: OptimizerConfig,
    isa: Isa,
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    parameter: Parameter,
    memory: Memory,
}

/// The memory of a parameter for its rule: tensors as it in shape and device, zero before the first step.
#[derive(Debug)]
enum Memory {
    Sgd { velocity: Var },
    Adamw { moments: [Var; 2] },
    Muon { velocity: Var },
}

impl Memory {
    fn new(kind: OptimizerKind, parameter: &Var) -> candle_core::Result<Self> {
        let zeros = || Var::from_tensor(&parameter.zeros_like()?);
        Ok(match kind {
            OptimizerKind::Sgd => Self::Sgd { velocity: zeros()? },
            OptimizerKind::Muon if MuonUpdate::takes(parameter.dims()) => Self::Muon { velocity: zeros()? },
            OptimizerKind::Adamw | OptimizerKind::Muon => Self::Adamw { moments: [zeros()?, zeros()?] },
        })
    }

    /// The tensors with the names that they are saved under, before the parameter's.
    fn named(&self) -> Vec<(&'static str, &Var)> {
        match self {
            Self::Sgd { velocity } | Self::Muon { velocity } => vec![("velocity", velocity)],
            Self::Adamw { moments: [first, second] } => {
                vec![("first_moment", first), ("second_moment", second)]
            }
        }
    }
}

impl Optimizer {
    /// An optimizer at rest, of f32 `parameters` that it updates in this order.
    ///
    /// # Errors
    /// Where the device has no room; [`OptimizerError::Isa`] where `ADDER_ISA` asks for what is not there.
    pub fn new(parameters: &[Parameter], config: OptimizerConfig) -> Result<Self, OptimizerError> {
        let slot = |parameter: &Parameter| -> Result<Slot, OptimizerError> {
            let memory = Memory::new(config.kind, &parameter.var)?;
            Ok(Slot { parameter: parameter.clone(), memory })
        };
        let isa = Isa::from_environment()?;
        Ok(Self { config, isa, slots: parameters.iter().map(slot).collect::<Result<_, _>>()? })
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
        for (Slot { parameter, memory }, gradient) in self.slots.iter().zip(gradients.tensors()) {
            let Parameter { var: weight, decays, .. } = parameter;
            match memory {
                Memory::Sgd { velocity } => self.sgd(settings, *decays).apply(weight, velocity, gradient)?,
                Memory::Adamw { moments } => {
                    self.adamw(settings, *decays, done).apply(weight, moments, gradient)?;
                }
                Memory::Muon { velocity } => {
                    self.muon(settings, *decays).apply(weight, velocity, gradient)?
                }
            }
        }
        Ok(())
    }

    fn sgd(&self, settings: Settings, decays: bool) -> SgdUpdate {
        SgdUpdate {
            rate: self.rate(settings) as f32,
            momentum: settings.momentum.unwrap_or(self.config.momentum) as f32,
            nesterov: self.config.nesterov,
            weight_decay: self.weight_decay(decays) as f32,
        }
    }

    fn adamw(&self, settings: Settings, decays: bool, done: u64) -> AdamwUpdate {
        let factor = if self.config.kind == OptimizerKind::Muon { self.config.adamw_factor } else { 1.0 };
        let [first_beta, second_beta] = self.config.betas;
        let betas = [settings.momentum.unwrap_or(first_beta), second_beta];
        let decay = self.weight_decay(decays);
        AdamwUpdate::new(self.rate(settings) * factor, betas, self.config.epsilon, decay, done)
    }

    fn muon(&self, settings: Settings, decays: bool) -> MuonUpdate {
        MuonUpdate {
            isa: self.isa,
            rate: self.rate(settings),
            momentum: settings.momentum.unwrap_or(self.config.momentum),
            nesterov: self.config.nesterov,
            weight_decay: self.weight_decay(decays),
        }
    }

    fn rate(&self, settings: Settings) -> f64 {
        self.config.learning_rate * settings.rate_factor
    }

    fn weight_decay(&self, decays: bool) -> f64 {
        if decays { self.config.weight_decay } else { 0.0 }
    }

    /// The memory as the bytes of a safetensors file, each tensor named `velocity.`, or `first_moment.` and
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
        let tensors = |slot: &Slot| {
            let named = |(name, var): (&str, &Var)| (format!("{name}.{}", slot.parameter.name), var.clone());
            slot.memory.named().into_iter().map(named).collect::<Vec<_>>()
        };
        self.slots.iter().flat_map(tensors).collect()
    }
}
