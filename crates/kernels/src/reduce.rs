//! Sums over a batch in an order that the number of threads does not change.

use rayon::prelude::*;

/// Images whose sums are formed together, one after the other. Chunks are what threads share out; their sums are then
/// added in the order of the chunks.
pub(crate) const CHUNK: usize = 8;

/// Values that a task adds up: less does not pay for a thread.
const MIN_TASK_VALUES: usize = 1024;

/// Adds partial sums up in their order, in `f64`, and writes the rounded totals to `sums`.
pub(crate) fn sum_in_order<T: AsRef<[f32]> + Sync>(partial_sums: &[T], sums: &mut [f32]) {
    sums.par_chunks_mut(MIN_TASK_VALUES).enumerate().for_each(|(task, sums)| {
        let mut totals = [0f64; MIN_TASK_VALUES];
        for partial in partial_sums {
            let partial = &partial.as_ref()[task * MIN_TASK_VALUES..][..sums.len()];
            totals.iter_mut().zip(partial).for_each(|(total, &value)| *total += f64::from(value));
        }
        sums.iter_mut().zip(totals).for_each(|(sum, total)| *sum = total as f32);
    });
}
