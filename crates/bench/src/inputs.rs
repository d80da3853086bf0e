//! Seeded inputs.

use adder_random::{Purpose, Stream};

/// `len` values in `[-1, 1)`, different ones for each `index`.
pub fn values(index: u64, len: usize) -> Vec<f32> {
    let mut stream = Stream::new(0, Purpose::Test, 0, index);
    (0..len).map(|_| stream.uniform(-1.0, 1.0)).collect()
}

/// `len` classes in `0..classes`, different ones for each `index`.
pub fn classes(index: u64, len: usize, classes: u32) -> Vec<u32> {
    let mut stream = Stream::new(0, Purpose::Test, 1, index);
    (0..len).map(|_| stream.below(classes)).collect()
}
