//! From numbers to places along an axis.

use crate::drawing::short;

/// The spread of numbers along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScaleKind {
    Linear,
    /// Equal factors, equal distances.
    Logarithmic,
    /// Percentages by what is missing to 100: 90, 99 and 99.9 are equally far apart, so that the last tenths can be read.
    Missing,
}

/// The least that is missing to 100 % on an axis of [`ScaleKind::Missing`]: one error in two thousand.
const LEAST_MISSING: f64 = 0.05;

const MISSING_TICKS: [f64; 14] =
    [0.0, 50.0, 80.0, 90.0, 95.0, 97.0, 98.0, 98.5, 99.0, 99.3, 99.5, 99.7, 99.8, 99.9];

/// A range of numbers, from the axis' start to its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    spread: ScaleKind,
    low: f64,
    high: f64,
}

impl Scale {
    /// A range without numbers or width is widened, for one value must be drawn somewhere.
    pub(crate) fn new(spread: ScaleKind, low: f64, high: f64) -> Self {
        let (low, high) = if low.is_finite() && high.is_finite() { (low, high) } else { (0.0, 1.0) };
        let (low, high) = match spread {
            ScaleKind::Logarithmic => (low.max(1e-12), high.max(1e-12)),
            ScaleKind::Missing => (low.clamp(0.0, 99.0), high.clamp(0.0, 100.0 - LEAST_MISSING)),
            ScaleKind::Linear => (low, high),
        };
        let (low, high) = match spread {
            _ if high > low => (low, high),
            ScaleKind::Logarithmic => (low / 2.0, low * 2.0),
            ScaleKind::Missing => (low - 1.0, low + 0.5),
            ScaleKind::Linear if low == 0.0 => (0.0, 1.0),
            ScaleKind::Linear => (low - low.abs() / 2.0, low + low.abs() / 2.0),
        };
        Self { spread, low, high }
    }

    /// The range of `values`, with a little air on both sides.
    pub(crate) fn around(spread: ScaleKind, values: impl IntoIterator<Item = f64>) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.into_iter().filter(|value| value.is_finite()) {
            (low, high) = (low.min(value), high.max(value));
        }
        let tight = Self::new(spread, low, high);
        let [start, end] = [tight.low, tight.high].map(|value| spread.warp(value));
        let air = 0.04 * (end - start);
        Self::new(spread, spread.unwarp(start - air), spread.unwarp(end + air))
    }

    /// 0 at the start of the axis, 1 at its end; what lies outside is moved to the nearer of the two.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let [low, high, value] = [self.low, self.high, value].map(|value| self.spread.warp(value));
        ((value - low) / (high - low)).clamp(0.0, 1.0)
    }

    /// About `most` round numbers inside the range, with their words.
    pub(crate) fn ticks(&self, most: usize) -> Vec<(f64, String)> {
        let candidates = match self.spread {
            ScaleKind::Linear => return self.linear_ticks(most),
            ScaleKind::Logarithmic => self.decade_ticks(),
            ScaleKind::Missing => MISSING_TICKS.to_vec(),
        };
        let inside: Vec<f64> = candidates.into_iter().filter(|&value| self.contains(value)).collect();
        if inside.len() < 3 {
            return self.linear_ticks(most.min(4));
        }
        inside.into_iter().map(|value| (value, plain(value))).collect()
    }

    fn contains(&self, value: f64) -> bool {
        let slack = 1e-9 * (self.high - self.low);
        (self.low - slack..=self.high + slack).contains(&value)
    }

    fn linear_ticks(&self, most: usize) -> Vec<(f64, String)> {
        let step = round_step((self.high - self.low) / most as f64);
        let places = (-step.log10()).ceil().max(0.0) as usize;
        let first = (self.low / step - 1e-9).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        (first..=last).map(|count| count as f64 * step).map(|value| (value, grouped(value, places))).collect()
    }

    /// 1, 2 and 5 of each power of ten; only the powers where there would be many.
    fn decade_ticks(&self) -> Vec<f64> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let digits: &[f64] = if last - first > 3 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        (first..=last).flat_map(|power| digits.iter().map(move |digit| digit * 10f64.powi(power))).collect()
    }
}

impl ScaleKind {
    fn warp(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Logarithmic => value.max(1e-300).ln(),
            Self::Missing => -(100.0 - value).max(LEAST_MISSING).ln(),
        }
    }

    fn unwarp(self, place: f64) -> f64 {
        match self {
            Self::Linear => place,
            Self::Logarithmic => place.exp(),
            Self::Missing => 100.0 - (-place).exp(),
        }
    }
}

/// The next of 1, 2 and 5 times a power of ten.
fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= least * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

/// `10000` as `10,000`, `0.10` with its places.
fn grouped(value: f64, places: usize) -> String {
    if places == 0 && value.abs() >= 1e4 && value.abs() < 1e15 {
        let sign = if value < 0.0 { "-" } else { "" };
        return format!("{sign}{}", adder_model::thousands(value.abs().round() as u64));
    }
    let text = format!("{value:.places$}");
    if text.trim_start_matches('-').chars().all(|character| "0.".contains(character)) {
        "0".into()
    } else {
        text
    }
}

/// As short as it can be said.
fn plain(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if size < 1e-3 => format!("{value:e}"),
        size if size < 0.01 => format!("{value:.3}"),
        size if size < 1e4 => short(value),
        _ => format!("{}k", short(value / 1000.0)),
    }
}

/// Two significant digits of a number above zero.
pub(crate) fn rounded(value: f64) -> String {
    let scientific = format!("{value:.1e}");
    match scientific.parse::<f64>() {
        Ok(rounded) if rounded >= 1e-3 => rounded.to_string(),
        _ => scientific,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(scale: Scale, most: usize) -> Vec<String> {
        scale.ticks(most).into_iter().map(|(_, words)| words).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(
            words(Scale::new(ScaleKind::Linear, 0.0, 5625.0), 6),
            ["0", "1000", "2000", "3000", "4000", "5000"]
        );
        assert_eq!(
            words(Scale::new(ScaleKind::Linear, 98.1, 99.0), 5),
            ["98.2", "98.4", "98.6", "98.8", "99.0"]
        );
        assert_eq!(
            words(Scale::new(ScaleKind::Linear, 0.0, 40_000.0), 4),
            ["0", "10,000", "20,000", "30,000", "40,000"]
        );
        assert_eq!(
            words(Scale::new(ScaleKind::Logarithmic, 0.1, 5.0), 6),
            ["0.1", "0.2", "0.5", "1", "2", "5"]
        );
        assert_eq!(
            words(Scale::new(ScaleKind::Logarithmic, 1e-5, 1.0), 6),
            ["1e-5", "1e-4", "0.001", "0.01", "0.1", "1"]
        );
        assert_eq!(words(Scale::new(ScaleKind::Linear, 0.0, 15.0), 6), ["0", "5", "10", "15"]);
        assert_eq!([0.0, 0.0002, 0.02, 20_000.0].map(plain), ["0", "2e-4", "0.02", "20k"]);
        assert_eq!(
            words(Scale::new(ScaleKind::Missing, 90.0, 99.9), 6),
            ["90", "95", "97", "98", "98.5", "99", "99.3", "99.5", "99.7", "99.8", "99.9"]
        );
    }

    #[test]
    fn a_rate_keeps_two_digits() {
        let rates = [0.0146, 0.0831, 0.5, 1.26, 0.000_996, 0.000_123_4, 3e-7];
        assert_eq!(rates.map(rounded), ["0.015", "0.083", "0.5", "1.3", "0.001", "1.2e-4", "3.0e-7"]);
    }

    #[test]
    fn places_follow_the_spread() {
        let near =
            |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
        near(Scale::new(ScaleKind::Linear, 0.0, 10.0).place(2.5), 0.25);
        near(Scale::new(ScaleKind::Logarithmic, 0.1, 10.0).place(1.0), 0.5);
        near(Scale::new(ScaleKind::Missing, 0.0, 99.0).place(90.0), 0.5);
        near(Scale::new(ScaleKind::Linear, 0.0, 1.0).place(7.0), 1.0);
    }

    #[test]
    fn every_range_has_a_width() {
        for spread in [ScaleKind::Linear, ScaleKind::Logarithmic, ScaleKind::Missing] {
            for values in [&[][..], &[f64::NAN], &[0.0], &[3.0], &[100.0, 100.0], &[-2.0]] {
                let scale = Scale::around(spread, values.iter().copied());
                let place = scale.place(3.0);
                assert!(place.is_finite(), "{spread:?} of {values:?}: {scale:?}");
                assert!(
                    scale.high > scale.low && scale.ticks(5).len() < 20,
                    "{spread:?} of {values:?}: {scale:?}"
                );
            }
        }
    }
}
