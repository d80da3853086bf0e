//! What a person looks at: figures drawn from data and runs.
#![forbid(unsafe_code)]

mod canvas;
mod chart;
mod drawing;
pub mod error;
pub mod figures;
mod history;
mod inspection;
mod overview;
pub mod page;
mod record;
pub mod sample_grid;
pub mod tensorboard;
pub mod words;

pub use drawing::Figure;
pub use error::{Error, Result};
pub use figures::run_figures;
pub use history::History;
pub use inspection::{Inspection, Prediction};
pub use overview::{Overview, State};
pub use page::save_page;
pub use record::Record;
pub use sample_grid::{Sample, draw_sample_grid, equation, save_sample_grid};
pub use tensorboard::TensorBoard;
