//! Figures, pages and TensorBoard's files of data and runs, for people to look at.
#![forbid(unsafe_code)]

mod chart;
mod drawing;
pub mod error;
pub mod figures;
pub mod format;
mod inspection;
mod overview;
pub mod page;
mod record;
mod samples;
pub mod tensorboard;

pub use drawing::Figure;
pub use error::{Error, Result};
pub use figures::{equation, run_figures};
pub use inspection::{AnsweredImage, Inspection};
pub use overview::{Overview, RunState};
pub use page::save_page;
pub use record::Record;
pub use samples::{Sample, Samples};
pub use tensorboard::TensorBoard;
