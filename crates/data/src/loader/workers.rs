//! Threads that prefetch batches.
//!
//! Worker `w` of `n` computes the batches `w`, `w + n`, `w + 2n` ... into a bounded queue of its own, and the
//! loader takes from the queues in turn. So batches come in order without any of them being waited for out of turn, and
//! a worker with a full queue sleeps.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::{iter, panic};

use super::config::{LoaderConfig, Position};
use super::sampler::{BatchSampler, Collator};
use crate::{Batch, Error, Result};

/// The running workers. Dropped, they end after the batch that they are at.
#[derive(Debug)]
pub(super) struct Workers {
    workers: Vec<Worker>,
    /// The worker whose batch comes next.
    turn: usize,
    pool: Arc<BatchPool>,
}

/// One worker and its queue.
#[derive(Debug)]
struct Worker {
    batches: Option<Receiver<Batch>>,
    thread: Option<JoinHandle<()>>,
}

impl Workers {
    /// Starts the workers of the sampler's configuration; the first batch is that of `start`.
    pub(super) fn start(sampler: &Arc<BatchSampler>, start: Position) -> Result<Self> {
        let LoaderConfig { workers, prefetch, .. } = *sampler.config();
        let depth = prefetch.div_ceil(workers);
        // As many as can be on their way at once; more would only hold memory.
        let pool = Arc::new(BatchPool::new(workers * (depth + 1)));
        let workers = (0..workers).map(|worker| {
            let first = sampler.advance(start, worker as u64);
            Worker::start(sampler.clone(), first, depth, pool.clone())
        });
        Ok(Self { workers: workers.collect::<Result<_>>()?, turn: 0, pool })
    }

    /// Waits for the next batch.
    pub(super) fn next(&mut self) -> Batch {
        let batch = self.workers[self.turn].next();
        self.turn = (self.turn + 1) % self.workers.len();
        batch
    }

    pub(super) fn recycle(&self, batch: Batch) {
        self.pool.put(batch);
    }
}

impl Worker {
    fn start(
        sampler: Arc<BatchSampler>,
        first: Position,
        depth: usize,
        pool: Arc<BatchPool>,
    ) -> Result<Self> {
        let (sender, batches) = sync_channel(depth);
        let thread = Builder::new()
            .name("adder-data".to_owned())
            .spawn(move || work(sampler, first, &sender, &pool))
            .map_err(|error| Error::Thread { reason: error.to_string() })?;
        Ok(Self { batches: Some(batches), thread: Some(thread) })
    }

    fn next(&mut self) -> Batch {
        let received = self.batches.as_ref().and_then(|batches| batches.recv().ok());
        received.unwrap_or_else(|| match self.thread.take().map(JoinHandle::join) {
            Some(Err(payload)) => panic::resume_unwind(payload),
            _ => panic!("a data thread ended before its loader"),
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Without a receiver the worker's next send fails, and it ends.
        drop(self.batches.take());
        if let Some(thread) = self.thread.take() {
            // A panic in a batch that nobody asked for any more is of no use to anybody.
            let _ = thread.join();
        }
    }
}

fn work(sampler: Arc<BatchSampler>, first: Position, sender: &SyncSender<Batch>, pool: &BatchPool) {
    let stride = sampler.config().workers as u64;
    let mut collator = Collator::new(sampler.clone());
    for position in iter::successors(Some(first), |&position| Some(sampler.advance(position, stride))) {
        let mut batch = pool.take();
        collator.collate(position, &mut batch);
        if sender.send(batch).is_err() {
            return;
        }
    }
}

/// A free list of batches whose memory is reused.
#[derive(Debug)]
struct BatchPool {
    batches: Mutex<Vec<Batch>>,
    most: usize,
}

impl BatchPool {
    fn new(most: usize) -> Self {
        Self { batches: Mutex::new(Vec::with_capacity(most)), most }
    }

    fn take(&self) -> Batch {
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        batches.pop().unwrap_or_default()
    }

    fn put(&self, batch: Batch) {
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        if batches.len() < self.most {
            batches.push(batch);
        }
    }
}
