//! The body of a request, read into images and addends.

use std::path::Path;

use adder_photo::{Digit, Found, NetworkImage, Picture, Region};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde::Deserialize;

use crate::Limits;
use crate::base64;
use crate::error::ApiError;
use crate::memory::DecodingMemory;

/// One input to be answered.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) sight: Sight,
    /// `None` asks for all ten.
    pub(crate) addend: Option<u8>,
    pub(crate) optional: OptionalFields,
}

/// What there is to see in an input.
#[derive(Debug)]
pub(crate) enum Sight {
    /// The image or the digit that was asked for.
    One(Part),
    /// Each digit, where each was asked for.
    Each(Vec<Part>),
    /// No digit, and why.
    Nothing(String),
    /// Several digits where one was expected: what is to be said of it, and their places.
    Several(String, Vec<Region>),
}

/// One image that the network reads.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) image: NetworkImage,
    /// The place in the picture, where it was looked for.
    pub(crate) region: Option<Region>,
    pub(crate) warnings: Vec<String>,
}

impl Sight {
    /// The images that the network is to read.
    pub(crate) fn parts(&self) -> &[Part] {
        match self {
            Self::One(part) => std::slice::from_ref(part),
            Self::Each(parts) => parts,
            Self::Nothing(_) | Self::Several(..) => &[],
        }
    }

    fn of_image(image: NetworkImage, each: bool) -> Self {
        let part = Part { image, region: None, warnings: Vec::new() };
        if each { Self::Each(vec![part]) } else { Self::One(part) }
    }

    fn of_picture(picture: &Picture, each: bool) -> Self {
        let part = |digit: Digit| Part {
            warnings: digit.doubts.iter().map(ToString::to_string).collect(),
            region: Some(digit.region),
            image: digit.image,
        };
        match picture.find(each) {
            Found::One(digit) => Self::One(part(digit)),
            Found::Each(digits) => Self::Each(digits.into_iter().map(part).collect()),
            Found::Nothing(reason) => Self::Nothing(reason.to_string()),
            Found::Several(digits, reason) => {
                Self::Several(reason.to_string(), digits.iter().map(|digit| digit.region).collect())
            }
        }
    }
}

/// The fields that the answer has only if they are asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OptionalFields {
    /// The image that the network reads.
    pub(crate) seen: bool,
    /// The feature maps of each block.
    pub(crate) feature_maps: bool,
}

/// The inputs of a request, and whether it was a list.
#[derive(Debug)]
pub(crate) struct Inputs {
    pub(crate) inputs: Vec<Input>,
    pub(crate) is_list: bool,
}

/// `?addend=7&each=true&raw=true&seen=true&feature_maps=true`, for a body that is a picture.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    addend: Option<u8>,
    #[serde(default)]
    each: bool,
    #[serde(default)]
    raw: bool,
    #[serde(default)]
    seen: bool,
    #[serde(default)]
    feature_maps: bool,
}

/// The JSON body.
#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    List(ListBody),
    One(InputBody),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListBody {
    inputs: Vec<InputBody>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InputBody {
    /// A picture file in base64.
    image: Option<String>,
    /// The image that the network reads: 784 bytes, row by row.
    pixels: Option<Vec<u8>>,
    addend: Option<u8>,
    #[serde(default)]
    each: bool,
    #[serde(default)]
    raw: bool,
    #[serde(default)]
    seen: bool,
    #[serde(default)]
    feature_maps: bool,
}

/// What a body is read within.
pub(crate) struct Bounds<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) memory: &'a DecodingMemory,
}

/// How a picture is looked at.
#[derive(Clone, Copy)]
struct Look {
    each: bool,
    raw: bool,
}

/// Reads a body; decoding pictures makes this a matter of milliseconds.
pub(crate) fn read(
    headers: &HeaderMap,
    query: Query,
    body: &[u8],
    bounds: &Bounds,
) -> Result<Inputs, ApiError> {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if media == "application/json" {
        return json(body, bounds);
    }
    if media.starts_with("image/") || media == "application/octet-stream" {
        let Query { addend, each, raw, seen, feature_maps } = query;
        let optional = OptionalFields { seen, feature_maps };
        let sight = picture(body, Look { each, raw }, bounds)?;
        return Ok(Inputs { inputs: vec![finish(sight, addend, optional)?], is_list: false });
    }
    let found = if media.is_empty() { "none" } else { &media };
    Err(ApiError::MediaType(format!("content-type: expected application/json or image/..., found {found}")))
}

/// A small body is JSON of pixels most of the time: quick enough to be read where it arrived.
pub(crate) fn is_quick(headers: &HeaderMap, body: &[u8]) -> bool {
    let is_json =
        headers.get(CONTENT_TYPE).is_some_and(|media| media.as_bytes().starts_with(b"application/json"));
    is_json && body.len() < 8192 && !body.windows(7).any(|word| word == b"\"image\"")
}

fn json(body: &[u8], bounds: &Bounds) -> Result<Inputs, ApiError> {
    // An object with `inputs` is a list; deciding first gives the errors of one form, not of both.
    let shape = "expected {\"pixels\" or \"image\": ..., \"addend\": N} or {\"inputs\": [...]}";
    let value: serde_json::Value =
        serde_json::from_slice(body).map_err(|error| ApiError::Bad(format!("not JSON: {error}")))?;
    let wrong = |error: serde_json::Error| ApiError::Bad(format!("{error}; {shape}"));
    let parsed = match value.get("inputs") {
        Some(_) => Body::List(serde_json::from_value(value).map_err(wrong)?),
        None => Body::One(serde_json::from_value(value).map_err(wrong)?),
    };
    let (bodies, is_list) = match parsed {
        Body::List(list) => (list.inputs, true),
        Body::One(one) => (vec![one], false),
    };
    if bodies.is_empty() {
        return Err(ApiError::Bad("inputs: expected at least one".into()));
    }
    if bodies.len() > bounds.limits.images {
        let (most, found) = (bounds.limits.images, bodies.len());
        return Err(ApiError::TooLarge(format!("inputs: expected at most {most}, found {found}")));
    }
    let inputs = bodies.into_iter().enumerate().map(|(index, body)| {
        input(body, bounds).map_err(|problem| match problem {
            ApiError::Bad(message) if is_list => ApiError::Bad(format!("inputs[{index}]: {message}")),
            other => other,
        })
    });
    Ok(Inputs { inputs: inputs.collect::<Result<_, _>>()?, is_list })
}

fn input(body: InputBody, bounds: &Bounds) -> Result<Input, ApiError> {
    let InputBody { image, pixels, addend, each, raw, seen, feature_maps } = body;
    let sight = match (image, pixels) {
        (Some(text), None) => {
            let file = base64::decode(&text).map_err(|problem| ApiError::Bad(format!("image: {problem}")))?;
            picture(&file, Look { each, raw }, bounds)?
        }
        (None, Some(pixels)) => {
            let found = pixels.len();
            let image = NetworkImage::from_pixels(&pixels)
                .ok_or_else(|| ApiError::Bad(format!("pixels: expected 784 bytes, found {found}")))?;
            Sight::of_image(image, each)
        }
        _ => return Err(ApiError::Bad("expected either `image` or `pixels`".into())),
    };
    finish(sight, addend, OptionalFields { seen, feature_maps })
}

fn picture(file: &[u8], look: Look, bounds: &Bounds) -> Result<Sight, ApiError> {
    let _loan = Picture::decoding_memory(file).map(|bytes| bounds.memory.lend(bytes));
    let picture = Picture::decode_within(file, Path::new("image"), bounds.limits.picture);
    let picture = picture.map_err(|error| ApiError::Bad(error.to_string()))?;
    Ok(match look.raw {
        true => Sight::of_image(picture.raw(), look.each),
        false => Sight::of_picture(&picture, look.each),
    })
}

fn finish(sight: Sight, addend: Option<u8>, optional: OptionalFields) -> Result<Input, ApiError> {
    match addend {
        Some(addend) if addend > 9 => Err(ApiError::Bad(format!("addend: expected 0 to 9, found {addend}"))),
        addend => Ok(Input { sight, addend, optional }),
    }
}
