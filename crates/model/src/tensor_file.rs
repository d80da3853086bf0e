//! Named f32 tensors as safetensors: the same tensors give the same bytes, and are read back strictly.

mod header;
#[cfg(feature = "candle")]
mod variables;

use std::collections::BTreeMap;
use std::path::PathBuf;

use safetensors::tensor::Dtype;
use safetensors::{SafeTensorError, SafeTensors};

#[cfg(feature = "candle")]
pub use variables::{decode_into, encode, serialize};

/// The metadata of a file.
pub type Metadata = BTreeMap<String, String>;

/// A file of tensors that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct TensorFileError {
    /// The file, or a description of where the bytes came from.
    pub path: PathBuf,
    /// The problem.
    pub problem: TensorProblem,
}

/// The problem of a file of tensors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TensorProblem {
    /// The file could not be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// The bytes are not a safetensors file, or not a whole one.
    #[error("not a safetensors file that can be read: {0}")]
    Format(String),
    /// The metadata lacks a key or holds one that is not understood.
    #[error("metadata `{key}`: expected {expected}, found {found}")]
    Metadata {
        /// The key of the metadata.
        key: &'static str,
        /// The value that it must hold.
        expected: String,
        /// The value that it holds.
        found: String,
    },
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
        /// The element, as text.
        value: String,
    },
    /// A running variance holds a value below zero.
    #[error("tensor `{name}`: element {index} is {value}, expected a variance of 0 or more")]
    Negative {
        /// The tensor.
        name: String,
        /// The flat index of the first such element.
        index: usize,
        /// The element, as text.
        value: String,
    },
    /// The device did not take the values.
    #[error("tensor `{name}`: {reason}")]
    Device {
        /// The tensor.
        name: String,
        /// candle's reason.
        reason: String,
    },
}

/// A safetensors file, its header held to the format: every name stands there once, and all values that it promises are there.
///
/// # Errors
/// [`TensorProblem::Format`].
pub fn open(bytes: &[u8]) -> Result<(Metadata, SafeTensors<'_>), TensorProblem> {
    header::check(bytes).map_err(TensorProblem::Format)?;
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(malformed)?;
    let file = SafeTensors::deserialize(bytes).map_err(malformed)?;
    Ok((header.metadata().clone().unwrap_or_default().into_iter().collect(), file))
}

/// The values of one tensor of a file, which must have this shape.
pub(crate) fn values(file: &SafeTensors<'_>, name: &str, shape: &[usize]) -> Result<Vec<f32>, TensorProblem> {
    let view = file.tensor(name).map_err(|_| TensorProblem::Missing(name.into()))?;
    if view.dtype() != Dtype::F32 || view.shape() != shape {
        return Err(TensorProblem::Mismatch {
            name: name.into(),
            expected: format!("F32 {shape:?}"),
            found: format!("{:?} {:?}", view.dtype(), view.shape()),
        });
    }
    let values: Vec<f32> =
        view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    check_values(name, &values, false)?;
    Ok(values)
}

/// The values of a running variance.
pub(crate) fn variances(
    file: &SafeTensors<'_>,
    name: &str,
    shape: &[usize],
) -> Result<Vec<f32>, TensorProblem> {
    let values = values(file, name, shape)?;
    check_values(name, &values, true)?;
    Ok(values)
}

/// Whether values are such as a network can have: finite, and, those of a running variance, not negative.
///
/// # Errors
/// [`TensorProblem::NotFinite`] and [`TensorProblem::Negative`].
pub fn check_values(name: &str, values: &[f32], variance: bool) -> Result<(), TensorProblem> {
    if let Some(index) = values.iter().position(|value| !value.is_finite()) {
        let value = values[index].to_string();
        return Err(TensorProblem::NotFinite { name: name.into(), index, value });
    }
    match values.iter().position(|value| variance && *value < 0.0) {
        Some(index) => {
            let value = values[index].to_string();
            Err(TensorProblem::Negative { name: name.into(), index, value })
        }
        None => Ok(()),
    }
}

/// The library's problems with a header that is one of the format.
fn malformed(error: SafeTensorError) -> TensorProblem {
    TensorProblem::Format(match error {
        SafeTensorError::InvalidOffset(name) => {
            format!("tensor `{}`: its values lie over another's or behind a gap", name.escape_debug())
        }
        SafeTensorError::TensorInvalidInfo => {
            "a tensor has more or fewer bytes than its shape asks for".into()
        }
        SafeTensorError::ValidationOverflow => "a tensor has more elements than can be counted".into(),
        SafeTensorError::MisalignedSlice => "a tensor's elements end within a byte".into(),
        other => other.to_string(),
    })
}
