//! The configuration of a loader, and a position in training.

use serde::{Deserialize, Serialize};

use crate::{ADDENDS, Augmentation, Error, PairSet, Result};

/// A place in training: the next step to take. Both count from zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// The epoch.
    pub epoch: u64,
    /// The step in that epoch.
    pub step: u64,
}

/// The configuration of a [`TrainLoader`](crate::TrainLoader).
#[derive(Clone, Debug, PartialEq)]
pub struct LoaderConfig {
    /// The seed of the run, for the order of the images, their addends and their augmentation.
    pub seed: u64,
    /// Images in a batch; the last one of an epoch may have fewer.
    pub batch_size: usize,
    /// Different addends for each image read, 1 to 10.
    pub addends_per_image: usize,
    /// The pairs of a digit and an addend that no batch has.
    pub held_out: PairSet,
    /// The random changes of images.
    pub augmentation: Augmentation,
    /// The epoch from which on images are read as they are.
    pub clean_from_epoch: Option<u64>,
    /// Threads that prefetch batches; with 0 the caller's thread computes each when it is asked for.
    pub workers: usize,
    /// The number of finished batches that may wait, at least 1; rounded up to a multiple of `workers`.
    pub prefetch: usize,
}

impl Default for LoaderConfig {
    /// Batches of 128 with one addend an image, unchanged images, one worker, four batches ahead.
    fn default() -> Self {
        Self {
            seed: 0,
            batch_size: 128,
            addends_per_image: 1,
            held_out: PairSet::default(),
            augmentation: Augmentation::NONE,
            clean_from_epoch: None,
            workers: 1,
            prefetch: 4,
        }
    }
}

impl LoaderConfig {
    /// `Ok` if every setting is in its range.
    ///
    /// # Errors
    /// [`Error::Setting`] with the first that is not.
    pub fn check(&self) -> Result<()> {
        Error::check_setting(self.batch_size > 0, "batch_size", "at least 1", self.batch_size)?;
        let addends = self.addends_per_image;
        Error::check_setting((1..=ADDENDS).contains(&addends), "addends_per_image", "1 to 10", addends)?;
        let left = self.held_out.fewest_left();
        let expected = "no more addends than are left beside each digit";
        Error::check_setting(addends <= left, "addends_per_image", expected, addends)?;
        Error::check_setting(self.workers <= 64, "workers", "0 to 64", self.workers)?;
        Error::check_setting((1..=1024).contains(&self.prefetch), "prefetch", "1 to 1024", self.prefetch)?;
        self.augmentation.check()
    }
}
