//! The memory that decoding pictures takes, of all requests together.

use std::sync::{Condvar, Mutex, PoisonError};

/// So much memory, lent to one picture after the other.
pub(crate) struct DecodingMemory {
    total: u64,
    free: Mutex<u64>,
    freed: Condvar,
}

/// A part of the memory, given back where it is dropped.
pub(crate) struct Loan<'a> {
    memory: &'a DecodingMemory,
    bytes: u64,
}

impl DecodingMemory {
    pub(crate) fn new(total: u64) -> Self {
        Self { total, free: Mutex::new(total), freed: Condvar::new() }
    }

    /// Waits until there is room for a picture whose reading takes so many bytes; one that takes more than there is waits until it is
    /// alone.
    pub(crate) fn lend(&self, bytes: u64) -> Loan<'_> {
        let bytes = bytes.min(self.total);
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let free = self.freed.wait_while(free, |free| *free < bytes);
        *free.unwrap_or_else(PoisonError::into_inner) -= bytes;
        Loan { memory: self, bytes }
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        *self.memory.free.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
        self.memory.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_picture_waits_for_its_room() {
        let memory = DecodingMemory::new(100);
        let (sender, lent) = channel();
        std::thread::scope(|scope| {
            let small = memory.lend(40);
            let more = memory.lend(60);
            let memory = &memory;
            scope.spawn(move || {
                // More than there is, so all of it.
                let _huge = memory.lend(u64::MAX);
                sender.send(()).unwrap();
            });
            assert!(lent.recv_timeout(Duration::from_millis(50)).is_err(), "all are lent");
            drop(more);
            assert!(lent.recv_timeout(Duration::from_millis(50)).is_err(), "40 of 100 are lent");
            drop(small);
            lent.recv_timeout(Duration::from_secs(30)).unwrap();
        });
        drop(memory.lend(100));
    }
}
