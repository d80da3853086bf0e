//! What a person looks at: figures drawn from data and runs.
#![forbid(unsafe_code)]

mod chart;
mod drawing;
pub mod error;
pub mod figures;
mod history;
mod inspection;
mod overview;
pub mod page;
mod record;
mod samples;
pub mod tensorboard;
pub mod words;

pub use drawing::Figure;
pub use error::{Error, Result};
pub use figures::{equation, run_figures};
pub use history::History;
pub use inspection::{Inspection, Prediction};
pub use overview::{Overview, State};
pub use page::save_page;
pub use record::Record;
pub use samples::{Sample, Samples};
pub use tensorboard::TensorBoard;
