//! The layers after the convolutions.

mod spec;

pub use spec::{HeadLayout, HeadSpec};
