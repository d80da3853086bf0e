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

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use candle_core::{Device, Tensor, Var};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::error::WeightsProblem;
use crate::{Error, IdentityAdder, ModelConfig, Result};

/// The value of the metadata key `format`.
const FORMAT: &str = "identity-adder";
/// The version that this code writes and reads.
const VERSION: &str = "1";

impl IdentityAdder {
    /// Every tensor that a weights file holds, with its name: parameters, then running statistics.
    pub fn tensors(&self) -> Vec<(String, Tensor)> {
        self.state().into_iter().map(|(name, var)| (name, var.as_tensor().clone())).collect()
    }

    /// The network as the bytes of a safetensors file. `facts` go into the metadata: what trained it, how well it does.
    ///
    /// # Errors
    /// Where the device cannot be read or the file cannot be built.
    pub fn to_safetensors(&self, facts: &BTreeMap<String, String>) -> Result<Vec<u8>> {
        let mut metadata: HashMap<String, String> = facts.clone().into_iter().collect();
        metadata.insert("format".into(), FORMAT.into());
        metadata.insert("format_version".into(), VERSION.into());
        let config = serde_json::to_string(self.config()).map_err(candle_core::Error::wrap)?;
        metadata.insert("model".into(), config);
        let mut tensors = Vec::new();
        for (name, tensor) in self.tensors() {
            let values: Vec<f32> = tensor.flatten_all()?.to_vec1()?;
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            tensors.push((name, tensor.dims().to_vec(), bytes));
        }
        let views = tensors.iter().map(|(name, shape, bytes)| {
            TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (name.as_str(), view))
        });
        let views = views.collect::<Result<Vec<_>, _>>().map_err(candle_core::Error::wrap)?;
        let bytes = safetensors::serialize(views, Some(metadata)).map_err(candle_core::Error::wrap)?;
        Ok(with_sorted_header(&bytes).map_err(candle_core::Error::wrap)?)
    }

    /// Replaces every parameter and running statistic by those of a safetensors file; `path` names it in errors.
    /// Returns the file's metadata. Nothing is changed where anything is wrong.
    ///
    /// # Errors
    /// [`Error::Weights`]: tensors that are missing, unknown, misshapen or not finite, or metadata of another format.
    pub fn load_safetensors(&self, bytes: &[u8], path: &Path) -> Result<BTreeMap<String, String>> {
        let problem = |problem| Error::Weights { path: path.to_path_buf(), problem };
        let (file, metadata) = open(bytes).map_err(problem)?;
        let state = self.state();
        if let Some(name) = file.names().into_iter().filter(|name| !state.contains_key(*name)).min() {
            return Err(problem(WeightsProblem::Unknown(name.into())));
        }
        let mut loaded = Vec::with_capacity(state.len());
        for (name, var) in &state {
            loaded.push((var, values(&file, name, var.dims()).map_err(problem)?));
        }
        for (var, values) in loaded {
            var.set(&Tensor::from_vec(values, var.dims(), self.device())?)?;
        }
        Ok(metadata)
    }

    /// Every parameter and running statistic by its name.
    pub(crate) fn state(&self) -> BTreeMap<String, Var> {
        let parameters = self.parameters().iter().map(|p| (p.name.clone(), p.var.clone()));
        let buffers = self.buffers().into_iter().map(|(name, var)| (name, var.clone()));
        parameters.chain(buffers).collect()
    }
}

/// A network from the bytes of a safetensors file, built as its metadata says; `path` names the file in errors.
///
/// # Errors
/// As [`IdentityAdder::load_safetensors`], or where the configuration in the metadata is impossible.
pub fn from_safetensors(
    bytes: &[u8],
    path: &Path,
    device: &Device,
) -> Result<(IdentityAdder, BTreeMap<String, String>)> {
    let problem = |problem| Error::Weights { path: path.to_path_buf(), problem };
    let (_, metadata) = open(bytes).map_err(problem)?;
    let config = stored_config(&metadata).map_err(problem)?;
    let model = IdentityAdder::new(&config, 0, device)?;
    let metadata = model.load_safetensors(bytes, path)?;
    Ok((model, metadata))
}

/// A network from a safetensors file, built as its metadata says.
///
/// # Errors
/// As [`from_safetensors`], or where the file cannot be read.
pub fn load(path: &Path, device: &Device) -> Result<(IdentityAdder, BTreeMap<String, String>)> {
    let bytes = std::fs::read(path).map_err(|error| Error::Weights {
        path: path.to_path_buf(),
        problem: WeightsProblem::Unreadable(error.to_string()),
    })?;
    from_safetensors(&bytes, path, device)
}

/// The same file with the keys of its header in order. `safetensors` writes them in that of a hash map, another one in
/// every process; two runs that end with the same weights shall write the same bytes.
fn with_sorted_header(bytes: &[u8]) -> serde_json::Result<Vec<u8>> {
    let (length, rest) = bytes.split_at(8);
    let length = u64::from_le_bytes(length.try_into().expect("eight bytes")) as usize;
    let (header, data) = rest.split_at(length);
    let mut header: BTreeMap<String, serde_json::Value> = serde_json::from_slice(header)?;
    if let Some(metadata) = header.get_mut("__metadata__") {
        let sorted: BTreeMap<String, String> = serde_json::from_value(metadata.take())?;
        *metadata = serde_json::to_value(sorted)?;
    }
    let mut text = serde_json::to_string(&header)?;
    // The format aligns the data to eight bytes by spaces behind the header.
    text.push_str(&" ".repeat(text.len().next_multiple_of(8) - text.len()));
    Ok([&(text.len() as u64).to_le_bytes(), text.as_bytes(), data].concat())
}

fn open(bytes: &[u8]) -> Result<(SafeTensors<'_>, BTreeMap<String, String>), WeightsProblem> {
    let malformed = |error: safetensors::SafeTensorError| WeightsProblem::Format(error.to_string());
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(malformed)?;
    let file = SafeTensors::deserialize(bytes).map_err(malformed)?;
    let metadata: BTreeMap<String, String> =
        header.metadata().clone().unwrap_or_default().into_iter().collect();
    for (key, expected) in [("format", FORMAT), ("format_version", VERSION)] {
        match metadata.get(key) {
            Some(found) if found == expected => {}
            found => {
                let found = found.map_or("nothing".into(), |found| format!("`{found}`"));
                return Err(WeightsProblem::Metadata { key, expected: format!("`{expected}`"), found });
            }
        }
    }
    Ok((file, metadata))
}

fn stored_config(metadata: &BTreeMap<String, String>) -> Result<ModelConfig, WeightsProblem> {
    let wrong = |found: String| WeightsProblem::Metadata {
        key: "model",
        expected: "the network's configuration as JSON".into(),
        found,
    };
    let text = metadata.get("model").ok_or_else(|| wrong("nothing".into()))?;
    let config: ModelConfig = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
    config.validate().map_err(|error| wrong(error.to_string()))?;
    Ok(config)
}

fn values(file: &SafeTensors, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsProblem> {
    let view = file.tensor(name).map_err(|_| WeightsProblem::Missing(name.into()))?;
    if view.dtype() != Dtype::F32 || view.shape() != shape {
        return Err(WeightsProblem::Mismatch {
            name: name.into(),
            expected: format!("F32 {shape:?}"),
            found: format!("{:?} {:?}", view.dtype(), view.shape()),
        });
    }
    let values: Vec<f32> =
        view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => {
            Err(WeightsProblem::NotFinite { name: name.into(), index, value: values[index].to_string() })
        }
        None => Ok(values),
    }
}
