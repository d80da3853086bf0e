//! Samples of the images that a network is trained and measured on.

use std::sync::Arc;

use adder_data::{
    Batch, Dataset, EvaluationAddends, Labeled, LoaderConfig, PIXELS, Position, Split, TrainLoader,
    evaluation_batches,
};
use adder_train::Config;

use crate::error::Result;

/// Nine of each set, as in the notebook.
const SAMPLES: usize = 9;

/// An image and the number that is to be added to its digit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// 28x28 bytes, 0 black to 255 white.
    pub pixels: [u8; PIXELS],
    /// The digit in the image.
    pub digit: u8,
    /// The number to add.
    pub addend: u8,
}

/// The first images of the three sets, at most nine each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Samples {
    /// As the first step of training sees them, augmented.
    pub training: Vec<Sample>,
    /// Images held back from training, as they are, with the addends of every validation.
    pub validation: Vec<Sample>,
    /// Images of the test file, as they are, with the addends of the evaluation.
    pub evaluation: Vec<Sample>,
}

impl Samples {
    /// The samples of a run with `config` whose data is `data`, cut by `split`; limits of the configuration are applied here.
    ///
    /// # Errors
    /// [`Error::Data`](crate::Error::Data) where the split is of other data.
    pub fn new(config: &Config, data: &Dataset, split: &Split) -> Result<Self> {
        split.check(&data.train)?;
        Ok(Self {
            training: augmented(config, &data.train, &config.data.limited(split.train().to_vec()))?,
            validation: as_they_are(config, &data.train, &config.data.limited(split.validation().to_vec()))?,
            evaluation: as_they_are(
                config,
                &data.evaluation,
                &config.data.limited(data.evaluation.indices()),
            )?,
        })
    }
}

fn augmented(config: &Config, data: &Arc<Labeled>, indices: &[u32]) -> Result<Vec<Sample>> {
    let batch_size = SAMPLES.min(indices.len());
    let loader = LoaderConfig { batch_size, addends_per_image: 1, ..config.loader(0) };
    let mut loader = TrainLoader::new(data.clone(), indices.to_vec(), loader, Position::default())?;
    Ok(samples(&loader.next_batch()))
}

fn as_they_are(config: &Config, data: &Labeled, indices: &[u32]) -> Result<Vec<Sample>> {
    let addends = EvaluationAddends::Fixed { seed: config.seed };
    let first = &indices[..SAMPLES.min(indices.len())];
    Ok(samples(&evaluation_batches(data, first, SAMPLES, addends)?.next().unwrap_or_default()))
}

/// The images of a batch that has one pair of each.
fn samples(batch: &Batch) -> Vec<Sample> {
    let sample = |place| Sample {
        pixels: batch.bytes(place),
        digit: batch.digits[place],
        addend: batch.addends[place],
    };
    (0..batch.len()).map(sample).collect()
}

#[cfg(test)]
mod tests {
    use adder_data::{Augmentation, Source, load, pairing};

    use super::*;

    fn embedded() -> Dataset {
        load(&Source::Embedded, &mut |_| {}).unwrap()
    }

    #[test]
    fn validation_and_evaluation_are_the_first_images_with_their_addends() {
        let (config, data) = (Config::default(), embedded());
        let split = Split::shuffled(data.train.len(), 0.2, config.seed).unwrap();
        let samples = Samples::new(&config, &data, &split).unwrap();
        let expected = |data: &Labeled, index: u32| Sample {
            pixels: *data.image(index),
            digit: data.label(index),
            addend: pairing::evaluation_addend(config.seed, index),
        };
        let validation = split.validation()[..9].iter().map(|&index| expected(&data.train, index));
        assert!(samples.validation.iter().cloned().eq(validation));
        assert!(samples.evaluation.iter().cloned().eq((0..9).map(|index| expected(&data.evaluation, index))));
    }

    #[test]
    fn training_images_are_those_of_the_first_step() {
        let (mut config, data) = (Config::default(), embedded());
        config.data.limit = 4;
        let split = Split::shuffled(data.train.len(), 0.2, config.seed).unwrap();
        let augmented = Samples::new(&config, &data, &split).unwrap();
        let sizes = [&augmented.training, &augmented.validation, &augmented.evaluation].map(Vec::len);
        assert_eq!(sizes, [4, 4, 4]);

        config.data.augmentation = Augmentation::NONE;
        let plain = Samples::new(&config, &data, &split).unwrap();
        let used = &split.train()[..4];
        for (augmented, plain) in augmented.training.iter().zip(&plain.training) {
            assert_eq!((augmented.digit, augmented.addend), (plain.digit, plain.addend));
            assert_ne!(augmented.pixels, plain.pixels);
            let index = used.iter().find(|&&index| *data.train.image(index) == plain.pixels).unwrap();
            assert!(pairing::training_addends(config.seed, 0, *index, 1).eq([plain.addend]));
        }
        // Where every epoch is clean, nothing is augmented.
        config.data.augmentation = Augmentation::NOTEBOOK;
        config.data.clean_epochs = config.training.epochs;
        assert_eq!(Samples::new(&config, &data, &split).unwrap(), plain);
    }

    #[test]
    fn a_split_of_other_data_is_refused() {
        let split = Split::shuffled(50, 0.2, 1).unwrap();
        let refused = Samples::new(&Config::default(), &embedded(), &split);
        assert!(matches!(refused, Err(crate::Error::Data(_))), "{refused:?}");
    }
}
