//! candle's variables, written and read.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use candle_core::{Tensor, Var};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use super::{Metadata, TensorFileError, TensorProblem, open, values};

/// The bytes of a safetensors file that holds `tensors`, f32 of any shape, and `metadata`.
///
/// # Errors
/// Where the device cannot be read or the file cannot be built.
pub fn encode(tensors: &[(String, Var)], metadata: &Metadata) -> candle_core::Result<Vec<u8>> {
    let bytes = tensors.iter().map(|(_, var)| {
        let values: Vec<f32> = var.flatten_all()?.to_vec1()?;
        Ok(values.iter().flat_map(|value| value.to_le_bytes()).collect())
    });
    let bytes = bytes.collect::<candle_core::Result<Vec<Vec<u8>>>>()?;
    let views = tensors.iter().zip(&bytes).map(|((name, var), bytes)| {
        TensorView::new(Dtype::F32, var.dims().to_vec(), bytes).map(|view| (name.as_str(), view))
    });
    serialize(views.collect::<Result<Vec<_>, _>>().map_err(candle_core::Error::wrap)?, metadata)
}

/// The bytes of a safetensors file of tensors of any type, the same ones for the same tensors and metadata.
///
/// # Errors
/// Where the file cannot be built.
pub fn serialize(views: Vec<(&str, TensorView<'_>)>, metadata: &Metadata) -> candle_core::Result<Vec<u8>> {
    let metadata: HashMap<_, _> = metadata.clone().into_iter().collect();
    let file = safetensors::serialize(views, Some(metadata)).map_err(candle_core::Error::wrap)?;
    with_sorted_header(&file).map_err(candle_core::Error::wrap)
}

/// Sets `tensors` to the values of a safetensors file, which must hold exactly these; `path` names it in errors. Returns
/// its metadata. Nothing is set where anything is wrong with the file.
///
/// # Errors
/// [`TensorFileError`] with any [`TensorProblem`] but an unreadable file or wrong metadata.
pub fn decode_into(
    tensors: &[(String, Var)],
    bytes: &[u8],
    path: &Path,
) -> Result<Metadata, TensorFileError> {
    let attempt = || -> Result<_, TensorProblem> {
        let (metadata, file) = open(bytes)?;
        let is_unknown = |name: &&str| !tensors.iter().any(|(known, _)| known == name);
        if let Some(name) = file.names().into_iter().filter(is_unknown).min() {
            return Err(TensorProblem::Unknown(name.into()));
        }
        let loaded = tensors.iter().map(|(name, var)| read(&file, name, var));
        for ((name, var), tensor) in tensors.iter().zip(loaded.collect::<Result<Vec<_>, _>>()?) {
            var.set(&tensor).map_err(|error| on_device(name, &error))?;
        }
        Ok(metadata)
    };
    attempt().map_err(|problem| TensorFileError { path: path.into(), problem })
}

fn read(file: &SafeTensors<'_>, name: &str, var: &Var) -> Result<Tensor, TensorProblem> {
    let values = values(file, name, var.dims())?;
    Tensor::from_vec(values, var.dims(), var.device()).map_err(|error| on_device(name, &error))
}

fn on_device(name: &str, error: &candle_core::Error) -> TensorProblem {
    TensorProblem::Device { name: name.into(), reason: error.to_string() }
}

/// The same file with the keys of its header in order. `safetensors` writes them in that of a hash map, another one in
/// every process; two runs that end with the same weights shall write the same bytes.
fn with_sorted_header(file: &[u8]) -> serde_json::Result<Vec<u8>> {
    let (length, rest) = file.split_at(8);
    let length = u64::from_le_bytes(length.try_into().expect("eight bytes")) as usize;
    let (header, data) = rest.split_at(length);
    let mut header: BTreeMap<String, serde_json::Value> = serde_json::from_slice(header)?;
    if let Some(metadata) = header.get_mut("__metadata__") {
        let sorted: Metadata = serde_json::from_value(metadata.take())?;
        *metadata = serde_json::to_value(sorted)?;
    }
    let mut text = serde_json::to_string(&header)?;
    // The format aligns the data to eight bytes by spaces behind the header.
    text.push_str(&" ".repeat(text.len().next_multiple_of(8) - text.len()));
    Ok([&(text.len() as u64).to_le_bytes(), text.as_bytes(), data].concat())
}
