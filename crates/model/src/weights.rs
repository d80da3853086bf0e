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
//! A network that is given layer by layer has the names and shapes of [`Network::parameters`] and [`Network::norms`].
//!
//! The metadata holds `format` (`identity-adder`), `format_version`, `model` (the configuration as JSON) and whatever facts
//! of the training the writer adds.

use std::collections::BTreeSet;
use std::path::Path;

use adder_network::Network;

use crate::tensor_file::{self, Metadata, TensorFileError, TensorProblem, values, variances};
use crate::{ModelConfig, Result};

#[cfg(feature = "candle")]
pub use tensors::{from_safetensors, load};

/// The value of the metadata key `format`.
const FORMAT: &str = "identity-adder";
/// The version that this code writes and reads.
const VERSION: &str = "1";

/// Whether bytes are a safetensors file that says to be in this format, of whatever version. Nothing else of it is checked.
pub fn is_own(bytes: &[u8]) -> bool {
    tensor_file::open(bytes)
        .is_ok_and(|(metadata, _)| metadata.get("format").is_some_and(|format| format == FORMAT))
}

/// The metadata of a file in this format.
fn checked_metadata(bytes: &[u8]) -> Result<Metadata, TensorProblem> {
    let (metadata, _) = tensor_file::open(bytes)?;
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

/// The configuration in a file's metadata, and the metadata; `path` names the file in errors.
pub(crate) fn read_config(bytes: &[u8], path: &Path) -> Result<(ModelConfig, Metadata)> {
    let read = || {
        let metadata = checked_metadata(bytes)?;
        Ok((stored_config(&metadata)?, metadata))
    };
    Ok(read().map_err(|problem| TensorFileError { path: path.into(), problem })?)
}

/// The configuration that metadata hold under the key `model`.
///
/// # Errors
/// [`TensorProblem::Metadata`] where there is none or it can't be.
pub fn stored_config(metadata: &Metadata) -> Result<ModelConfig, TensorProblem> {
    let wrong = |expected: &str, found: String| TensorProblem::Metadata {
        key: "model",
        expected: expected.into(),
        found,
    };
    let json = "the network's configuration as JSON";
    let text = metadata.get("model").ok_or_else(|| wrong(json, "nothing".into()))?;
    let config: ModelConfig = serde_json::from_str(text).map_err(|error| wrong(json, error.to_string()))?;
    let impossible = |error: adder_network::Error| {
        wrong("a network that can be built", format!("one that can't ({error})"))
    };
    config.validate().map_err(impossible)?;
    Ok(config)
}

/// All that a network has learned.
pub(crate) struct Values {
    /// The parameters one behind the other, as [`Parameter::range`](adder_network::Parameter::range) says.
    pub(crate) params: Vec<f32>,
    /// Mean and variance of every norm.
    pub(crate) statistics: Vec<[Vec<f32>; 2]>,
}

/// The values that a network of this description has; a file with others is refused. `path` names it in errors.
pub(crate) fn read_values(bytes: &[u8], network: &Network, path: &Path) -> Result<Values> {
    let read = || -> Result<_, TensorProblem> {
        let (_, file) = tensor_file::open(bytes)?;
        let mut known = BTreeSet::new();
        let mut params = Vec::new();
        for parameter in network.parameters() {
            params.extend(values(&file, &parameter.name, &parameter.shape)?);
            known.insert(parameter.name.clone());
        }
        let mut statistics = Vec::new();
        for norm in network.norms() {
            let [mean, variance] = norm.buffer_names();
            statistics.push([
                values(&file, &mean, &[norm.channels])?,
                variances(&file, &variance, &[norm.channels])?,
            ]);
            known.extend([mean, variance]);
        }
        let unknown = file.names().into_iter().filter(|name| !known.contains(*name)).min();
        match unknown {
            Some(name) => Err(TensorProblem::Unknown(name.into())),
            None => Ok(Values { params, statistics }),
        }
    };
    Ok(read().map_err(|problem| TensorFileError { path: path.into(), problem })?)
}

/// A network on candle, written and read.
#[cfg(feature = "candle")]
mod tensors {
    use candle_core::{Device, Tensor};

    use super::{
        FORMAT, Metadata, Path, Result, TensorFileError, TensorProblem, VERSION, checked_metadata,
        read_config, read_values, tensor_file,
    };
    use crate::IdentityAdder;

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
            read_values(bytes, self.model().network(), path)?;
            Ok(tensor_file::decode_into(&self.state(), bytes, path)?)
        }
    }

    /// A network from the bytes of a safetensors file, built as its metadata says; `path` names the file in errors.
    ///
    /// # Errors
    /// As [`IdentityAdder::load_safetensors`], or where the configuration in the metadata is impossible.
    pub fn from_safetensors(bytes: &[u8], path: &Path, device: &Device) -> Result<(IdentityAdder, Metadata)> {
        let (config, _) = read_config(bytes, path)?;
        // Before anything is built: what the metadata ask for must be there.
        read_values(bytes, &config.network()?, path)?;
        let model = IdentityAdder::new(&config, 0, device)?;
        let metadata = tensor_file::decode_into(&model.state(), bytes, path)?;
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
}
