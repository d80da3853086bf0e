//! The record of the data that a run was started on.

use std::path::PathBuf;

use adder_data::{Dataset, Labeled, Source};
use serde::{Deserialize, Serialize};

/// Checksums of the images and labels of a run, so that it does not resume with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataRecord {
    /// The training file's, validation included.
    pub train: SetRecord,
    /// The evaluation file's.
    pub evaluation: SetRecord,
}

/// One set of images with labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetRecord {
    /// Number of them.
    pub images: usize,
    /// [`Labeled::checksum`].
    pub crc32: u32,
}

impl DataRecord {
    /// The record of `data`, which is what [`DataConfig::oriented`](crate::config::DataConfig::oriented) gave: another orientation is
    /// another set.
    pub fn new(data: &Dataset) -> Self {
        let record = |set: &Labeled| SetRecord { images: set.len(), crc32: set.checksum() };
        Self { train: record(&data.train), evaluation: record(&data.evaluation) }
    }
}

impl std::fmt::Display for SetRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} images of checksum {:08x}", self.images, self.crc32)
    }
}

/// Images that are not those of a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{path}: {set}: expected {expected}{}, found {found} in {given}{}: a run goes on only with the data it was started on",
    if recorded == given { String::new() } else { format!(", as in {recorded} when the run was started") },
    if recorded == given { ", which has changed or is another place than then" } else { "" }
)]
pub struct Mismatch {
    /// The run's record of its data.
    pub path: PathBuf,
    /// `train` or `evaluation`.
    pub set: &'static str,
    /// The data that it was started on.
    pub expected: SetRecord,
    /// Their place, as the run remembers it.
    pub recorded: Source,
    /// The data that there are.
    pub found: SetRecord,
    /// Their place.
    pub given: Source,
}
