//! Batches for training, prefetched by threads of their own.
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

mod config;
mod sampler;
mod workers;

use std::sync::Arc;

use crate::{Batch, Error, Labeled, Result};
pub use config::{LoaderConfig, Position};
use sampler::{BatchSampler, Collator};
use workers::Workers;

/// An endless iterator over the training batches of epoch after epoch, which knows its position and can start anywhere.
///
/// Dropping it ends its threads.
#[derive(Debug)]
pub struct TrainLoader {
    sampler: Arc<BatchSampler>,
    position: Position,
    batches: Batches,
}

#[derive(Debug)]
enum Batches {
    Prefetched(Workers),
    OnDemand(Collator),
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
        let sampler = Arc::new(BatchSampler::new(data, indices, config));
        let steps = sampler.steps_per_epoch();
        if start.step > steps {
            return Err(Error::Position { found: start.step, steps });
        }
        let position = sampler.advance(start, 0);
        let batches = match workers {
            0 => Batches::OnDemand(Collator::new(sampler.clone())),
            _ => Batches::Prefetched(Workers::start(&sampler, position)?),
        };
        Ok(Self { sampler, position, batches })
    }

    /// The position of the batch that comes next; its step is below [`steps_per_epoch`](Self::steps_per_epoch).
    pub fn position(&self) -> Position {
        self.position
    }

    /// The number of batches in an epoch, the last, partial one included.
    pub fn steps_per_epoch(&self) -> u64 {
        self.sampler.steps_per_epoch()
    }

    /// The next batch.
    ///
    /// # Panics
    /// If a worker panicked, with its panic.
    pub fn next_batch(&mut self) -> Batch {
        let batch = match &mut self.batches {
            Batches::Prefetched(workers) => workers.next(),
            Batches::OnDemand(collator) => {
                let mut batch = Batch::default();
                collator.collate(self.position, &mut batch);
                batch
            }
        };
        self.position = self.sampler.advance(self.position, 1);
        batch
    }

    /// Takes a batch back, so that a later one reuses its memory. Optional: a batch may also be dropped.
    pub fn recycle(&mut self, batch: Batch) {
        if let Batches::Prefetched(workers) = &self.batches {
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
