//! The check before the timing.

use std::fmt;

/// Where two results part.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    what: String,
    place: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} gives {}", self.what, self.place)
    }
}

impl std::error::Error for Difference {}

/// Requires `found` to be `expected` within `tolerance` of the largest expected value.
///
/// # Errors
/// The first difference that is larger, or not a number; `what` names the results in it.
pub fn close(what: &str, found: &[f32], expected: &[f32], tolerance: f32) -> Result<(), Difference> {
    let difference = |place: String| Err(Difference { what: what.into(), place });
    if found.len() != expected.len() {
        return difference(format!("{} values, expected {}", found.len(), expected.len()));
    }
    let scale = expected.iter().fold(0f32, |scale, value| scale.max(value.abs()));
    // A NaN is close to nothing.
    let close = |(found, expected): (&f32, &f32)| (found - expected).abs() <= tolerance * scale;
    match found.iter().zip(expected).position(|pair| !close(pair)) {
        Some(index) => difference(format!("{} at {index}, expected {}", found[index], expected[index])),
        None => Ok(()),
    }
}

/// The Euclidean norm.
pub fn norm(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt()
}

/// The norm of the difference of two tensors; not a number where one is not.
///
/// # Errors
/// Where they have different numbers of values; `what` names the first in it.
pub fn distance(what: &str, found: &[f32], expected: &[f32]) -> Result<f64, Difference> {
    if found.len() != expected.len() {
        let place = format!("{} values, expected {}", found.len(), expected.len());
        return Err(Difference { what: what.into(), place });
    }
    let difference: Vec<f32> = found.iter().zip(expected).map(|(found, expected)| found - expected).collect();
    Ok(norm(&difference))
}

/// [`close`], for benches.
///
/// # Panics
/// If it is not: a time taken for a wrong result says nothing.
#[track_caller]
pub fn assert_close(what: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    if let Err(difference) = close(what, found, expected, tolerance) {
        panic!("{difference}");
    }
}

#[cfg(test)]
mod tests {
    use super::{close, distance};

    #[test]
    fn distances_count_in_shares_of_the_largest_value() {
        assert_eq!(close("it", &[100.0, 0.01], &[100.0, 0.0], 1e-3), Ok(()));
        let difference = close("it", &[100.0, 0.2], &[100.0, 0.0], 1e-3).unwrap_err();
        assert_eq!(difference.to_string(), "it gives 0.2 at 1, expected 0");
    }

    #[test]
    fn what_is_no_number_or_missing_is_refused() {
        let nan = close("it", &[f32::NAN], &[1.0], 1e-3).unwrap_err();
        assert_eq!(nan.to_string(), "it gives NaN at 0, expected 1");
        let short = close("it", &[], &[1.0], 1e-3).unwrap_err();
        assert_eq!(short.to_string(), "it gives 0 values, expected 1");
    }

    #[test]
    fn a_distance_is_the_norm_of_the_difference() {
        assert_eq!(distance("it", &[6.0, 0.0], &[3.0, 4.0]), Ok(5.0));
        assert!(distance("it", &[f32::NAN], &[1.0]).unwrap().is_nan());
        assert!(distance("it", &[1.0], &[1.0, 2.0]).is_err());
    }
}
