//! The JSON that answers for images.

use adder_model::{AllPredictions, ShadedMaps, Sum};
use serde::Serialize;

use crate::batcher::ImageOutput;
use crate::request::Input;

/// The answer for a list of inputs.
#[derive(Serialize)]
pub(crate) struct ListReply {
    pub(crate) answers: Vec<Reply>,
}

/// The answer for one input.
#[derive(Serialize)]
pub(crate) struct Reply {
    #[serde(flatten)]
    predicted: Predicted,
    /// The reasons why the answer may be wrong.
    warnings: Vec<String>,
    /// 784 bytes, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<Vec<u8>>,
    /// One for each block, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    feature_maps: Option<Vec<ShadedMaps>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Predicted {
    One(Sum),
    All(AllPredictions),
}

impl Reply {
    pub(crate) fn new(input: Input, output: ImageOutput) -> Self {
        let ImageOutput { answers, feature_maps } = output;
        let decisive = &answers.sums[usize::from(input.addend.unwrap_or(0))];
        let mut warnings = input.warnings;
        warnings.extend(decisive.answer.doubts(decisive.addend));
        let seen = input.optional.seen.then(|| input.image.pixels().to_vec());
        let predicted = match input.addend {
            Some(_) => Predicted::One(decisive.clone()),
            None => Predicted::All(answers),
        };
        Self { predicted, warnings, seen, feature_maps }
    }
}
