//! Figures, pages and TensorBoard's files of data and runs, for people to look at.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use adder_report::{Record, run_figures, save_page};
//! use adder_train::RunDirectory;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let record = Record::read(&RunDirectory::newest(Path::new("runs"))?)?;
//! for (name, figure) in run_figures(&record) {
//!     figure.save_svg(Path::new(&format!("{name}.svg")))?;
//! }
//! save_page(Path::new("report.html"), &[record])?;
//! # Ok(())
//! # }
//! ```
//!
//! # The main idea
//! Everything is drawn from a run directory: a [`Record`] is its files, and with its data at hand [`Samples`] of its images and
//! an [`Inspection`] of its network. A figure names classes of colors, never colors, so that it is right on light and dark; a
//! page is one file that needs no network.
//!
//! # Limits
//! Nothing here trains, or changes a run. Figures are SVG and PNG of fixed sizes; a page shows them without a script but for
//! paging through mistakes.
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
