//! Warnings of data that looks odd: what the data tell alone, and what the built-in network makes of them.

use adder_data::check::{Suspicion, suspicions};
use adder_data::{Dataset, Source};
use adder_train::config::DataConfig;

use crate::output::shown;

/// Lines with the warnings that a data set deserves, and after them what to do. MNIST as it was published is above suspicion.
pub(crate) fn warnings(data: &Dataset, config: &DataConfig) -> Vec<String> {
    let Source::Directory(path) = &data.origin else { return Vec::new() };
    let mut warnings: Vec<String> = suspicions(data)
        .iter()
        .map(|suspicion| format!("{suspicion}{}", advice(suspicion, config)))
        .collect();
    warnings.extend(transposed(data, config));
    for warning in &mut warnings {
        *warning = format!("warning: {}: {warning}", shown(path));
    }
    if !warnings.is_empty() {
        warnings.push(format!("hint: {} shows samples", samples_command(config)));
    }
    warnings
}

/// What to do about a suspicion, where the command line can do it.
fn advice(suspicion: &Suspicion, config: &DataConfig) -> &'static str {
    match suspicion {
        Suspicion::Inverted { .. } if config.invert => "; --invert made them so, --invert=false leaves them",
        Suspicion::Inverted { .. } => "; --invert makes them so",
        Suspicion::BinaryPixels { .. } => "; multiply them by 255",
        _ => "",
    }
}

/// The command that draws samples of the same data.
fn samples_command(config: &DataConfig) -> String {
    let flag = |is_set: bool, flag| if is_set { flag } else { "" };
    let (transpose, invert) = (flag(config.transpose, " --transpose"), flag(config.invert, " --invert"));
    format!("`adder data --data {}{transpose}{invert}`", quoted(&config.source.to_string()))
}

/// A word of a command as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_./:\\".contains(letter);
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(feature = "pretrained")]
use network::transposed;

#[cfg(not(feature = "pretrained"))]
fn transposed(_: &Dataset, _: &DataConfig) -> Option<String> {
    None
}

/// What only a network that reads digits can see.
#[cfg(feature = "pretrained")]
mod network {
    use adder_data::check::{Set, spread};
    use adder_data::{Labeled, PIXELS, SIDE, normalize};
    use adder_model::{Addends, Predictor, argmax};

    use super::*;

    /// Images of each set that the network reads.
    const ASKED: usize = 100;
    /// How many more must be right the other way. By chance so many don't turn: a network that reads the images as they
    /// are is wrong on a few in a hundred, and one that can't read them is right on one in ten in either way.
    const LEAST_DIFFERENCE: usize = 10;

    /// A warning where the built-in network reads the images of a set much better with rows and columns exchanged.
    pub(super) fn transposed(data: &Dataset, config: &DataConfig) -> Option<String> {
        // The answers are those of a small part of the data: where they can't be had, nothing is lost.
        let network = Predictor::pretrained().ok()?;
        let (mut train, mut evaluation) = (Counts::default(), Counts::default());
        train.add(&network, &data.train)?;
        evaluation.add(&network, &data.evaluation)?;
        let both = train.with(&evaluation);
        // Small sets can only be judged together.
        let sets = [(Set::Both, both), (Set::Train, train), (Set::Evaluation, evaluation)];
        let (set, counts) = sets.into_iter().find(|(_, counts)| counts.are_of_transposed_images())?;
        let Counts { images, right, right_transposed } = counts;
        let advice = match (set, config.transpose) {
            (Set::Both, false) => "; --transpose exchanges them",
            (Set::Both, true) => "; --transpose made them so, --transpose=false leaves them",
            _ => ", those of the other set do not",
        };
        Some(format!(
            "the {set} images look transposed, rows and columns exchanged as in EMNIST's files: of {images} the built-in \
             network reads {right_transposed} right when they are exchanged and {right} as they are{advice}"
        ))
    }

    /// Images that the network read, and how many right.
    #[derive(Clone, Copy, Default)]
    struct Counts {
        images: usize,
        right: usize,
        right_transposed: usize,
    }

    impl Counts {
        fn with(self, other: &Self) -> Self {
            Self {
                images: self.images + other.images,
                right: self.right + other.right,
                right_transposed: self.right_transposed + other.right_transposed,
            }
        }

        fn are_of_transposed_images(&self) -> bool {
            let difference = LEAST_DIFFERENCE.max(self.images / 4);
            self.right_transposed >= self.right + difference && self.right_transposed * 10 >= self.images * 7
        }

        fn add(&mut self, network: &Predictor, set: &Labeled) -> Option<()> {
            let asked: Vec<u32> = spread(set, ASKED).collect();
            let pixel = |index: u32, at: usize| normalize(f32::from(set.image(index)[at]));
            let plain = asked.iter().flat_map(|&index| (0..PIXELS).map(move |at| pixel(index, at)));
            let turned = asked
                .iter()
                .flat_map(|&index| (0..PIXELS).map(move |at| pixel(index, at % SIDE * SIDE + at / SIDE)));
            self.images += asked.len();
            self.right += right(network, &plain.collect::<Vec<_>>(), &asked, set)?;
            self.right_transposed += right(network, &turned.collect::<Vec<_>>(), &asked, set)?;
            Some(())
        }
    }

    /// The number of `images` whose digit the network reads as their label says.
    fn right(network: &Predictor, images: &[f32], asked: &[u32], set: &Labeled) -> Option<usize> {
        let logits = network.predict_batch(images, Addends::Each(&vec![0; asked.len()])).ok()?;
        let classes = logits.digit.chunks_exact(adder_data::DIGITS);
        let is_right = |(digits, &index): (&[f32], &u32)| argmax(digits) == usize::from(set.label(index));
        Some(classes.zip(asked).filter(|&pair| is_right(pair)).count())
    }
}
