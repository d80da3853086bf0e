//! Sums over a batch in an order that the number of threads does not change.

use std::slice::ChunksExact;

use rayon::prelude::*;

/// Images whose sums are formed together, one after the other. Chunks are what threads share out; their sums are then
/// added in the order of the chunks.
pub(crate) const CHUNK: usize = 8;

/// The number of values that a task adds up: less does not pay for a thread.
const MIN_TASK_VALUES: usize = 1024;

/// A row of sums for each chunk of a batch.
#[derive(Debug, Default)]
pub(crate) struct PartialSums<T> {
    len: usize,
    rows: Vec<T>,
}

impl<T: Copy + Default + Send> PartialSums<T> {
    /// A row of `len` zeros, at least one, for each chunk; the tasks that take them set them to zero.
    pub(crate) fn start(
        &mut self,
        batch: usize,
        len: usize,
    ) -> impl IndexedParallelIterator<Item = &mut [T]> {
        self.len = len;
        self.rows.resize(batch.div_ceil(CHUNK) * len, T::default());
        self.rows.par_chunks_exact_mut(len).map(|row| {
            row.fill(T::default());
            row
        })
    }

    /// The rows in the order of the chunks.
    pub(crate) fn rows(&self) -> ChunksExact<'_, T> {
        self.rows.chunks_exact(self.len)
    }
}

impl PartialSums<f32> {
    /// Writes the totals of all rows, added in `f64`, to `totals`.
    pub(crate) fn add_up(&self, totals: &mut [f32]) {
        totals.par_chunks_mut(MIN_TASK_VALUES).enumerate().for_each(|(task, totals)| {
            let mut exact = [0f64; MIN_TASK_VALUES];
            for row in self.rows() {
                let row = &row[task * MIN_TASK_VALUES..][..totals.len()];
                exact.iter_mut().zip(row).for_each(|(total, &value)| *total += f64::from(value));
            }
            totals.iter_mut().zip(exact).for_each(|(total, exact)| *total = exact as f32);
        });
    }
}

/// The sum of values in `f64`, in eight chains that one register of AVX-512 or several smaller ones hold.
pub(crate) fn sum(values: &[f32]) -> f64 {
    let mut chains = [0f64; 8];
    let eights = values.chunks_exact(8);
    let rest = eights.remainder();
    for eight in eights {
        chains.iter_mut().zip(eight).for_each(|(chain, &value)| *chain += f64::from(value));
    }
    chains.iter_mut().zip(rest).for_each(|(chain, &value)| *chain += f64::from(value));
    chains.iter().sum()
}
