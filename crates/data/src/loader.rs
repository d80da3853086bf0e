//! Batches for training, computed ahead by threads of their own.
//!
//! The thread count and the depth of the queue change nothing in the batches: each is a function of the configuration
//! and its position.
//!
//! Images/s that one worker delivers on one core of a Zen 4 server (release build, batches of 128, best of five):
//!
//! | augmentation | images/s |
//! | --- | --- |
//! | none | 1,180,000 |
//! | the notebook's | 490,000 |
//! | the same, bilinear | 290,000 |
//! | the same, with grid displacement | 225,000 |
//!
//! To measure again: `cargo run --release -p adder-data --example loader_throughput`. Beside a training step that keeps
//! both of two cores busy for 6.3 ms (20,000 images/s), a worker with the notebook's augmentation costs 0.2 to 0.3 ms a
//! step, where computing the batch on demand costs 0.3.

mod plan;
mod workers;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{ADDENDS, Augmentation, Batch, Error, Labeled, Result};
use plan::{Composer, Plan};
use workers::Workers;

/// A place in training: the next step to take. Both count from zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// The epoch.
    pub epoch: u64,
    /// The step in that epoch.
    pub step: u64,
}

/// How training images are read.
#[derive(Clone, Debug, PartialEq)]
pub struct LoaderConfig {
    /// The seed of the run, for the order of the images, their addends and their augmentation.
    pub seed: u64,
    /// Images in a batch; the last one of an epoch may have fewer.
    pub batch_size: usize,
    /// Different addends for each image read, 1 to 10.
    pub addends_per_image: usize,
    /// How images are changed.
    pub augmentation: Augmentation,
    /// From this epoch on, images are read as they are.
    pub clean_from_epoch: Option<u64>,
    /// Threads that compute batches ahead; with 0 the caller's thread computes each when it is asked for.
    pub workers: usize,
    /// How many finished batches may wait, at least 1; rounded up to a multiple of `workers`.
    pub prefetch: usize,
}

impl Default for LoaderConfig {
    /// Batches of 128 with one addend an image, unchanged images, one worker, four batches ahead.
    fn default() -> Self {
        Self {
            seed: 0,
            batch_size: 128,
            addends_per_image: 1,
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
        Error::check_setting(self.workers <= 64, "workers", "0 to 64", self.workers)?;
        Error::check_setting((1..=1024).contains(&self.prefetch), "prefetch", "1 to 1024", self.prefetch)?;
        self.augmentation.check()
    }
}

/// An endless iterator over the training batches of epoch after epoch, which knows its position and can start anywhere.
///
/// Dropping it ends its threads.
#[derive(Debug)]
pub struct TrainLoader {
    plan: Arc<Plan>,
    position: Position,
    batches: Batches,
}

#[derive(Debug)]
enum Batches {
    Ahead(Workers),
    OnDemand(Composer),
}

impl TrainLoader {
    /// Reads the images at `indices` of `data`, from `start` on. A start right behind an epoch's last step is the next
    /// epoch's first.
    ///
    /// # Errors
    /// [`Error::Setting`] for a setting out of its range or no `indices`, [`Error::Index`] if there is no such image,
    /// [`Error::Position`] for a start farther behind the end of its epoch, [`Error::Thread`] if the system gives no
    /// thread.
    pub fn new(data: Arc<Labeled>, indices: Vec<u32>, config: LoaderConfig, start: Position) -> Result<Self> {
        config.check()?;
        Error::check_setting(!indices.is_empty(), "indices", "at least one image", "none")?;
        data.check_indices(&indices)?;
        let workers = config.workers;
        let plan = Arc::new(Plan::new(data, indices, config));
        let steps = plan.steps_per_epoch();
        if start.step > steps {
            return Err(Error::Position { found: start.step, steps });
        }
        let position = plan.advance(start, 0);
        let batches = match workers {
            0 => Batches::OnDemand(Composer::new(plan.clone())),
            _ => Batches::Ahead(Workers::start(&plan, position)?),
        };
        Ok(Self { plan, position, batches })
    }

    /// The position of the batch that comes next; its step is below [`steps_per_epoch`](Self::steps_per_epoch).
    pub fn position(&self) -> Position {
        self.position
    }

    /// How many batches make an epoch, the last, partial one included.
    pub fn steps_per_epoch(&self) -> u64 {
        self.plan.steps_per_epoch()
    }

    /// The next batch.
    ///
    /// # Panics
    /// If a worker panicked, with its panic.
    pub fn next_batch(&mut self) -> Batch {
        let batch = match &mut self.batches {
            Batches::Ahead(workers) => workers.next(),
            Batches::OnDemand(composer) => {
                let mut batch = Batch::default();
                composer.compose(self.position, &mut batch);
                batch
            }
        };
        self.position = self.plan.advance(self.position, 1);
        batch
    }

    /// Takes a batch back, whose memory a later one will use. Optional: a batch may also be dropped.
    pub fn recycle(&mut self, batch: Batch) {
        if let Batches::Ahead(workers) = &self.batches {
            workers.recycle(batch);
        }
    }
}

impl Iterator for TrainLoader {
    type Item = Batch;

    /// Never `None`: see [`TrainLoader::next_batch`].
    fn next(&mut self) -> Option<Batch> {
        Some(self.next_batch())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}

#[cfg(test)]
mod tests;
