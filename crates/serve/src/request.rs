//! The body of a request, read into images and addends.

use std::path::Path;

use adder_photo::{Digit, Found, NetworkImage, Picture, Region};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde::Deserialize;

use crate::Limits;
use crate::base64;
use crate::error::ApiError;
use crate::json::{self, Body, InputBody};
use crate::memory::DecodingMemory;

/// A body of so many bytes is read where it arrived, if it is no picture.
const QUICK: usize = 8 << 10;

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

impl OptionalFields {
    fn of(seen: Option<bool>, feature_maps: Option<bool>) -> Self {
        Self { seen: seen.unwrap_or(false), feature_maps: feature_maps.unwrap_or(false) }
    }
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
    each: Option<bool>,
    raw: Option<bool>,
    seen: Option<bool>,
    feature_maps: Option<bool>,
}

impl Query {
    /// The first name that stands in the query.
    fn name(&self) -> Option<&'static str> {
        let names = [
            ("addend", self.addend.is_some()),
            ("each", self.each.is_some()),
            ("raw", self.raw.is_some()),
            ("seen", self.seen.is_some()),
            ("feature_maps", self.feature_maps.is_some()),
        ];
        names.into_iter().find_map(|(name, stands)| stands.then_some(name))
    }
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

impl Look {
    fn of(each: Option<bool>, raw: Option<bool>) -> Self {
        Self { each: each.unwrap_or(false), raw: raw.unwrap_or(false) }
    }
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
        return match query.name() {
            Some(name) => Err(ApiError::Bad(format!(
                "query: expected nothing beside a JSON body, which says it, found {name}"
            ))),
            None => json(body, bounds),
        };
    }
    if media.starts_with("image/") || media == "application/octet-stream" {
        let Query { addend, each, raw, seen, feature_maps } = query;
        let optional = OptionalFields::of(seen, feature_maps);
        let sight = picture(body, Look::of(each, raw), bounds)?;
        return Ok(Inputs { inputs: vec![finish(sight, addend, optional)?], is_list: false });
    }
    let found = if media.is_empty() { "none" } else { &media };
    Err(ApiError::MediaType(format!("content-type: expected application/json or image/..., found {found}")))
}

/// A small body is JSON of pixels most of the time: quick enough to be read where it arrived.
pub(crate) fn is_quick(headers: &HeaderMap, body: &[u8]) -> bool {
    let is_json =
        headers.get(CONTENT_TYPE).is_some_and(|media| media.as_bytes().starts_with(b"application/json"));
    is_json && body.len() <= QUICK && !body.windows(7).any(|word| word == b"\"image\"")
}

fn json(body: &[u8], bounds: &Bounds) -> Result<Inputs, ApiError> {
    let most = bounds.limits.images;
    let too_many = |found| ApiError::TooLarge(format!("inputs: expected at most {most}, found {found}"));
    // Before there are values, which take more memory than their text.
    if body.len() > QUICK && json::count(body) > most {
        return Err(too_many(json::count(body)));
    }
    let (bodies, is_list) = match json::parse(body).map_err(ApiError::Bad)? {
        Body::List(list) => (list, true),
        Body::One(one) => (vec![*one], false),
    };
    if bodies.is_empty() {
        return Err(ApiError::Bad("inputs: expected at least one".into()));
    }
    if bodies.len() > most {
        return Err(too_many(bodies.len()));
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
    let InputBody { image, pixels, addend, each, raw, seen, feature_maps, .. } = body;
    let sight = match (image, pixels) {
        (Some(text), None) => {
            let file = base64::decode(&text).map_err(|problem| ApiError::Bad(format!("image: {problem}")))?;
            picture(&file, Look::of(each, raw), bounds)?
        }
        (None, Some(pixels)) => {
            let found = pixels.len();
            let image = NetworkImage::from_pixels(&pixels)
                .ok_or_else(|| ApiError::Bad(format!("pixels: expected 784 bytes, found {found}")))?;
            Sight::of_image(image, each.unwrap_or(false))
        }
        _ => return Err(ApiError::Bad("expected either `image` or `pixels`".into())),
    };
    finish(sight, addend, OptionalFields::of(seen, feature_maps))
}

fn picture(file: &[u8], look: Look, bounds: &Bounds) -> Result<Sight, ApiError> {
    let most = bounds.limits.pixels;
    if let Some(found) = Picture::stored_pixels(file).filter(|&found| found > most) {
        return Err(ApiError::TooLarge(format!("image: expected at most {most} pixels, found {found}")));
    }
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
