//! Weights as safetensors: stable names, checked metadata, strict loading.
//!
//! A file holds every parameter and every running statistic, all `f32`:
//!
//! | name | shape |
//! | --- | --- |
//! | `block{k}.conv.weight` | `[out, in, 3, 3]` |
//! | `block{k}.norm.{weight,bias,running_mean,running_var}` | `[out]` |
//! | `embedding.linear.weight` | `[embedding, features]` |
//! | `embedding.norm.{weight,bias,running_mean,running_var}` | `[embedding]` |
//! | `hidden.linear.weight` | `[hidden, embedding + 10]`, the addend's one-hot last |
//! | `hidden.norm.{weight,bias,running_mean,running_var}` | `[hidden]` |
//! | `digit.weight` | `[10, hidden]` |
//! | `sum.weight` | `[19, hidden]` |
//!
//! The metadata holds `format` (`identity-adder`), `format_version`, `model` (the configuration as JSON) and whatever facts
//! of the training the writer adds.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{Device, Tensor, Var};

use crate::tensor_file::{self, Metadata, TensorFileError, TensorProblem};
use crate::{IdentityAdder, ModelConfig, Result};

/// The value of the metadata key `format`.
const FORMAT: &str = "identity-adder";
/// The version that this code writes and reads.
const VERSION: &str = "1";

impl IdentityAdder {
    /// Every tensor that a weights file holds, with its name, in the order of the names.
    pub fn tensors(&self) -> Vec<(String, Tensor)> {
        self.state().into_iter().map(|(name, var)| (name, var.as_tensor().clone())).collect()
    }

    /// The network as the bytes of a safetensors file. `facts` go into the metadata: what trained it, how well it does.
    ///
    /// # Errors
    /// Where the device cannot be read or the file cannot be built.
    pub fn to_safetensors(&self, facts: &Metadata) -> Result<Vec<u8>> {
        let mut metadata = facts.clone();
        metadata.insert("format".into(), FORMAT.into());
        metadata.insert("format_version".into(), VERSION.into());
        let config = serde_json::to_string(self.config()).map_err(candle_core::Error::wrap)?;
        metadata.insert("model".into(), config);
        Ok(tensor_file::encode(&self.state(), &metadata)?)
    }

    /// Replaces every parameter and running statistic by those of a safetensors file; `path` names it in errors.
    /// Returns the file's metadata. Nothing is changed where anything is wrong.
    ///
    /// # Errors
    /// [`Error::Weights`](crate::Error::Weights): tensors that are missing, unknown, misshapen or not finite, or metadata
    /// of another format.
    pub fn load_safetensors(&self, bytes: &[u8], path: &Path) -> Result<Metadata> {
        checked_metadata(bytes).map_err(|problem| TensorFileError { path: path.into(), problem })?;
        Ok(tensor_file::decode_into(&self.state(), bytes, path)?)
    }

    /// Every parameter and running statistic with its name, in the order of the names.
    pub fn state(&self) -> Vec<(String, Var)> {
        let parameters = self.parameters().iter().map(|p| (p.name.clone(), p.var.clone()));
        let buffers = self.buffers().into_iter().map(|(name, var)| (name, var.clone()));
        parameters.chain(buffers).collect::<BTreeMap<_, _>>().into_iter().collect()
    }
}

/// A network from the bytes of a safetensors file, built as its metadata says; `path` names the file in errors.
///
/// # Errors
/// As [`IdentityAdder::load_safetensors`], or where the configuration in the metadata is impossible.
pub fn from_safetensors(bytes: &[u8], path: &Path, device: &Device) -> Result<(IdentityAdder, Metadata)> {
    let config = checked_metadata(bytes).and_then(|metadata| stored_config(&metadata));
    let config = config.map_err(|problem| TensorFileError { path: path.into(), problem })?;
    let model = IdentityAdder::new(&config, 0, device)?;
    let metadata = model.load_safetensors(bytes, path)?;
    Ok((model, metadata))
}

/// A network from a safetensors file, built as its metadata says.
///
/// # Errors
/// As [`from_safetensors`], or where the file cannot be read.
pub fn load(path: &Path, device: &Device) -> Result<(IdentityAdder, Metadata)> {
    let bytes = std::fs::read(path).map_err(|error| TensorFileError {
        path: path.into(),
        problem: TensorProblem::Unreadable(error.to_string()),
    })?;
    from_safetensors(&bytes, path, device)
}

/// The metadata of a file in this format.
fn checked_metadata(bytes: &[u8]) -> Result<Metadata, TensorProblem> {
    let metadata = tensor_file::metadata(bytes)?;
    for (key, expected) in [("format", FORMAT), ("format_version", VERSION)] {
        match metadata.get(key) {
            Some(found) if found == expected => {}
            found => {
                let found = found.map_or("nothing".into(), |found| format!("`{found}`"));
                return Err(TensorProblem::Metadata { key, expected: format!("`{expected}`"), found });
            }
        }
    }
    Ok(metadata)
}

fn stored_config(metadata: &Metadata) -> Result<ModelConfig, TensorProblem> {
    let wrong = |found: String| TensorProblem::Metadata {
        key: "model",
        expected: "the network's configuration as JSON".into(),
        found,
    };
    let text = metadata.get("model").ok_or_else(|| wrong("nothing".into()))?;
    let config: ModelConfig = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
    config.validate().map_err(|error| wrong(error.to_string()))?;
    Ok(config)
}
