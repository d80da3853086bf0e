//! The images of a run, which may have been moved since it was trained.

use adder_data::{Dataset, Source};
use adder_train::config::DataConfig;
use adder_train::{DataRecord, RunDirectory, adopt_data};
use anyhow::Result;

use crate::context::Context;
use crate::error::Hinted;

/// The images of a run: where `given` says, which the run remembers from then on, or where it had them.
pub(crate) fn run_data(run: &RunDirectory, given: Option<&str>, context: &Context) -> Result<Dataset> {
    let recorded = run.config()?.data;
    let data = match given {
        None => context.load(&recorded).map_err(|error| with_hint(error, &recorded.source))?,
        Some(given) => context.load(&DataConfig { source: given.parse()?, ..recorded })?,
    };
    // A folder may have changed since, and a relative path means another one elsewhere.
    adopt_data(run, &data)?;
    Ok(data)
}

/// Lets a run whose folder of images is gone remember the place of `data`, if they are the same: who measures a run may do so on
/// any images.
pub(crate) fn remember_moved(run: &RunDirectory, data: &Dataset) -> Result<()> {
    if is_gone(&run.config()?.data.source) && run.data()? == DataRecord::new(data) {
        adopt_data(run, data)?;
    }
    Ok(())
}

/// Says with the failure to read images of a run from `recorded` how others are named, where that may help.
pub(crate) fn with_hint(error: anyhow::Error, recorded: &Source) -> anyhow::Error {
    if !matches!(recorded, Source::Directory(_)) {
        return error;
    }
    Hinted { error, hint: "--data names the place that the run's images were moved to".into() }.into()
}

fn is_gone(source: &Source) -> bool {
    matches!(source, Source::Directory(path) if !path.exists())
}
