//! Reading a TOML table into a configuration with errors that are values: the key's path, what it accepts, what it held.
//!
//! `toml` reports such errors as text. Suggesting a key, or saying which of several files held it, needs the parts.

use std::fmt;

use serde::Deserialize;
use serde::de::value::{SeqDeserializer, StringDeserializer};
use serde::de::{
    self, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, Unexpected, Visitor,
};
use toml::{Table, Value};

/// The reason that a table is not a configuration, and its key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Problem {
    /// Dotted path of the key. Built from the inside out: every table on the way adds its part.
    pub(super) key: String,
    pub(super) kind: ProblemKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum ProblemKind {
    /// The last part of the key is none of the known ones.
    UnknownKey { known: &'static [&'static str] },
    /// The value has another type or is none of the words that the key takes.
    Value { expected: String, found: String },
    /// The message of a type of another crate.
    Other(String),
}

/// Reads a configuration from a table.
pub(super) fn from_table<'de, T: Deserialize<'de>>(table: Table) -> Result<T, Problem> {
    T::deserialize(Node(Value::Table(table)))
}

impl Problem {
    fn at_root(kind: ProblemKind) -> Self {
        Self { key: String::new(), kind }
    }

    fn within(mut self, part: &str) -> Self {
        self.key = if self.key.is_empty() { part.to_owned() } else { format!("{part}.{}", self.key) };
        self
    }
}

/// serde wants one; a person reads [`ConfigError`](super::ConfigError).
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.key, self.kind)
    }
}

impl std::error::Error for Problem {}

impl de::Error for Problem {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::at_root(ProblemKind::Other(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::at_root(ProblemKind::Value { expected: in_words(expected), found: found_in_words(found) })
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(found: &str, expected: &'static [&'static str]) -> Self {
        let words: Vec<_> = expected.iter().map(|word| format!("\"{word}\"")).collect();
        Self::at_root(ProblemKind::Value { expected: words.join(" or "), found: format!("\"{found}\"") })
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::at_root(ProblemKind::UnknownKey { known }).within(field)
    }
}

/// Rust's names of types mean nothing to the writer of a TOML file.
fn in_words(expected: &dyn Expected) -> String {
    let name = expected.to_string();
    match name.as_str() {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, zero or more".into(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".into(),
        "f32" | "f64" => "a number".into(),
        "a boolean" => "true or false".into(),
        "a sequence" => "an array".into(),
        _ if name.starts_with("struct ") => "a table".into(),
        _ if name.starts_with("enum ") => "a word in quotes".into(),
        _ => name,
    }
}

fn found_in_words(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Signed(value) => value.to_string(),
        Unexpected::Float(value) => format!("{value:?}"),
        Unexpected::Str(text) => format!("\"{text}\""),
        Unexpected::Map => "a table".into(),
        Unexpected::Seq => "an array".into(),
        other => other.to_string(),
    }
}

struct Node(Value);

impl<'de> IntoDeserializer<'de, Problem> for Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Node {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.0 {
            Value::String(text) => visitor.visit_string(text),
            Value::Integer(number) => visitor.visit_i64(number),
            Value::Float(number) => visitor.visit_f64(number),
            Value::Boolean(truth) => visitor.visit_bool(truth),
            Value::Datetime(date) => {
                Err(de::Error::invalid_type(Unexpected::Other(&date.to_string()), &visitor))
            }
            Value::Array(items) => visitor.visit_seq(SeqDeserializer::new(items.into_iter().map(Node))),
            Value::Table(table) => visitor.visit_map(Entries { rest: table.into_iter(), current: None }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        match self.0 {
            Value::String(word) => visitor.visit_enum(StringDeserializer::new(word)),
            other => Node(other).deserialize_any(visitor),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq
        tuple tuple_struct map struct identifier ignored_any
    }
}

/// The entries of a table; adds each key to the path of the problems below it.
struct Entries {
    rest: toml::map::IntoIter<String, Value>,
    current: Option<(String, Value)>,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Problem> {
        self.current = self.rest.next();
        let Some((key, _)) = &self.current else { return Ok(None) };
        seed.deserialize(StringDeserializer::new(key.clone())).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Problem> {
        let (key, value) =
            self.current.take().ok_or_else(|| de::Error::custom("a value was asked for before its key"))?;
        seed.deserialize(Node(value)).map_err(|problem| problem.within(&key))
    }
}
