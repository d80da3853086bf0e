//! What a person looks at: figures drawn from data and runs.
#![forbid(unsafe_code)]

mod canvas;
pub mod error;
pub mod sample_grid;

pub use error::{Error, Result};
pub use sample_grid::{Sample, draw_sample_grid, equation, save_sample_grid};
