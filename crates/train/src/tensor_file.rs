//! Named f32 tensors as safetensors: written from variables, read back into them strictly.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use candle_core::{Tensor, Var};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

/// A file of tensors that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct TensorFileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: TensorProblem,
}

/// What is wrong with a file of tensors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TensorProblem {
    /// The bytes are not a safetensors file, or not a whole one.
    #[error("not a safetensors file: {0}")]
    Format(String),
    /// An expected tensor is not in the file.
    #[error("tensor `{0}` is missing")]
    Missing(String),
    /// A tensor of the file has no place.
    #[error("tensor `{0}` is unknown")]
    Unknown(String),
    /// A tensor has another shape or element type.
    #[error("tensor `{name}`: expected {expected}, found {found}")]
    Mismatch {
        /// The tensor.
        name: String,
        /// Element type and shape as they must be.
        expected: String,
        /// Element type and shape in the file.
        found: String,
    },
    /// A tensor holds a value that is infinite or not a number.
    #[error("tensor `{name}`: element {index} is {value}, expected finite numbers")]
    NotFinite {
        /// The tensor.
        name: String,
        /// The flat index of the first such element.
        index: usize,
        /// The element.
        value: f32,
    },
    /// candle could not take the values.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

/// The bytes of a safetensors file that holds `tensors`, f32 of any shape, and `metadata`.
pub(crate) fn encode(
    tensors: &[(String, Var)],
    metadata: &BTreeMap<String, String>,
) -> Result<Vec<u8>, candle_core::Error> {
    let bytes = tensors.iter().map(|(_, var)| {
        let values: Vec<f32> = var.flatten_all()?.to_vec1()?;
        Ok(values.iter().flat_map(|value| value.to_le_bytes()).collect())
    });
    let bytes = bytes.collect::<Result<Vec<Vec<u8>>, candle_core::Error>>()?;
    let views = tensors.iter().zip(&bytes).map(|((name, var), bytes)| {
        TensorView::new(Dtype::F32, var.dims().to_vec(), bytes).map(|view| (name.as_str(), view))
    });
    let views = views.collect::<Result<Vec<_>, _>>().map_err(candle_core::Error::wrap)?;
    let metadata: HashMap<_, _> = metadata.clone().into_iter().collect();
    safetensors::serialize(views, Some(metadata)).map_err(candle_core::Error::wrap)
}

/// Sets `tensors` to the values of a safetensors file, which must hold exactly these; returns its metadata. Nothing is
/// set where anything is wrong.
pub(crate) fn decode_into(
    tensors: &[(String, Var)],
    bytes: &[u8],
    path: &Path,
) -> Result<BTreeMap<String, String>, TensorFileError> {
    let attempt = || -> Result<_, TensorProblem> {
        let malformed = |error: safetensors::SafeTensorError| TensorProblem::Format(error.to_string());
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(malformed)?;
        let file = SafeTensors::deserialize(bytes).map_err(malformed)?;
        let is_unknown = |name: &&str| !tensors.iter().any(|(known, _)| known == name);
        if let Some(name) = file.names().into_iter().filter(is_unknown).min() {
            return Err(TensorProblem::Unknown(name.into()));
        }
        let loaded = tensors.iter().map(|(name, var)| read(&file, name, var));
        for ((_, var), tensor) in tensors.iter().zip(loaded.collect::<Result<Vec<_>, _>>()?) {
            var.set(&tensor)?;
        }
        Ok(header.metadata().clone().unwrap_or_default().into_iter().collect())
    };
    attempt().map_err(|problem| TensorFileError { path: path.into(), problem })
}

fn read(file: &SafeTensors, name: &str, var: &Var) -> Result<Tensor, TensorProblem> {
    let view = file.tensor(name).map_err(|_| TensorProblem::Missing(name.into()))?;
    if view.dtype() != Dtype::F32 || view.shape() != var.dims() {
        return Err(TensorProblem::Mismatch {
            name: name.into(),
            expected: format!("F32 {:?}", var.dims()),
            found: format!("{:?} {:?}", view.dtype(), view.shape()),
        });
    }
    let values: Vec<f32> =
        view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    if let Some(index) = values.iter().position(|value| !value.is_finite()) {
        return Err(TensorProblem::NotFinite { name: name.into(), index, value: values[index] });
    }
    Ok(Tensor::from_vec(values, var.dims(), var.device())?)
}
