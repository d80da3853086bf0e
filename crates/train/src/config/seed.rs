//! Seeds in TOML, whose whole numbers end at 2^63 - 1: one above that is written in quotes.

use std::fmt;

use serde::de::{Deserializer, Error, Unexpected, Visitor};
use toml::Value;

/// The words of an error for what a seed takes.
const EXPECTED: &str = "a whole number from 0 to 18446744073709551615, in quotes from 9223372036854775808 on";

/// A number as TOML has it: text where it is above TOML's largest whole number. A seed is read from either.
pub fn whole_number(number: u64) -> Value {
    i64::try_from(number).map_or_else(|_| Value::String(number.to_string()), Value::Integer)
}

/// Reads a seed: a whole number, or its digits as text.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    deserializer.deserialize_any(Seed)
}

struct Seed;

impl Visitor<'_> for Seed {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        Ok(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
        u64::try_from(number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        text.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
}
