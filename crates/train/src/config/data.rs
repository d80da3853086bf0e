//! The section `[data]`.

use adder_data::split::NOTEBOOK_VALIDATION;
use adder_data::{ADDENDS, Augmentation, Dataset, HeldOutPairs, Source, Split};
use serde::{Deserialize, Serialize};

use crate::range::{Invalid, check};

/// The section `[data]`: which images there are and what is done to them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// `embedded`, `download`, `hub`, or the path of a data set: [`Source::Directory`] says what is taken.
    pub source: Source,
    /// Exchange rows and columns of every image, for files such as EMNIST's.
    pub transpose: bool,
    /// Take every pixel as 255 minus itself, for dark digits on light ground.
    pub invert: bool,
    /// Part of the training file that is held back for validation.
    pub validation_fraction: f64,
    /// Use only the first so many images of each set, as a smoke test; 0 for all.
    pub limit: usize,
    /// Different addends that go with an image each time it is read, 1 to 10: so many pairs for one pass through the
    /// convolutions.
    pub addends_per_image: usize,
    /// The pairs of a digit and an addend that training never shows; evaluation reports them apart.
    pub held_out_pairs: HeldOutPairs,
    /// Epochs at the end in which training images are read as they are.
    pub clean_epochs: u64,
    /// The most that training images are changed.
    pub augmentation: Augmentation,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            source: Source::Embedded,
            transpose: false,
            invert: false,
            validation_fraction: NOTEBOOK_VALIDATION,
            limit: 0,
            addends_per_image: 1,
            held_out_pairs: HeldOutPairs::default(),
            clean_epochs: 0,
            augmentation: Augmentation::NOTEBOOK,
        }
    }
}

impl DataConfig {
    /// The data of [`source`](Self::source), its images turned as [`transpose`](Self::transpose) and [`invert`](Self::invert)
    /// say: what a run is trained and measured on, and its record is of.
    pub fn oriented(&self, mut data: Dataset) -> Dataset {
        if self.transpose {
            data = data.transposed();
        }
        if self.invert {
            data = data.inverted();
        }
        data
    }

    /// The images that are used of those at `indices`: the first [`limit`](Self::limit).
    pub fn limited(&self, mut indices: Vec<u32>) -> Vec<u32> {
        if self.limit > 0 {
            indices.truncate(self.limit);
        }
        indices
    }

    /// The same of both parts of a split.
    ///
    /// # Errors
    /// As [`Split::limit`].
    pub fn limited_split(&self, split: Split) -> adder_data::Result<Split> {
        if self.limit == 0 { Ok(split) } else { split.limit(self.limit) }
    }

    pub(super) fn validate(&self) -> Result<(), Invalid> {
        let fraction = self.validation_fraction;
        check("data.validation_fraction", fraction, f64::MIN_POSITIVE..1.0, "a number above 0 and below 1")?;
        check("data.addends_per_image", self.addends_per_image, 1..=ADDENDS, "1 to 10 addends")?;
        check("data.clean_epochs", self.clean_epochs, ..=1_000_000, "0 to 1,000,000 epochs")?;
        self.held_out_pairs.check().map_err(|error| invalid("data.", error))?;
        let left = self.held_out_pairs.pairs().fewest_left();
        let expected =
            format!("at most {left}, as many addends as data.held_out_pairs leaves beside each digit");
        check("data.addends_per_image", self.addends_per_image, ..=left, &expected)?;
        self.augmentation.check().map_err(|error| invalid("data.augmentation.", error))
    }
}

/// An error of a setting, of the keys that begin with `prefix`.
fn invalid(prefix: &str, error: adder_data::Error) -> Invalid {
    match error {
        adder_data::Error::Setting { field, expected, found } => {
            Invalid { key: format!("{prefix}{field}"), expected: expected.into(), found }
        }
        other => Invalid {
            key: prefix.trim_end_matches('.').into(),
            expected: "sensible settings".into(),
            found: other.to_string(),
        },
    }
}
