//! The network as an ONNX file: inputs `image`, f32 `[batch, 1, 28, 28]`, normalized, and `addend`, int64 `[batch]`;
//! outputs `digit_logits`, f32 `[batch, 10]`, and `sum_logits`, f32 `[batch, 19]`.
//!
//! Of the operators that compute a network, those are taken that the most runtimes read: `docs/exporting.md` has the table.

mod builder;
mod graph;
mod messages;
mod operators;
mod options;
#[cfg(test)]
mod tests;

use adder_model::tensor_file::Metadata;
use adder_model::{IdentityAdder, Model};
use prost::Message;

use crate::{Error, Result};
use messages::{Entry, OperatorSet};
use options::Texts;
pub use options::{ClassInputs, LEAST_OPSET, MOST_OPSET, Options};

/// The bytes of an ONNX file. `facts` go into its metadata beside labels and normalisation.
///
/// # Errors
/// [`Error::Opset`], or where the device cannot be read.
pub fn encode(model: &IdentityAdder, options: &Options, facts: &Metadata) -> Result<Vec<u8>> {
    let texts = Texts {
        graph: "identity_adder",
        file: "Reads a handwritten digit and adds a number to it.",
        image: "light digit on dark ground",
    };
    encode_with(model.model(), options, &metadata(facts), &texts)
}

/// The bytes of an ONNX file of any network: inputs `image` and one for each one-hot input ([`ClassInputs`]), under its name;
/// outputs `{head}_logits`, f32 `[batch, classes]`. Other values have the names of their layers, with a number behind it where
/// that name is taken. `metadata` is the file's.
///
/// # Errors
/// As [`encode`].
pub fn encode_model(model: &Model, options: &Options, metadata: &Metadata) -> Result<Vec<u8>> {
    encode_with(model, options, metadata, &Texts { graph: "network", file: "", image: "image" })
}

fn encode_with(model: &Model, options: &Options, metadata: &Metadata, texts: &Texts<'_>) -> Result<Vec<u8>> {
    if !(LEAST_OPSET..=MOST_OPSET).contains(&options.opset) {
        return Err(Error::Opset { least: LEAST_OPSET, most: MOST_OPSET, found: options.opset });
    }
    let entries = metadata.iter().map(|(key, value)| Entry { key: key.clone(), value: value.clone() });
    let message = messages::Model {
        ir_version: options.ir_version(),
        producer_name: "identity-adder".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        doc_string: texts.file.into(),
        graph: Some(graph::graph(model, options, texts)?),
        opset_import: vec![OperatorSet { domain: String::new(), version: options.opset }],
        metadata_props: entries.collect(),
    };
    Ok(message.encode_to_vec())
}

fn metadata(facts: &Metadata) -> Metadata {
    let labels = |count: u8| (0..count).map(|label| label.to_string()).collect::<Vec<_>>().join(",");
    let own = [
        ("digit_labels", labels(10)),
        ("sum_labels", labels(19)),
        ("image", "28x28, light digit on dark ground".into()),
        ("normalisation", "(byte / 255 - 0.1307) / 0.3081".into()),
        ("licence", env!("CARGO_PKG_LICENSE").into()),
    ];
    let own = own.into_iter().map(|(key, value)| (key.to_owned(), value));
    let mut all: Metadata = facts.clone();
    all.extend(own);
    all
}
