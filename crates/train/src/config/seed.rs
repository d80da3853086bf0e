//! Whole numbers as text, and seeds in TOML, whose whole numbers end at 2^63 - 1: one above that is written in quotes.

use std::fmt;

use serde::de::{Deserializer, Error, Unexpected, Visitor};
use toml::Value;

/// The words of an error for what a seed takes.
const EXPECTED: &str = "a whole number from 0 to 18446744073709551615";

/// A number as TOML has it: text where it is above TOML's largest whole number. A seed is read from either.
pub fn whole_number(number: u64) -> Value {
    i64::try_from(number).map_or_else(|_| Value::String(number.to_string()), Value::Integer)
}

/// Reads a whole number from 0 to 2^64 - 1 written as in TOML: decimal without leading zeros, `0x1f`, `0o17` or `0b11`, with `_`
/// between digits if need be. `None` for all else.
pub fn read_whole_number(text: &str) -> Option<u64> {
    let (radix, digits) = match text.split_at_checked(2) {
        Some(("0x", digits)) => (16, digits),
        Some(("0o", digits)) => (8, digits),
        Some(("0b", digits)) => (2, digits),
        Some(("-0", "")) => (10, "0"),
        _ => (10, text.strip_prefix('+').unwrap_or(text)),
    };
    let is_led_by_zero = radix == 10 && digits.len() > 1 && digits.starts_with('0');
    let are_digits =
        digits.split('_').all(|group| !group.is_empty() && group.chars().all(|c| c.is_digit(radix)));
    if is_led_by_zero || !are_digits {
        return None;
    }
    u64::from_str_radix(&digits.replace('_', ""), radix).ok()
}

/// Reads a seed: a whole number, or the same as text.
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
        read_whole_number(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_as_toml_reads_them() {
        let texts = [
            "0",
            "7",
            "+7",
            "-0",
            "-7",
            "007",
            "00",
            "1_000",
            "1__0",
            "_1",
            "1_",
            "+_1",
            "0x1F",
            "0x1f",
            "0X1f",
            "+0x1f",
            "0x0f",
            "0x_f",
            "0xf_f",
            "0x",
            "0o17",
            "0o18",
            "0b101",
            "0b2",
            "1.0",
            "1e3",
            "",
            "+",
            "one",
            " 1",
            "0_1",
            "9223372036854775807",
            "\u{664}",
        ];
        for text in texts {
            let toml = format!("seed = {text}").parse::<toml::Table>().ok();
            let expected =
                toml.and_then(|table| table["seed"].as_integer()).and_then(|number| number.try_into().ok());
            // TOML's blanks are no part of its number.
            let expected = expected.filter(|_| text.trim() == text);
            assert_eq!(read_whole_number(text), expected, "{text:?}");
        }
        for text in ["18446744073709551615", "0xffff_ffff_ffff_ffff"] {
            assert_eq!(read_whole_number(text), Some(u64::MAX), "{text}");
        }
        for text in ["18446744073709551616", "0x1_0000_0000_0000_0000"] {
            assert_eq!(read_whole_number(text), None, "{text}");
        }
    }
}
