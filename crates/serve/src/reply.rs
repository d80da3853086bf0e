//! The JSON that answers for inputs.

use adder_model::{AllPredictions, ShadedMaps, Sum};
use adder_photo::Region;
use serde::Serialize;

use crate::batcher::ImageOutput;
use crate::error::ApiError;
use crate::request::{Input, OptionalFields, Part, Sight};

/// The answer for a list of inputs.
#[derive(Serialize)]
pub(crate) struct ListReply {
    pub(crate) answers: Vec<Reply>,
}

/// The answer for one input.
#[derive(Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub(crate) enum Reply {
    /// That of the one digit.
    Digit(Answer),
    /// Those of each digit, where each was asked for.
    Parts { parts: Vec<Answer> },
    /// No digit was found.
    Nothing { reason: String },
    /// Several were found where one was expected.
    Several { reason: String, boxes: Vec<Region> },
}

/// The answer for one image.
#[derive(Serialize)]
pub(crate) struct Answer {
    #[serde(flatten)]
    predicted: Predicted,
    /// The place of the digit in the picture, where it was looked for.
    #[serde(rename = "box", skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
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
    /// Takes as many outputs as the input has parts.
    pub(crate) fn new(
        input: Input,
        outputs: &mut impl Iterator<Item = ImageOutput>,
    ) -> Result<Self, ApiError> {
        let Input { sight, addend, optional } = input;
        let mut answers = |parts: Vec<Part>| -> Vec<Answer> {
            let pairs = parts.into_iter().zip(outputs.by_ref());
            pairs.map(|(part, output)| Answer::new(part, output, addend, optional)).collect()
        };
        Ok(match sight {
            Sight::One(part) => {
                let missing = || ApiError::Internal("an image has no answer".into());
                Self::Digit(answers(vec![part]).pop().ok_or_else(missing)?)
            }
            Sight::Each(parts) => Self::Parts { parts: answers(parts) },
            Sight::Nothing(reason) => Self::Nothing { reason },
            Sight::Several(reason, boxes) => Self::Several { reason, boxes },
        })
    }
}

impl Answer {
    fn new(part: Part, output: ImageOutput, addend: Option<u8>, optional: OptionalFields) -> Self {
        let Part { image, region, mut warnings } = part;
        let ImageOutput { answers, feature_maps } = output;
        let decisive = &answers.sums[usize::from(addend.unwrap_or(0))];
        // Pixels and raw pictures are nobody's guess.
        let unfamiliar = region.and_then(|_| image.doubt(decisive.answer.digit));
        warnings.extend(unfamiliar.map(|doubt| doubt.to_string()));
        warnings.extend(decisive.answer.doubts(decisive.addend));
        let seen = optional.seen.then(|| image.pixels().to_vec());
        let predicted = match addend {
            Some(_) => Predicted::One(decisive.clone()),
            None => Predicted::All(answers),
        };
        Self { predicted, region, warnings, seen, feature_maps }
    }
}
