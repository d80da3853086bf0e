//! The crate's errors, each with the place, what was expected and what was found.

use std::path::PathBuf;

use crate::idx::IdxError;

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of this crate. Comparable, so that a test can name what it expects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A file is not what it says it is.
    #[error("{file}: {problem}")]
    Idx {
        /// The file, as a path or, for embedded data, its name.
        file: String,
        /// The file's deviation from the format.
        problem: IdxError,
    },

    /// The folder that should hold the four files is not there.
    #[error(
        "there is no folder {path:?}; a data source is `embedded`, `download`, `hub` or a folder with the four IDX files"
    )]
    NoDirectory {
        /// The path that was given.
        path: PathBuf,
    },

    /// One of the four files is in the folder neither raw nor packed.
    #[error("neither {name} nor {name}.gz is in {directory:?}")]
    Missing {
        /// The folder.
        directory: PathBuf,
        /// The raw file's name.
        name: &'static str,
    },

    /// Reading or writing failed.
    #[error("{path:?}: {reason}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The message of the system.
        reason: String,
    },

    /// A setting is out of its range.
    #[error("{field} must be {expected}, not {found}")]
    Setting {
        /// The setting's name.
        field: &'static str,
        /// The range.
        expected: &'static str,
        /// The value given.
        found: String,
    },

    /// An index points behind the last image.
    #[error("image {found} was asked for, but there are only {images}")]
    Index {
        /// The index.
        found: u32,
        /// The number of images that there are.
        images: usize,
    },

    /// A step lies behind the end of its epoch.
    #[error("training can't resume at step {found} of an epoch of {steps} steps")]
    Position {
        /// The step.
        found: u64,
        /// The steps of an epoch.
        steps: u64,
    },

    /// The system gave no thread to compute batches.
    #[error("no thread for the data: {reason}")]
    Thread {
        /// The message of the system.
        reason: String,
    },

    /// A split that does not fit its data.
    #[error(transparent)]
    Split(#[from] SplitError),

    /// No mirror gave a file.
    #[error("{file} could not be fetched{}", attempts.iter().map(|attempt| format!("\n  {attempt}")).collect::<String>())]
    Download {
        /// The file's name.
        file: String,
        /// The failure at each mirror, in order.
        attempts: Vec<MirrorError>,
    },

    /// The Hub's data could not be had.
    #[error("MNIST from the Hub: {reason}")]
    Hub {
        /// The message of candle-datasets.
        reason: String,
    },

    /// The source needs a feature that this binary was built without.
    #[error("the data source `{origin}` is not in this binary: build it with `--features {origin}`")]
    NotBuilt {
        /// The source, which is also the feature's name.
        origin: &'static str,
    },
}

impl Error {
    /// An input or output error at `path`.
    pub(crate) fn io(path: impl Into<PathBuf>, error: &std::io::Error) -> Self {
        Self::Io { path: path.into(), reason: error.to_string() }
    }

    /// `Ok` if `holds`, else the error that `field` is `found` where it must be `expected`.
    pub(crate) fn check_setting(
        holds: bool,
        field: &'static str,
        expected: &'static str,
        found: impl ToString,
    ) -> Result<()> {
        if holds { Ok(()) } else { Err(Self::Setting { field, expected, found: found.to_string() }) }
    }
}

/// A reason not to take a mirror's answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MirrorError {
    /// No answer, or one that broke off.
    #[error("{url}: {reason}")]
    Transport {
        /// The address asked.
        url: String,
        /// The message of the connection.
        reason: String,
    },

    /// The answer was not 200.
    #[error("{url}: status {found} instead of 200")]
    Status {
        /// The address asked.
        url: String,
        /// The status of the answer.
        found: u16,
    },

    /// The answer has another length than the official file.
    #[error("{url}: {found} bytes instead of {expected}")]
    Length {
        /// The address asked.
        url: String,
        /// The official length in bytes.
        expected: u64,
        /// The bytes received; reading stops one byte behind the official length.
        found: u64,
    },

    /// The answer has another SHA-256 than the official file.
    #[error("{url}: SHA-256 {found} instead of {expected}")]
    Checksum {
        /// The address asked.
        url: String,
        /// The official sum, in hexadecimal.
        expected: String,
        /// The sum of what was received.
        found: String,
    },
}

/// An inconsistency of a split.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// Train or validation would have no image.
    #[error("{train} images for training and {validation} for validation: each needs one")]
    EmptyPart {
        /// Images for training.
        train: usize,
        /// Images for validation.
        validation: usize,
    },

    /// An index points behind the last image.
    #[error("the split names image {found} of {images}")]
    OutOfRange {
        /// The index.
        found: u32,
        /// The number of images that the split is of.
        images: usize,
    },

    /// An image comes twice, in one part or in both.
    #[error("the split names image {found} twice")]
    Repeated {
        /// The index.
        found: u32,
    },

    /// The split is of a data set of another size.
    #[error("the split is of {expected} images, the data has {found}")]
    OtherData {
        /// The number of images that the split is of.
        expected: usize,
        /// The number of images that there are.
        found: usize,
    },
}
