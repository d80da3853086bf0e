//! What the server says of an image.

use adder_model::{AllAnswers, ShadedMaps, Sum};
use serde::Serialize;

use crate::batcher::Looked;
use crate::request::Input;

/// The answer for a list of inputs.
#[derive(Serialize)]
pub(crate) struct List {
    pub(crate) answers: Vec<Reply>,
}

/// The answer for one input.
#[derive(Serialize)]
pub(crate) struct Reply {
    #[serde(flatten)]
    asked: Asked,
    /// Why the answer may be wrong.
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
enum Asked {
    One(Sum),
    All(AllAnswers),
}

impl Reply {
    pub(crate) fn new(input: Input, looked: Looked) -> Self {
        let Looked { answers, feature_maps } = looked;
        let decisive = &answers.sums[usize::from(input.addend.unwrap_or(0))];
        let mut warnings = input.warnings;
        warnings.extend(decisive.answer.doubts(decisive.addend));
        let seen = input.wanted.seen.then(|| input.image.pixels().to_vec());
        let asked = match input.addend {
            Some(_) => Asked::One(decisive.clone()),
            None => Asked::All(answers),
        };
        Self { asked, warnings, seen, feature_maps }
    }
}
