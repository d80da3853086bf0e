//! Weights that a run begins with in place of drawn ones, and the record of where they came from.

use std::path::{Path, PathBuf};

use adder_model::IdentityAdder;
use adder_model::tensor_file::Metadata;
use serde::{Deserialize, Serialize};

use crate::manifest::Checksum;

/// Weights to begin a run with: fine-tuning.
#[derive(Clone, Debug, PartialEq)]
pub struct InitialWeights {
    /// The name that errors and the run's record give them.
    path: PathBuf,
    /// A safetensors file of them, without facts.
    bytes: Vec<u8>,
    facts: Metadata,
}

/// The origin of a run's first weights: the file `origin.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The file or run that they were taken from, as it was named, or `pretrained`.
    pub weights: String,
    /// The checksum of them all as a safetensors file of this project without facts.
    pub checksum: Checksum,
    /// The facts of their training.
    pub facts: Metadata,
}

impl InitialWeights {
    /// The weights and running statistics of `model`, which was read from `path`; `facts` are those of its training.
    ///
    /// # Errors
    /// Where the device cannot be read.
    pub fn new(path: &Path, model: &IdentityAdder, facts: Metadata) -> Result<Self, adder_model::Error> {
        Ok(Self { path: path.to_owned(), bytes: model.to_safetensors(&Metadata::default())?, facts })
    }

    /// The name that they were given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The record of them.
    pub fn origin(&self) -> Origin {
        Origin {
            weights: self.path.display().to_string(),
            checksum: Checksum::of(&self.bytes),
            facts: self.facts.clone(),
        }
    }

    /// Puts them in place of all that `model` has.
    ///
    /// # Errors
    /// [`adder_model::Error::Weights`] where the networks differ, naming the tensor and both shapes.
    pub(crate) fn load_into(&self, model: &IdentityAdder) -> Result<(), adder_model::Error> {
        model.load_safetensors(&self.bytes, &self.path).map(drop)
    }
}
