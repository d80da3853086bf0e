//! A network on candle, written and read.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{Device, Tensor, Var};

use super::format::{FORMAT, VERSION, checked_metadata, stored_config};
use crate::tensor_file::{self, Metadata, TensorFileError, TensorProblem};
use crate::{IdentityAdder, Result};

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
