//! Why a network has no plan, or a device does not do what it is told.

/// An error of this crate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A part of a network that the kernels do not know: it trains layer by layer instead.
    #[error("{part}: the CUDA kernels take {expected}, found {found}")]
    Unsupported {
        /// The layer's name, or what else it is.
        part: String,
        /// What there would have to be.
        expected: String,
        /// What there is.
        found: String,
    },
    /// More than 2^31 numbers in one buffer or in all of them.
    #[error("{0}: more values than the kernels can number")]
    TooLarge(String),
    /// A slice of a wrong length.
    #[error("{argument}: expected {expected} values, found {found}")]
    Length {
        /// Which.
        argument: &'static str,
        /// How many there would have to be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A class that there is not.
    #[error("{argument}: expected classes below {classes}, found {found}")]
    Class {
        /// Which.
        argument: &'static str,
        /// How many classes there are.
        classes: usize,
        /// The one that was given.
        found: u32,
    },
    /// What the device said.
    #[error("{0}")]
    Device(String),
}

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn unsupported(
        part: impl Into<String>,
        expected: impl Into<String>,
        found: impl ToString,
    ) -> Self {
        Self::Unsupported { part: part.into(), expected: expected.into(), found: found.to_string() }
    }
}

/// Refuses a slice of another length.
pub(crate) fn check_len<T>(argument: &'static str, values: &[T], expected: usize) -> Result<()> {
    if values.len() == expected {
        return Ok(());
    }
    Err(Error::Length { argument, expected, found: values.len() })
}
