//! The body of a request, read into images and addends.

use std::path::Path;

use adder_photo::{NetworkImage, Picture};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::Limits;
use crate::error::ApiError;

/// One image to be read.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) image: NetworkImage,
    /// `None` asks for all ten.
    pub(crate) addend: Option<u8>,
    pub(crate) warnings: Vec<String>,
    pub(crate) optional: OptionalFields,
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

/// `?addend=7&raw=true&seen=true&feature_maps=true`, for a body that is a picture.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    addend: Option<u8>,
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
    raw: bool,
    #[serde(default)]
    seen: bool,
    #[serde(default)]
    feature_maps: bool,
}

/// Reads a body; decoding pictures makes this a matter of milliseconds.
pub(crate) fn read(
    headers: &HeaderMap,
    query: Query,
    body: &[u8],
    limits: &Limits,
) -> Result<Inputs, ApiError> {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if media == "application/json" {
        return json(body, limits);
    }
    if media.starts_with("image/") || media == "application/octet-stream" {
        let Query { addend, raw, seen, feature_maps } = query;
        let optional = OptionalFields { seen, feature_maps };
        let input = picture(body, raw, limits).and_then(|input| finish(input, addend, optional))?;
        return Ok(Inputs { inputs: vec![input], is_list: false });
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

fn json(body: &[u8], limits: &Limits) -> Result<Inputs, ApiError> {
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
    if bodies.len() > limits.images {
        let (most, found) = (limits.images, bodies.len());
        return Err(ApiError::TooLarge(format!("inputs: expected at most {most}, found {found}")));
    }
    let inputs = bodies.into_iter().enumerate().map(|(index, body)| {
        input(body, limits).map_err(|problem| match problem {
            ApiError::Bad(message) if is_list => ApiError::Bad(format!("inputs[{index}]: {message}")),
            other => other,
        })
    });
    Ok(Inputs { inputs: inputs.collect::<Result<_, _>>()?, is_list })
}

fn input(body: InputBody, limits: &Limits) -> Result<Input, ApiError> {
    let InputBody { image, pixels, addend, raw, seen, feature_maps } = body;
    let read = match (image, pixels) {
        (Some(text), None) => {
            let file = STANDARD
                .decode(text)
                .map_err(|error| ApiError::Bad(format!("image: not base64: {error}")))?;
            picture(&file, raw, limits)?
        }
        (None, Some(pixels)) => {
            let found = pixels.len();
            let image = NetworkImage::from_pixels(&pixels)
                .ok_or_else(|| ApiError::Bad(format!("pixels: expected 784 bytes, found {found}")))?;
            (image, Vec::new())
        }
        _ => return Err(ApiError::Bad("expected either `image` or `pixels`".into())),
    };
    finish(read, addend, OptionalFields { seen, feature_maps })
}

fn picture(file: &[u8], raw: bool, limits: &Limits) -> Result<(NetworkImage, Vec<String>), ApiError> {
    let picture = Picture::decode_within(file, Path::new("image"), limits.picture);
    let picture = picture.map_err(|error| ApiError::Bad(error.to_string()))?;
    if raw {
        return Ok((picture.raw(), Vec::new()));
    }
    let digit = picture.digit().map_err(|error| ApiError::Bad(error.to_string()))?;
    Ok((digit.image, digit.doubts.iter().map(ToString::to_string).collect()))
}

fn finish(
    (image, warnings): (NetworkImage, Vec<String>),
    addend: Option<u8>,
    optional: OptionalFields,
) -> Result<Input, ApiError> {
    match addend {
        Some(addend) if addend > 9 => Err(ApiError::Bad(format!("addend: expected 0 to 9, found {addend}"))),
        addend => Ok(Input { image, addend, warnings, optional }),
    }
}
