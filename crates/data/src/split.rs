//! Cutting the training file into train and validation.

use adder_random::{Purpose, Stream};
use serde::{Deserialize, Serialize};

use crate::error::SplitError;
use crate::{Error, Labeled, Result};

/// The fraction of the training file that the notebook holds back for validation.
pub const NOTEBOOK_VALIDATION: f64 = 0.2;

/// A partition of the training file into images for training and images for validation.
///
/// A value to be saved with a run: `{"images": 60000, "train": [...], "validation": [...]}`. What is read back is
/// checked: every index is below `images` and none comes twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Saved")]
pub struct Split {
    images: usize,
    train: Vec<u32>,
    validation: Vec<u32>,
}

impl Split {
    /// Shuffles the indices of `images` images by `seed`; the last `validation_fraction` of them are for validation.
    ///
    /// With 60,000 images and 0.2 that is 48,000 and 12,000.
    ///
    /// # Errors
    /// [`Error::Setting`] if the fraction is not between 0 and 1, [`SplitError::EmptyPart`] if a part gets no image.
    pub fn shuffled(images: usize, validation_fraction: f64, seed: u64) -> Result<Self> {
        let inside = validation_fraction > 0.0 && validation_fraction < 1.0;
        Error::check_setting(inside, "validation_fraction", "between 0 and 1", validation_fraction)?;
        let count = u32::try_from(images).map_err(|_| Error::Setting {
            field: "images",
            expected: "below 2^32",
            found: images.to_string(),
        })?;
        let mut train = Stream::new(seed, Purpose::Split, 0, 0).permutation(count);
        let held_back = (images as f64 * validation_fraction).round() as usize;
        let validation = train.split_off(images - held_back);
        Ok(Saved { images, train, validation }.try_into()?)
    }

    /// The indices of the images for training.
    pub fn train(&self) -> &[u32] {
        &self.train
    }

    /// The indices of the images for validation.
    pub fn validation(&self) -> &[u32] {
        &self.validation
    }

    /// The same split with only the first `count` images of each part.
    ///
    /// # Errors
    /// [`Error::Setting`] if `count` is zero.
    pub fn limit(mut self, count: usize) -> Result<Self> {
        Error::check_setting(count > 0, "limit", "at least 1", count)?;
        self.train.truncate(count);
        self.validation.truncate(count);
        Ok(self)
    }

    /// `Ok` if the split is of a set of as many images.
    ///
    /// # Errors
    /// [`SplitError::OtherData`].
    pub fn check(&self, data: &Labeled) -> Result<()> {
        if self.images != data.len() {
            return Err(SplitError::OtherData { expected: self.images, found: data.len() }.into());
        }
        Ok(())
    }
}

/// A split as it is written, not yet checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    images: usize,
    train: Vec<u32>,
    validation: Vec<u32>,
}

impl TryFrom<Saved> for Split {
    type Error = SplitError;

    fn try_from(Saved { images, train, validation }: Saved) -> std::result::Result<Self, SplitError> {
        if train.is_empty() || validation.is_empty() {
            return Err(SplitError::EmptyPart { train: train.len(), validation: validation.len() });
        }
        // Sorted, for `images` comes from a file too and must not decide what is allocated.
        let mut all = [train.as_slice(), &validation].concat();
        all.sort_unstable();
        match all.last() {
            Some(&found) if found as usize >= images => return Err(SplitError::OutOfRange { found, images }),
            _ => {}
        }
        if let Some(pair) = all.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(SplitError::Repeated { found: pair[0] });
        }
        Ok(Self { images, train, validation })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_full_set_is_cut_into_48_000_and_12_000() {
        let split = Split::shuffled(60_000, NOTEBOOK_VALIDATION, 1).unwrap();
        assert_eq!((split.train().len(), split.validation().len()), (48_000, 12_000));
        let mut all = [split.train(), split.validation()].concat();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..60_000));
    }

    #[test]
    fn a_split_is_frozen() {
        // Computed by an independent ChaCha8 and shuffle in Python.
        let split = Split::shuffled(10, NOTEBOOK_VALIDATION, 42).unwrap();
        assert_eq!((split.train(), split.validation()), (&[0, 7, 8, 3, 2, 5, 1, 9][..], &[4, 6][..]));
        assert_ne!(split, Split::shuffled(10, NOTEBOOK_VALIDATION, 43).unwrap());
    }

    #[test]
    fn a_split_survives_being_saved() {
        let split = Split::shuffled(100, 0.3, 7).unwrap();
        let text = serde_json::to_string(&split).unwrap();
        assert_eq!(serde_json::from_str::<Split>(&text).unwrap(), split);
        assert!(text.starts_with(r#"{"images":100,"train":["#), "{text}");
    }

    #[test]
    fn what_is_read_back_is_checked() {
        let read = |text: &str| serde_json::from_str::<Split>(text).unwrap_err().to_string();
        let cases = [
            (r#"{"images":3,"train":[0,3],"validation":[1]}"#, "the split names image 3 of 3"),
            (r#"{"images":3,"train":[0,1],"validation":[1]}"#, "the split names image 1 twice"),
            (r#"{"images":3,"train":[2,2],"validation":[1]}"#, "the split names image 2 twice"),
            (
                r#"{"images":3,"train":[2],"validation":[]}"#,
                "1 image for training and 0 for validation: each needs one; `data.validation_fraction` sets their shares",
            ),
            (r#"{"images":3,"train":[2],"validation":[1],"test":[0]}"#, "unknown field `test`"),
            (r#"{"images":3,"train":[-1],"validation":[1]}"#, "invalid value: integer `-1`"),
        ];
        for (text, expected) in cases {
            let found = read(text);
            assert!(found.starts_with(expected), "{text}: {found}");
        }
    }

    #[test]
    fn a_split_of_other_data_is_refused() {
        let data = Labeled::new(vec![0; 4 * crate::PIXELS], vec![0; 4]).unwrap();
        Split::shuffled(4, 0.5, 0).unwrap().check(&data).unwrap();
        let other = Split::shuffled(5, 0.5, 0).unwrap().check(&data);
        assert_eq!(other, Err(SplitError::OtherData { expected: 5, found: 4 }.into()));
    }

    #[test]
    fn fractions_and_limits_are_checked() {
        for fraction in [0.0, 1.0, -0.1, f64::NAN, f64::INFINITY] {
            let refused = Split::shuffled(10, fraction, 0);
            assert!(
                matches!(refused, Err(Error::Setting { field: "validation_fraction", .. })),
                "{fraction}"
            );
        }
        let alone = Split::shuffled(1, 0.2, 0);
        assert_eq!(alone, Err(SplitError::EmptyPart { train: 1, validation: 0 }.into()));
        let split = Split::shuffled(10, 0.5, 0).unwrap();
        let limited = split.clone().limit(2).unwrap();
        assert_eq!((limited.train(), limited.validation()), (&split.train()[..2], &split.validation()[..2]));
        assert!(matches!(split.limit(0), Err(Error::Setting { field: "limit", .. })));
    }

    proptest! {
        #[test]
        fn every_split_passes_its_own_check(images in 2usize..500, fraction in 0.01f64..0.99, seed: u64) {
            if let Ok(split) = Split::shuffled(images, fraction, seed) {
                prop_assert_eq!(split.train().len() + split.validation().len(), images);
                let text = serde_json::to_string(&split).unwrap();
                prop_assert_eq!(serde_json::from_str::<Split>(&text).unwrap(), split);
            }
        }
    }
}
