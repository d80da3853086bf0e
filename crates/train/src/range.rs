//! The ranges of the values of a configuration.

use std::fmt::Debug;
use std::ops::RangeBounds;

/// A value out of its range.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Invalid {
    pub(crate) key: String,
    pub(crate) expected: String,
    pub(crate) found: String,
}

/// Holds a value to its range.
pub(crate) fn check<T: PartialOrd + Debug>(
    key: &str,
    value: T,
    range: impl RangeBounds<T>,
    expected: &str,
) -> Result<(), Invalid> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(Invalid { key: key.into(), expected: expected.into(), found: format!("{value:?}") })
}
