//! Data that was moved: the same images at another place than the configuration of a run says.

use adder_data::Dataset;

use crate::data_record::{DataRecord, Mismatch};
use crate::run_directory::RunDirectory;
use crate::trainer::error::TrainError;

/// Holds `data` to the record of the run. Where they lie elsewhere than the run's configuration says, the run remembers their
/// place; whether it did.
///
/// # Errors
/// [`TrainError::OtherData`] where the checksums differ; otherwise where the run's files cannot be read or written, or
/// were changed since they were written.
pub fn adopt_data(run: &RunDirectory, data: &Dataset) -> Result<bool, TrainError> {
    run.check()?;
    let mut config = run.config()?;
    let (expected, found) = (run.data()?, DataRecord::new(data));
    let pairs =
        [("train", expected.train, found.train), ("evaluation", expected.evaluation, found.evaluation)];
    if let Some((set, expected, found)) = pairs.into_iter().find(|(_, expected, found)| expected != found) {
        let (path, recorded, given) = (run.data_path(), config.data.source, data.origin.clone());
        return Err(TrainError::OtherData(Box::new(Mismatch {
            path,
            set,
            expected,
            recorded,
            found,
            given,
        })));
    }
    let moved = config.data.source != data.origin;
    if moved {
        config.data.source = data.origin.clone();
        run.write_config(&config)?;
    }
    Ok(moved)
}
