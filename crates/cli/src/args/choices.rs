//! Choices that several commands have.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use adder_train::config::read_whole_number;
use clap::ValueEnum;

/// The weights of a run to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckpointChoice {
    /// After the last step.
    Last,
    /// After the epoch with the best validation accuracy.
    Best,
}

/// A device as asked for, whether or not it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeviceChoice {
    Auto,
    Cpu,
    Cuda(usize),
    Metal,
}

/// As it is given.
impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(ordinal) => write!(f, "cuda:{ordinal}"),
            Self::Metal => f.write_str("metal"),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || "expected auto, cpu, cuda, cuda:N or metal".to_string();
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            "metal" => Ok(Self::Metal),
            _ => {
                let ordinal = text.strip_prefix("cuda:").ok_or_else(unknown)?;
                ordinal.parse().map(Self::Cuda).map_err(|_| unknown())
            }
        }
    }
}

/// A reader of whole numbers in `range`, written as in a configuration.
pub(crate) fn whole<T: FromStr>(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = read_whole_number(text).filter(|number| range.contains(number));
        number.and_then(|number| number.to_string().parse().ok()).ok_or_else(|| {
            let is_led_by_zero =
                text.len() > 1 && text.bytes().all(|byte| byte.is_ascii_digit()) && text.starts_with('0');
            let without = if is_led_by_zero { " without leading zeros" } else { "" };
            format!("expected a whole number from {} to {}{without}", range.start(), range.end())
        })
    }
}

/// Reads a seed.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    whole(0..=u64::MAX)(text)
}

/// Reads a number; the range is checked where it is used.
pub(crate) fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| "expected a number, such as 0.1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_has_64_bits() {
        assert_eq!(["0", "18446744073709551615"].map(seed), [Ok(0), Ok(u64::MAX)]);
        for text in ["-1", "18446744073709551616", "1.0", "1e3", "", "one"] {
            assert!(seed(text).unwrap_err().ends_with("from 0 to 18446744073709551615"), "{text}");
        }
    }

    #[test]
    fn whole_numbers_are_in_their_range() {
        let read = whole::<u8>(1..=20);
        assert_eq!(["1", "20", "0x10", "+2", "1_0"].map(&read), [1, 20, 16, 2, 10].map(Ok));
        for text in ["0", "21", "-1", "1.5", "x", "99999999999999999999"] {
            assert_eq!(read(text), Err("expected a whole number from 1 to 20".into()), "{text}");
        }
        assert_eq!(read("007"), Err("expected a whole number from 1 to 20 without leading zeros".into()));
    }

    #[test]
    fn devices_parse() {
        assert_eq!("cuda:3".parse(), Ok(DeviceChoice::Cuda(3)));
        assert_eq!("auto".parse(), Ok(DeviceChoice::Auto));
        assert!("cuda:".parse::<DeviceChoice>().is_err() && "gpu".parse::<DeviceChoice>().is_err());
    }
}
