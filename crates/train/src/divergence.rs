//! The place at which a run diverged: the file `diverged.json`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A number of a run that is infinite or not a number, which ended it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Divergence {
    /// The name of the number, such as `loss`.
    pub what: String,
    /// Its value. JSON has no such numbers: there it is the text `NaN`, `inf` or `-inf`.
    #[serde(with = "as_text")]
    pub value: f64,
    /// The epoch, counted from 1.
    pub epoch: u64,
    /// The step, counted from 1 over the whole run.
    pub step: u64,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, value, epoch, step } = self;
        write!(f, "the {what} is {value} in epoch {epoch}, step {step} of the run")
    }
}

mod as_text {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|_| D::Error::custom(format_args!("value: expected a number in quotes, found {text:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_json_lacks_come_back() {
        for (value, text) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")] {
            let divergence = Divergence { what: "loss".into(), value, epoch: 2, step: 7 };
            let json = serde_json::to_string(&divergence).unwrap();
            assert_eq!(json, format!(r#"{{"what":"loss","value":"{text}","epoch":2,"step":7}}"#));
            let back: Divergence = serde_json::from_str(&json).unwrap();
            assert_eq!(back.value.to_bits(), value.to_bits());
            assert_eq!(back.to_string(), format!("the loss is {text} in epoch 2, step 7 of the run"));
        }
    }
}
