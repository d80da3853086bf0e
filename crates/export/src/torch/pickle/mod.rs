//! Python's pickles, read without running anything: a class or a function is a name, a call is what would have been called.

mod cursor;
mod machine;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use machine::read;
pub(crate) use value::{Heap, Node, Object, Value};
