//! Threads that compute batches ahead.
//!
//! Of `n` workers, worker `w` computes the batches `w`, `w + n`, `w + 2n` ... into a bounded queue of its own, and the
//! loader takes from the queues in turn. So batches come in order without any of them being waited for out of turn, and
//! a worker with a full queue sleeps.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::{iter, panic};

use super::plan::{Composer, Plan};
use super::{LoaderConfig, Position};
use crate::{Batch, Error, Result};

/// The running workers. Dropped, they end after the batch that they are at.
#[derive(Debug)]
pub(super) struct Workers {
    lanes: Vec<Lane>,
    /// Whose batch comes next.
    turn: usize,
    spare: Arc<Spare>,
}

/// One worker and its queue.
#[derive(Debug)]
struct Lane {
    batches: Option<Receiver<Batch>>,
    thread: Option<JoinHandle<()>>,
}

impl Workers {
    /// Starts the workers of the plan's configuration; the first batch is that of `start`.
    pub(super) fn start(plan: &Arc<Plan>, start: Position) -> Result<Self> {
        let LoaderConfig { workers, prefetch, .. } = *plan.config();
        let depth = prefetch.div_ceil(workers);
        // As many as can be on their way at once; more would only hold memory.
        let spare = Arc::new(Spare::new(workers * (depth + 1)));
        let lanes = (0..workers).map(|worker| {
            let first = plan.advance(start, worker as u64);
            Lane::start(plan.clone(), first, depth, spare.clone())
        });
        Ok(Self { lanes: lanes.collect::<Result<_>>()?, turn: 0, spare })
    }

    /// Waits for the next batch.
    pub(super) fn next(&mut self) -> Batch {
        let batch = self.lanes[self.turn].next();
        self.turn = (self.turn + 1) % self.lanes.len();
        batch
    }

    pub(super) fn recycle(&self, batch: Batch) {
        self.spare.give(batch);
    }
}

impl Lane {
    fn start(plan: Arc<Plan>, first: Position, depth: usize, spare: Arc<Spare>) -> Result<Self> {
        let (sender, batches) = sync_channel(depth);
        let thread = Builder::new()
            .name("adder-data".to_owned())
            .spawn(move || work(plan, first, &sender, &spare))
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

impl Drop for Lane {
    fn drop(&mut self) {
        // Without a receiver the worker's next send fails, and it ends.
        drop(self.batches.take());
        if let Some(thread) = self.thread.take() {
            // A panic in a batch that nobody asked for any more is of no use to anybody.
            let _ = thread.join();
        }
    }
}

fn work(plan: Arc<Plan>, first: Position, sender: &SyncSender<Batch>, spare: &Spare) {
    let stride = plan.config().workers as u64;
    let mut composer = Composer::new(plan.clone());
    for position in iter::successors(Some(first), |&position| Some(plan.advance(position, stride))) {
        let mut batch = spare.take();
        composer.compose(position, &mut batch);
        if sender.send(batch).is_err() {
            return;
        }
    }
}

/// Batches whose memory waits to be used again.
#[derive(Debug)]
struct Spare {
    batches: Mutex<Vec<Batch>>,
    most: usize,
}

impl Spare {
    fn new(most: usize) -> Self {
        Self { batches: Mutex::new(Vec::with_capacity(most)), most }
    }

    fn take(&self) -> Batch {
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        batches.pop().unwrap_or_default()
    }

    fn give(&self, batch: Batch) {
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        if batches.len() < self.most {
            batches.push(batch);
        }
    }
}
