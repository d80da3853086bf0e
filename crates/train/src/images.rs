//! The images of a run.

use adder_data::{Dataset, Split};

use crate::config::Config;
use crate::trainer::error::TrainError;

/// The images that train, validate and evaluate.
#[derive(Debug)]
pub struct RunImages {
    /// Images of the training file that train, and that validate.
    pub split: Split,
    /// Images of the test file that evaluate.
    pub evaluation: Vec<u32>,
}

impl RunImages {
    /// The images of `data` that a run of `config` uses: `split`, or one that the seed draws, with `data.limit` images of each set.
    ///
    /// # Errors
    /// [`TrainError::Data`] where the split is of other data; [`TrainError::LoneImage`] where an epoch ends with a single pair.
    pub fn new(config: &Config, data: &Dataset, split: Option<Split>) -> Result<Self, TrainError> {
        let split = match split {
            Some(split) => split,
            None => Split::shuffled(data.train.len(), config.data.validation_fraction, config.seed)?,
        };
        split.check(&data.train)?;
        let split = config.data.limited_split(split)?;
        let (images, batch_size) = (split.train().len(), config.training.batch_size);
        if images % batch_size == 1 {
            return Err(TrainError::LoneImage { images, batch_size });
        }
        Ok(Self { split, evaluation: config.data.limited(data.evaluation.indices()) })
    }
}
