//! The JSON body of a request: objects are objects, every name stands once, and unknown names are refused.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

/// What is expected of a body.
const SHAPE: &str = "expected {\"pixels\" or \"image\": ..., \"addend\": N} or {\"inputs\": [...]}";

/// A body.
pub(crate) enum Body {
    List(Vec<InputBody>),
    One(Box<InputBody>),
}

/// One input, or a list of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InputBody {
    /// A list in the place of all other fields. Both forms are one type, so that the text is read once.
    #[serde(default, deserialize_with = "given")]
    inputs: Option<Vec<Object<InputBody>>>,
    /// A picture file in base64.
    pub(crate) image: Option<String>,
    /// The image that the network reads: 784 bytes, row by row.
    pub(crate) pixels: Option<Vec<u8>>,
    pub(crate) addend: Option<u8>,
    #[serde(default, deserialize_with = "given")]
    pub(crate) each: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    pub(crate) raw: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    pub(crate) seen: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    pub(crate) feature_maps: Option<bool>,
}

impl InputBody {
    /// Whether it says anything but `inputs`.
    fn has_fields(&self) -> bool {
        let Self { inputs: _, image, pixels, addend, each, raw, seen, feature_maps } = self;
        let flags = [each, raw, seen, feature_maps];
        image.is_some() || pixels.is_some() || addend.is_some() || flags.iter().any(|flag| flag.is_some())
    }
}

/// A value that is not `null`, where a field stands at all.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A value that is written as an object: serde takes an array of the values as well, in the order of the code.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = T;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_map(Fields(PhantomData)).map(Self)
    }
}

/// Parses a body, or says what is wrong with it.
pub(crate) fn parse(text: &[u8]) -> Result<Body, String> {
    let Object(mut body): Object<InputBody> =
        serde_json::from_slice(text).map_err(|error| match error.classify() {
            Category::Data => format!("{error}; {SHAPE}"),
            Category::Io | Category::Syntax | Category::Eof => format!("not JSON: {error}"),
        })?;
    let Some(list) = body.inputs.take() else { return Ok(Body::One(Box::new(body))) };
    if body.has_fields() {
        return Err(format!("inputs: expected nothing beside it; {SHAPE}"));
    }
    if list.iter().any(|Object(input)| input.inputs.is_some()) {
        return Err(format!("inputs: found a list in a list; {SHAPE}"));
    }
    Ok(Body::List(list.into_iter().map(|Object(input)| input).collect()))
}

/// The number of inputs in a list, none where it is no list; nothing of them is kept.
pub(crate) fn count(text: &[u8]) -> usize {
    #[derive(Deserialize)]
    struct List {
        inputs: Count,
    }
    serde_json::from_slice::<List>(text).map_or(0, |List { inputs: Count(count) }| count)
}

struct Count(usize);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Counter;
        impl<'de> Visitor<'de> for Counter {
            type Value = Count;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Count, A::Error> {
                let mut count = 0;
                while list.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Count(count))
            }
        }
        deserializer.deserialize_seq(Counter)
    }
}
