//! What a weights file says of itself.

use crate::ModelConfig;
use crate::tensor_file::{self, Metadata, TensorProblem};

/// The value of the metadata key `format`.
pub(crate) const FORMAT: &str = "identity-adder";
/// The version that this code writes and reads.
pub(crate) const VERSION: &str = "1";

/// The metadata of a file in this format.
pub(crate) fn checked_metadata(bytes: &[u8]) -> Result<Metadata, TensorProblem> {
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

/// The configuration that the metadata hold.
pub(crate) fn stored_config(metadata: &Metadata) -> Result<ModelConfig, TensorProblem> {
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
