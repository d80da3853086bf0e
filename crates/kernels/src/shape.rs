//! Checks of shapes against slices, shared by all kernels.

use crate::{Error, Result};

/// The number of values in a tensor of this shape.
pub(crate) fn volume(argument: &'static str, shape: &[usize]) -> Result<usize> {
    shape
        .iter()
        .try_fold(1usize, |product, &dimension| product.checked_mul(dimension))
        .ok_or_else(|| Error::TooLarge { argument, shape: shape.to_vec() })
}

/// Refuses a slice that does not hold exactly `expected` values.
pub(crate) fn check_len<T>(argument: &'static str, slice: &[T], expected: usize) -> Result<()> {
    if slice.len() == expected {
        Ok(())
    } else {
        Err(Error::Length { argument, expected, found: slice.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_that_overflows_is_an_error() {
        assert_eq!(volume("input", &[2, 3, 0]), Ok(0));
        assert_eq!(volume("input", &[2, 3, 4]), Ok(24));
        let shape = [usize::MAX, 2];
        assert_eq!(
            volume("input", &shape),
            Err(Error::TooLarge { argument: "input", shape: shape.to_vec() })
        );
    }
}
