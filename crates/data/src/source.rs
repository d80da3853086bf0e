//! The sources of images.

pub(crate) mod directory;
#[cfg(feature = "download")]
pub(crate) mod download;
pub(crate) mod files;
mod folder;
#[cfg(feature = "hub")]
pub(crate) mod hub;
mod names;
mod npy;
mod npz;
#[cfg(feature = "pictures")]
mod pictures;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// A source of data, written `embedded`, `download`, `hub`, or as the path of a folder or file.
///
/// A folder of one of those names is written with `./` before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Source {
    /// MNIST inside the binary (feature `embedded`).
    #[default]
    Embedded,
    /// A folder with four IDX files, an archive of arrays (`mnist.npz`) or folders of pictures by class; or a file that is such
    /// an archive or one of four IDX files, or what the names of four such files begin with.
    Directory(PathBuf),
    /// The official MNIST files from their mirrors, kept in the user's cache folder (feature `download`).
    Download,
    /// MNIST from the Hugging Face Hub through candle-datasets, kept in the Hub's own cache (feature `hub`).
    Hub,
}

impl Source {
    /// The word for a source that is no path.
    pub(crate) fn keyword(&self) -> Option<&'static str> {
        match self {
            Self::Embedded => Some("embedded"),
            Self::Download => Some("download"),
            Self::Hub => Some("hub"),
            Self::Directory(_) => None,
        }
    }
}

impl FromStr for Source {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Error::check_setting(!text.is_empty(), "data", "`embedded`, `download`, `hub` or a path", "empty")?;
        let keywords = [Self::Embedded, Self::Download, Self::Hub];
        let named = keywords.into_iter().find(|source| source.keyword() == Some(text));
        Ok(named.unwrap_or_else(|| Self::Directory(PathBuf::from(text))))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => {
                let text = path.to_string_lossy();
                let is_keyword = !matches!(text.parse(), Ok(Self::Directory(_)));
                write!(f, "{}{text}", if is_keyword { "./" } else { "" })
            }
            named => f.write_str(named.keyword().unwrap_or_default()),
        }
    }
}

impl TryFrom<String> for Source {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Source> for String {
    fn from(source: Source) -> Self {
        source.to_string()
    }
}

/// What is told while data is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadEvent<'a> {
    /// A download goes on.
    Download(DownloadProgress<'a>),
    /// A damaged file was passed over, as a sound one stands beside it.
    Skipped(&'a SkippedFile),
    /// Images were found that nothing uses.
    Unused(&'a Unused),
}

/// A damaged file of which there is a second, sound one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedFile {
    /// The damaged file.
    pub file: PathBuf,
    /// What is wrong with it, its name included.
    pub error: Error,
    /// The file that was read instead.
    pub taken: PathBuf,
}

impl fmt::Display for SkippedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; read {} instead", self.error, self.taken.display())
    }
}

/// Images for validation beside those of training and test. A run splits its own off the training images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unused {
    /// The folder, or the file and the array in it.
    pub name: String,
}

impl fmt::Display for Unused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is left out: validation takes a part of the training images (data.validation_fraction); put its images among these to use them",
            self.name
        )
    }
}

/// The progress of a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DownloadProgress<'a> {
    /// The file being fetched.
    pub file: &'a str,
    /// The bytes received so far; back to 0 when the next mirror is tried.
    pub received: u64,
    /// The length of the file in bytes.
    pub total: u64,
}

#[cfg(test)]
mod tests;
