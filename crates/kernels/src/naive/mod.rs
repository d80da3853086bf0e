//! The same operations as plain loops: the text to read first, and what every fast kernel is tested against.
//!
//! Nothing here is fast, and nothing checks its arguments: a slice of the wrong length panics.

pub mod pool;
