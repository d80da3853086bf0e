//! A free list of reusable buffers: fresh large allocations cost page faults every step.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

/// A free list of values that are not in use.
#[derive(Debug, Default)]
pub(crate) struct BufferPool<T>(Arc<Mutex<Vec<T>>>);

impl<T: Default> BufferPool<T> {
    /// The value that came back last, whatever it holds, or what `make` makes where the pool is empty.
    pub(crate) fn take(&self, make: impl FnOnce() -> T) -> PooledBuffer<T> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        PooledBuffer { value: kept.unwrap_or_else(make), pool: Self(Arc::clone(&self.0)) }
    }
}

/// A value that goes back to its pool when it is dropped.
#[derive(Debug)]
pub(crate) struct PooledBuffer<T: Default> {
    value: T,
    pool: BufferPool<T>,
}

impl<T: Default> Deref for PooledBuffer<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Default> DerefMut for PooledBuffer<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: Default> Drop for PooledBuffer<T> {
    fn drop(&mut self) {
        let value = std::mem::take(&mut self.value);
        self.pool.0.lock().unwrap_or_else(PoisonError::into_inner).push(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_comes_back_is_taken_again() {
        let pool = BufferPool::default();
        let mut first = pool.take(|| vec![0.0f32; 8]);
        first[3] = 1.0;
        let address = first.as_ptr();
        // While one is out, another is made.
        assert_eq!(*pool.take(|| vec![2.0]), [2.0]);
        drop(first);
        let again = pool.take(Vec::new);
        assert_eq!((again.as_ptr(), again[3]), (address, 1.0));
    }
}
