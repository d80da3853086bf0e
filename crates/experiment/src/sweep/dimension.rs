//! The dimensions of a sweep: a key of the configuration with its choices or its range.

use adder_train::Config;
use serde::{Deserialize, Serialize};
use toml::Value;

use super::error::SweepError;

/// A key that varies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dimension {
    /// The dotted key, such as `optimizer.learning_rate`.
    pub key: String,
    /// The values that it takes.
    pub values: Values,
}

/// The values that a key takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Values {
    /// One of these; at least one.
    Choices(Vec<Value>),
    /// A number between two.
    Range {
        /// The least, which may be tried.
        low: f64,
        /// The greatest, above `low`; of whole numbers, it may be tried.
        high: f64,
        /// Equal factors are equally probable, instead of equal differences.
        logarithmic: bool,
        /// Only whole numbers.
        whole: bool,
    },
}

impl Dimension {
    /// From `key=a,b,c`, or `key=[a,b,c]` for a key that takes no list, each written as in TOML; what is no TOML value is taken as text.
    ///
    /// # Errors
    /// [`SweepError::Dimension`].
    pub fn choices(text: &str) -> Result<Self, SweepError> {
        let malformed = || SweepError::Dimension { text: text.into(), expected: "KEY=A,B,..." };
        let (key, list) = split(text).ok_or_else(malformed)?;
        // An array may hold commas of its own, words without quotes are no array.
        let items: Vec<Value> = match format!("[{list}]").parse() {
            Ok(Value::Array(items)) => items,
            _ => list.split(',').map(|item| word_or_value(item.trim())).collect(),
        };
        let items = match <[Value; 1]>::try_from(items) {
            // The list of choices as a list, for a key that takes none.
            Ok([Value::Array(list)]) if !Config::takes_list(&key) => list,
            Ok(item) => item.into(),
            Err(items) => items,
        };
        if items.is_empty() || items.iter().any(|item| item.as_str() == Some("")) {
            return Err(malformed());
        }
        Ok(Self { key, values: Values::Choices(items) })
    }

    /// From `key=low..high` or `key=low..high:log`; whole numbers where both ends are written as such.
    ///
    /// # Errors
    /// [`SweepError::Dimension`].
    pub fn range(text: &str) -> Result<Self, SweepError> {
        let malformed = |expected| SweepError::Dimension { text: text.into(), expected };
        let form = "KEY=LOW..HIGH or KEY=LOW..HIGH:log, with two numbers";
        let (key, range) = split(text).ok_or_else(|| malformed(form))?;
        let (range, logarithmic) = match range.strip_suffix(":log") {
            Some(range) => (range, true),
            None => (range, false),
        };
        let (low, high) = range.split_once("..").ok_or_else(|| malformed(form))?;
        // Wider than any value, so that a seed of 2^63 or more is a whole number too.
        let is_whole = |text: &str| text.trim().parse::<i128>().is_ok();
        let whole = is_whole(low) && is_whole(high);
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        let (low, high) = number(low).zip(number(high)).ok_or_else(|| malformed(form))?;
        if low >= high {
            return Err(malformed("a range whose first number is below its second"));
        }
        if logarithmic && low <= 0.0 {
            return Err(malformed("a logarithmic range above 0"));
        }
        Ok(Self { key, values: Values::Range { low, high, logarithmic, whole } })
    }

    /// The choices; `None` of a range.
    pub fn options(&self) -> Option<&[Value]> {
        match &self.values {
            Values::Choices(choices) => Some(choices),
            Values::Range { .. } => None,
        }
    }
}

fn split(text: &str) -> Option<(String, &str)> {
    let (key, values) = text.split_once('=')?;
    let key = key.trim();
    (!key.split('.').any(str::is_empty)).then(|| (key.to_owned(), values.trim()))
}

fn word_or_value(text: &str) -> Value {
    text.parse().unwrap_or_else(|_| Value::String(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_toml_or_words() {
        let items = |text| Dimension::choices(text).unwrap().options().unwrap().to_vec();
        assert_eq!(items("a.b=1, 2"), [Value::Integer(1), Value::Integer(2)]);
        assert_eq!(items("a=0.1,1.0"), [Value::Float(0.1), Value::Float(1.0)]);
        assert_eq!(items("a=true"), [Value::Boolean(true)]);
        assert_eq!(items("a=cosine,linear"), ["cosine", "linear"].map(Value::from));
        // A seed that TOML has no number for.
        assert_eq!(
            items("seed=7, 18446744073709551615"),
            [Value::Integer(7), Value::String("18446744073709551615".into())]
        );
        let arrays = items("model.channels=[4, 4],[8, 8]");
        assert_eq!(arrays, [vec![4, 4], vec![8, 8]].map(Value::from));
        assert_eq!(items("model.channels=[4, 4]"), [Value::from(vec![4, 4])]);
        assert_eq!(items("model.layers=[]"), [Value::Array(Vec::new())]);
        assert_eq!(items("training.batch_size=[64, 128]"), [64, 128].map(Value::from));
        assert_eq!(items("schedule.kind=[\"cosine\"]"), [Value::from("cosine")]);
    }

    #[test]
    fn ranges_know_their_numbers() {
        let values = |text| Dimension::range(text).unwrap().values;
        let range = |low, high, logarithmic, whole| Values::Range { low, high, logarithmic, whole };
        assert_eq!(values("a=0.01..0.3:log"), range(0.01, 0.3, true, false));
        assert_eq!(values("a=-1..1"), range(-1.0, 1.0, false, true));
        assert_eq!(values("a= 32 .. 256 :log"), range(32.0, 256.0, true, true));
        let widest = range(0.0, 18446744073709551615.0, false, true);
        assert_eq!(values("seed=0..18446744073709551615"), widest);
        assert_eq!(values("a=0..1e-3"), range(0.0, 1e-3, false, false));
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in ["a", "=1", "a.=1", "a=", "a=1,,b"] {
            assert!(matches!(Dimension::choices(text), Err(SweepError::Dimension { .. })), "{text}");
        }
        for text in ["a=1", "a=1..", "a=2..1", "a=1..1", "a=0..1:log", "a=1..inf", "a=x..y", "a=1..2:exp"] {
            assert!(matches!(Dimension::range(text), Err(SweepError::Dimension { .. })), "{text}");
        }
    }
}
