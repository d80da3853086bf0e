//! The crate's errors, each with the place, what was expected and what was found.

use std::path::{Path, PathBuf};

use adder_network::counted;

use crate::problem::Problem;

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of this crate. Comparable, so that a test can name what it expects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A file is not what it says it is.
    #[error("{file}: {problem}")]
    File {
        /// The file, as a path or, for embedded data, its name.
        file: String,
        /// The file's deviation from the format.
        problem: Problem,
    },

    /// The folder that should hold the data is not there.
    #[error(
        "there is no folder or file {path:?}; expected the path of one with a data set, or `embedded`, `download` or `hub`"
    )]
    NoDirectory {
        /// The path that was given.
        path: PathBuf,
    },

    /// Some of the four files are in the folder, but not all.
    #[error("{directory:?} lacks {}; found: {}", or_packed(missing), listed(found))]
    Missing {
        /// The folder.
        directory: PathBuf,
        /// MNIST's names of the files that are missing.
        missing: Vec<&'static str>,
        /// The files of the set that are there.
        found: Vec<String>,
    },

    /// Several sets are there.
    #[error("{path:?} holds several sets; name one of them: {}", found.iter().map(|path| format!("{path:?}")).collect::<Vec<_>>().join(", "))]
    Ambiguous {
        /// The path that was given.
        path: PathBuf,
        /// A path for each of the sets, which chooses it.
        found: Vec<PathBuf>,
    },

    /// There is nothing of a kind that is taken.
    #[error("no data set in {path:?}: expected {TAKEN}; found {}{}", listed(found), advice.map(|advice| format!("; {advice}")).unwrap_or_default())]
    NoData {
        /// The path that was given.
        path: PathBuf,
        /// What is there, each with what it is where that is known.
        found: Vec<String>,
        /// What to do about it, where that is known.
        advice: Option<&'static str>,
    },

    /// An archive of arrays lacks some.
    #[error("{file:?} has no array {}; found: {}", missing.join(", "), listed(found))]
    Arrays {
        /// The archive.
        file: PathBuf,
        /// The names of the arrays that are missing.
        missing: Vec<&'static str>,
        /// The names of those that are there.
        found: Vec<String>,
    },

    /// Only one of the two sets is there as folders of pictures.
    #[error(
        "{folder:?} has pictures by class, but no folder {missing} of them: both `train/3/...png` and `test/3/...png` are needed"
    )]
    OneSet {
        /// The folder.
        folder: PathBuf,
        /// `train`, `test` or both.
        missing: &'static str,
    },

    /// A folder among those of the classes is not named for a digit.
    #[error("{folder:?}: the folders of classes are named 0 to 9, found `{}`", name_of(folder))]
    Class {
        /// The folder.
        folder: PathBuf,
    },

    /// A file among the pictures of a class is not taken.
    #[error("{path:?}: expected a gray PNG or JPEG picture of 28x28 pixels, found {found}")]
    Picture {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: String,
    },

    /// A file or folder could not be read.
    #[error("{path:?} cannot be read: {reason}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The message of the system.
        reason: String,
    },

    /// The folder that downloads are kept in can't be had, or a file in it not be written.
    #[error("{path:?}, where downloads are kept, cannot be used: {reason}")]
    Cache {
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
    #[error("training can't resume at step {found} of an epoch of {}", counted(*steps, "step"))]
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
    #[error("{file} could not be fetched: {}", attempts.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
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
    #[error(
        "{} for training and {validation} for validation: each needs one; `data.validation_fraction` sets their shares",
        counted(*train as u64, "image")
    )]
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
    #[error("the split is of {}, the data has {found}", counted(*expected as u64, "image"))]
    OtherData {
        /// The number of images that the split is of.
        expected: usize,
        /// The number of images that there are.
        found: usize,
    },
}

/// The sources of a path, in words.
const TAKEN: &str = "four files as MNIST's (train-images-idx3-ubyte and so on), mnist.npz, or pictures of 28x28 pixels by class \
(train/3/*.png, test/3/*.png)";

/// The last part of a path.
fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// The first of what was found.
fn listed(found: &[String]) -> String {
    const SHOWN: usize = 6;
    match found.len() {
        0 => "nothing".to_owned(),
        count if count <= SHOWN => found.join(", "),
        count => format!("{} and {} more", found[..SHOWN].join(", "), count - SHOWN),
    }
}

fn or_packed(missing: &[&'static str]) -> String {
    format!("{} (raw or .gz)", missing.join(" and "))
}
