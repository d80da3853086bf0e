//! The check before the timing.

/// Requires `found` to be `expected` within `tolerance` of the largest expected value.
///
/// # Panics
/// If it is not: a time taken for a wrong result says nothing.
#[track_caller]
pub fn assert_close(what: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{what}: length");
    let scale = expected.iter().fold(0f32, |scale, value| scale.max(value.abs()));
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        // A NaN fails, too.
        let close = (found - expected).abs() <= tolerance * scale;
        assert!(close, "{what}: {found} at {index}, expected {expected}");
    }
}

#[cfg(test)]
mod tests {
    use super::assert_close;

    #[test]
    fn distances_count_in_shares_of_the_largest_value() {
        assert_close("same", &[100.0, 0.01], &[100.0, 0.0], 1e-3);
    }

    #[test]
    #[should_panic(expected = "far: 0.2 at 1, expected 0")]
    fn a_distance_is_refused() {
        assert_close("far", &[100.0, 0.2], &[100.0, 0.0], 1e-3);
    }

    #[test]
    #[should_panic(expected = "nan: NaN at 0, expected 1")]
    fn what_is_no_number_is_refused() {
        assert_close("nan", &[f32::NAN], &[1.0], 1e-3);
    }
}
