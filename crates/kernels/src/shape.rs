//! Checks of arguments, shared by all kernels.

use crate::{Error, Result};

/// The most values of `f32` that memory can address: a `Vec` of more panics.
const MAX_VALUES: usize = isize::MAX as usize / size_of::<f32>();

/// The number of values in a tensor of this shape.
pub(crate) fn volume(argument: &'static str, shape: &[usize]) -> Result<usize> {
    shape
        .iter()
        .try_fold(1usize, |product, &dimension| product.checked_mul(dimension))
        .filter(|&values| values <= MAX_VALUES)
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

/// Refuses a class that is not below `classes`.
pub(crate) fn check_classes(argument: &'static str, found: &[u8], classes: usize) -> Result<()> {
    match found.iter().position(|&class| usize::from(class) >= classes) {
        Some(index) => Err(Error::Class { argument, index, found: found[index].into(), classes }),
        None => Ok(()),
    }
}

/// Refuses what is not at least 0 and less than 1.
pub(crate) fn check_probability(argument: &'static str, found: f32) -> Result<()> {
    if (0.0..1.0).contains(&found) { Ok(()) } else { Err(Error::Probability { argument, found }) }
}

/// Refuses what is not from 0 to 1.
pub(crate) fn check_part(argument: &'static str, found: f32) -> Result<()> {
    if (0.0..=1.0).contains(&found) { Ok(()) } else { Err(Error::Part { argument, found }) }
}

/// Refuses what `check` refuses of some head, and says of which.
pub(crate) fn check_heads<T>(
    heads: impl IntoIterator<Item = T>,
    check: impl Fn(T) -> Result<()>,
) -> Result<()> {
    heads.into_iter().enumerate().try_for_each(|(head, what)| {
        check(what).map_err(|source| Error::Head { head, source: source.into() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_beyond_all_memory_is_an_error() {
        assert_eq!(volume("input", &[2, 3, 0]), Ok(0));
        assert_eq!(volume("input", &[2, 3, 4]), Ok(24));
        assert_eq!(volume("input", &[MAX_VALUES]), Ok(MAX_VALUES));
        for shape in [[usize::MAX, 2], [MAX_VALUES + 1, 1], [MAX_VALUES / 3, 4]] {
            let expected = Error::TooLarge { argument: "input", shape: shape.to_vec() };
            assert_eq!(volume("input", &shape), Err(expected));
        }
    }
}
