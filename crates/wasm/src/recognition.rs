//! The recognition of the digit in a picture.

use std::path::Path;

use adder_model::{Addends, AllPredictions, Predictor, ShadedMaps};
use adder_photo::{Digit, Found, MAX_SIDE, MIN_SIDE, Picture, Region};
use serde::Serialize;

/// The recognition of a picture, in the words and the order of the server's API.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Recognition {
    /// One digit.
    Digit(Part),
    /// Each digit, line by line from left to right, where each was asked for.
    Parts {
        /// One at least.
        parts: Vec<Part>,
    },
    /// No digit.
    Nothing {
        /// Why there is none.
        reason: String,
    },
    /// Several digits where one was expected.
    Several {
        /// What is to be said of it.
        reason: String,
        /// Their places.
        boxes: Vec<Region>,
    },
}

/// The answers for one digit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// The answers for all ten addends.
    #[serde(flatten)]
    pub answers: AllPredictions,
    /// The place of the digit in the picture.
    #[serde(rename = "box")]
    pub region: Region,
    /// The reasons why they may be wrong.
    pub warnings: Vec<String>,
    /// The image that the network read, `[28 * 28]` bytes, row by row.
    pub seen: Vec<u8>,
    /// The feature maps of each block.
    pub feature_maps: Vec<ShadedMaps>,
}

/// The error of a picture that gets no answer, in the form of the server's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorReply {
    error: ErrorBody,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct ErrorBody {
    code: &'static str,
    message: String,
}

/// A network that recognizes digits in pictures: the built-in one, or another.
#[derive(Debug)]
pub struct Recognizer(Predictor);

impl Recognizer {
    /// Unpacks the built-in network.
    ///
    /// # Errors
    /// Code `internal` if it cannot be used.
    pub fn pretrained() -> Result<Self, ErrorReply> {
        Ok(Self(Predictor::pretrained().map_err(internal)?))
    }

    /// Reads a network of any size from the bytes of a weights file, as a run or `adder import` writes it.
    ///
    /// # Errors
    /// Code `bad_request` with what is wrong with them.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, ErrorReply> {
        let read = Predictor::from_safetensors(bytes, Path::new("weights"));
        let unfit = |error: adder_model::Error| ErrorReply {
            error: ErrorBody { code: "bad_request", message: error.to_string() },
        };
        Ok(Self(read.map_err(unfit)?.0))
    }

    /// Finds and recognizes the digit in a picture, or each; `pixels` are red, green, blue and alpha, `[height * width * 4]`,
    /// row by row.
    ///
    /// # Errors
    /// Code `bad_request` if there are more or fewer bytes, or a side is too short or too long.
    pub fn recognize(
        &self,
        width: u32,
        height: u32,
        pixels: Vec<u8>,
        each: bool,
    ) -> Result<Recognition, ErrorReply> {
        let found = pixels.len();
        let picture = Picture::from_rgba(width, height, pixels).ok_or_else(|| ErrorReply {
            error: ErrorBody {
                code: "bad_request",
                message: format!(
                    "picture: expected sides of {MIN_SIDE} to {MAX_SIDE} pixels and four bytes a pixel, found \
                     {width}x{height} and {found} bytes"
                ),
            },
        })?;
        Ok(match picture.find(each) {
            Found::One(digit) => Recognition::Digit(self.part(&digit)?),
            Found::Each(digits) => {
                let parts = digits.iter().map(|digit| self.part(digit));
                Recognition::Parts { parts: parts.collect::<Result<_, _>>()? }
            }
            Found::Nothing(reason) => Recognition::Nothing { reason: reason.to_string() },
            Found::Several(digits, reason) => Recognition::Several {
                reason: reason.to_string(),
                boxes: digits.iter().map(|digit| digit.region).collect(),
            },
        })
    }

    fn part(&self, digit: &Digit) -> Result<Part, ErrorReply> {
        let bytes = digit.image.pixels();
        let image: Vec<f32> = bytes.iter().map(|&byte| adder_model::normalize(f32::from(byte))).collect();
        let prediction = self.0.predict_batch(&image, Addends::All).map_err(internal)?;
        let answers = prediction.by_image().next().ok_or_else(|| internal("no answer"))?;
        let feature_maps = self.0.feature_maps(&image).map_err(internal)?;
        let doubts = digit.doubts.iter().copied().chain(digit.image.doubt(answers.digit));
        let mut warnings: Vec<String> = doubts.map(|doubt| doubt.to_string()).collect();
        warnings.extend(answers.sums.iter().take(1).flat_map(|sum| sum.answer.doubts(sum.addend)));
        let feature_maps = feature_maps.iter().map(ShadedMaps::from).collect();
        Ok(Part { answers, region: digit.region, warnings, seen: bytes.to_vec(), feature_maps })
    }
}

fn internal(error: impl std::fmt::Display) -> ErrorReply {
    ErrorReply { error: ErrorBody { code: "internal", message: error.to_string() } }
}
