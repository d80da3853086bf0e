//! Reports as HTML: one file that needs no network, light or dark as its reader likes, on a phone and on paper.

mod compare;
mod frame;
mod mistakes;
mod run;
mod tables;

use std::io::Write as _;
use std::path::Path;

use adder_data::whole_file::write_whole;

use crate::{Error, Record, Result};

pub use compare::compare_page;
pub(crate) use mistakes::answer;
pub use run::run_page;

/// Writes the report of a run, or the comparison of several, whole or not at all.
///
/// # Errors
/// [`Error::Write`]; [`Error::Model`] where a run's network cannot be.
pub fn save_page(path: &Path, records: &[Record]) -> Result<()> {
    let page = match records {
        [record] => run_page(record)?,
        records => compare_page(records),
    };
    write_whole(path, |file| file.write_all(page.as_bytes()))
        .map_err(|error| Error::Write { path: path.to_owned(), reason: error.to_string() })
}
