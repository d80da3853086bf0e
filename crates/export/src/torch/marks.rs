//! What a safetensors file for PyTorch says of itself in its metadata, beside what others have there.

use adder_model::tensor_file::{self, Metadata, TensorProblem};
use adder_model::{ModelConfig, weights};

use super::names::COUNT;

/// The front of the keys that are ours.
const OWN: &str = "identity-adder.";
/// The key of the network's configuration, behind [`OWN`]; files of before had it alone.
const MODEL: &str = "model";

/// Keys of a weights file that say nothing of its training.
const NOT_FACTS: [&str; 3] = ["format", "format_version", MODEL];

/// Whether a safetensors file has PyTorch's counts of batches. Exports of before have the mark of our own weights files too, which
/// never have such counts.
pub(crate) fn has_counts(file: &[u8]) -> bool {
    tensor_file::open(file).is_ok_and(|(_, file)| file.names().iter().any(|name| name.ends_with(COUNT)))
}

/// The metadata of a file: the framework that its names belong to, the network's configuration, and `facts`.
pub(crate) fn written(facts: &Metadata, config: String) -> Metadata {
    let own = facts.iter().filter(|(key, _)| !NOT_FACTS.contains(&key.as_str()));
    let mut metadata: Metadata = own.map(|(key, value)| (format!("{OWN}{key}"), value.clone())).collect();
    metadata.insert(format!("{OWN}{MODEL}"), config);
    metadata.insert("format".into(), "pt".into());
    metadata
}

/// The configuration that the metadata of a file hold, where they do, and the facts of ours in them.
///
/// # Errors
/// Where the configuration is under our own key and can't be.
pub(crate) fn read(metadata: &Metadata) -> Result<(Option<ModelConfig>, Metadata), TensorProblem> {
    let own =
        metadata.iter().filter_map(|(key, value)| Some((key.strip_prefix(OWN)?.to_owned(), value.clone())));
    let mut facts: Metadata = own.collect();
    if facts.contains_key(MODEL) {
        let config = weights::stored_config(&facts)?;
        facts.remove(MODEL);
        return Ok((Some(config), facts));
    }
    // Files of before, in whose metadata everything was ours. In others `model` may be any text.
    match weights::stored_config(metadata) {
        Ok(config) => {
            let mut facts = metadata.clone();
            for key in NOT_FACTS {
                facts.remove(key);
            }
            Ok((Some(config), facts))
        }
        Err(_) => Ok((None, Metadata::new())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(pairs: &[(&str, &str)]) -> Metadata {
        pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
    }

    #[test]
    fn what_is_written_is_read_and_what_is_foreign_is_not() {
        let config = ModelConfig { hidden: 32, ..ModelConfig::default() };
        let json = serde_json::to_string(&config).unwrap();
        let facts = metadata(&[("epochs", "3"), ("format", "identity-adder"), ("model", "x")]);
        let written = written(&facts, json.clone());
        assert_eq!(written["format"], "pt");
        assert!(written.keys().all(|key| key == "format" || key.starts_with("identity-adder.")));
        let expected = (Some(config.clone()), metadata(&[("epochs", "3")]));
        assert_eq!(read(&written).unwrap(), expected);
        // As files of before have it.
        assert_eq!(read(&metadata(&[("epochs", "3"), ("model", &json)])).unwrap(), expected);
        for foreign in [&[][..], &[("model", "resnet"), ("format", "pt")], &[("note", "\u{fc}n\u{ef}code")]] {
            assert_eq!(read(&metadata(foreign)).unwrap(), (None, Metadata::new()));
        }
        assert!(read(&metadata(&[("identity-adder.model", "resnet")])).is_err());
    }
}
