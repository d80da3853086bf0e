//! What looks odd in a data set: no error, but perhaps not what was meant.
//!
//! A set of a person's own may be anything, so nothing here is refused. What is asked is chosen so that MNIST, its relatives and
//! parts of them, however small, raise no suspicion; `docs/data.md` has the figures.

use std::collections::HashSet;
use std::fmt;

use crate::{Dataset, Labeled, PIXELS, SIDE};

/// Images of a set that are looked at where not all need be, spread over it.
const SAMPLE: usize = 1000;
/// Pixels at the edge that MNIST's digits never reach.
const BORDER: usize = 2;
/// Pixels between the edge and the middle, where digits are.
const MARGIN: usize = 8;
/// Images of which some must differ in their label. Of fewer, all may well show the same digit.
const FEWEST_OF_CLASSES: usize = 5;
/// How much lighter than the middle the border must be. Inverted MNIST has 100 and more, noise none.
const DIFFERENCE: f64 = 32.0;

/// An oddity of a data set. Shown as a sentence without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Suspicion {
    /// The ground is light and the digits dark, where MNIST has light digits on dark ground.
    Inverted {
        /// The set in which it is so.
        set: Set,
        /// The mean of the pixels near the edge.
        border: u8,
        /// The mean of the pixels in the middle.
        middle: u8,
    },
    /// No pixel is above 1, where white is 255.
    BinaryPixels {
        /// The set in which it is so.
        set: Set,
    },
    /// All labels are the same.
    OneClass {
        /// The set in which it is so.
        set: Set,
        /// The label.
        digit: u8,
    },
    /// Half of the test images or more are training images too.
    Shared {
        /// Test images that are among the training images.
        shared: usize,
        /// All test images.
        images: usize,
    },
}

/// One of the two sets, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// The training file.
    Train,
    /// The test file.
    Evaluation,
    /// Both files.
    Both,
}

/// All suspicions that a data set raises. Takes some tens of milliseconds for one of MNIST's size.
pub fn suspicions(data: &Dataset) -> Vec<Suspicion> {
    let mut found = Vec::new();
    let sets = [(Set::Train, &*data.train), (Set::Evaluation, &*data.evaluation)];
    let inverted = sets.map(|(set, labeled)| (set, border_and_middle(labeled)));
    if let Some((set, (border, middle))) =
        which(inverted.map(|(set, means)| (set, is_inverted(means), means)))
    {
        found.push(Suspicion::Inverted { set, border: border.round() as u8, middle: middle.round() as u8 });
    }
    let is_binary = |labeled: &Labeled| labeled.images().iter().all(|&pixel| pixel <= 1);
    if let Some((set, ())) = which(sets.map(|(set, labeled)| (set, is_binary(labeled), ()))) {
        found.push(Suspicion::BinaryPixels { set });
    }
    for (set, labeled) in sets {
        let digit = labeled.label(0);
        if labeled.len() >= FEWEST_OF_CLASSES && labeled.labels().iter().all(|&label| label == digit) {
            found.push(Suspicion::OneClass { set, digit });
        }
    }
    let shared = shared_images(data);
    if shared * 2 >= data.evaluation.len() {
        found.push(Suspicion::Shared { shared, images: data.evaluation.len() });
    }
    found
}

/// The sets that something holds for, and the value of the first of them.
fn which<T: Copy>(sets: [(Set, bool, T); 2]) -> Option<(Set, T)> {
    match sets {
        [(_, true, value), (_, true, _)] => Some((Set::Both, value)),
        [(set, true, value), _] | [_, (set, true, value)] => Some((set, value)),
        _ => None,
    }
}

fn is_inverted((border, middle): (f64, f64)) -> bool {
    border > middle + DIFFERENCE
}

/// Indices of at most `count` images, spread evenly over a set.
pub fn spread(labeled: &Labeled, count: usize) -> impl Iterator<Item = u32> + use<> {
    let (images, count) = (labeled.len(), count.min(labeled.len()));
    (0..count).map(move |at| (at * images / count) as u32)
}

/// The mean of the pixels near the edge and of those in the middle, over a sample of the images.
fn border_and_middle(labeled: &Labeled) -> (f64, f64) {
    let (mut border, mut middle) = ((0u64, 0u64), (0u64, 0u64));
    for index in spread(labeled, SAMPLE) {
        for (at, &pixel) in labeled.image(index).iter().enumerate() {
            let (row, column) = (at / SIDE, at % SIDE);
            let to_edge = row.min(column).min(SIDE - 1 - row).min(SIDE - 1 - column);
            let sums = match to_edge {
                ..BORDER => &mut border,
                MARGIN.. => &mut middle,
                _ => continue,
            };
            *sums = (sums.0 + u64::from(pixel), sums.1 + 1);
        }
    }
    let mean = |(sum, count): (u64, u64)| sum as f64 / count.max(1) as f64;
    (mean(border), mean(middle))
}

/// The number of test images that are among the training images, pixel for pixel.
fn shared_images(data: &Dataset) -> usize {
    let train: HashSet<&[u8]> = data.train.images().chunks_exact(PIXELS).collect();
    data.evaluation.images().chunks_exact(PIXELS).filter(|image| train.contains(image)).count()
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Train => "training",
            Self::Evaluation => "test",
            Self::Both => "training and test",
        })
    }
}

impl fmt::Display for Suspicion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inverted { set, border, middle } => write!(
                f,
                "the {set} images look inverted: their border is lighter (mean {border}) than their middle ({middle}), \
                 where MNIST has light digits on dark ground"
            ),
            Self::BinaryPixels { set } => write!(
                f,
                "no pixel of the {set} images is above 1, and 255 is white: this looks like a set of zeros and ones, \
                 all but black to the network"
            ),
            Self::OneClass { set, digit } => write!(f, "every label of the {set} images is {digit}"),
            Self::Shared { shared, images } => write!(
                f,
                "{shared} of {images} test images are training images too, so that the accuracy on them says nothing \
                 about new digits"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Source;

    /// Images with a light bar, each another one, on dark ground.
    fn bars(count: usize, first: usize) -> Labeled {
        let image = |number: usize| {
            let bar = move |at: usize| (9..19).contains(&(at / SIDE)) && (10..17).contains(&(at % SIDE));
            let mark = move |at: usize| at == 300 + number;
            (0..PIXELS).map(move |at| {
                if mark(at) {
                    128
                } else if bar(at) {
                    250
                } else {
                    0
                }
            })
        };
        let images = (first..first + count).flat_map(image).collect();
        Labeled::new(images, (0..count).map(|at| (at % 10) as u8).collect()).unwrap()
    }

    fn dataset(train: Labeled, evaluation: Labeled) -> Dataset {
        Dataset { origin: Source::Embedded, train: Arc::new(train), evaluation: Arc::new(evaluation) }
    }

    #[test]
    fn a_usual_set_raises_none() {
        assert_eq!(suspicions(&dataset(bars(50, 0), bars(20, 50))), []);
        assert_eq!(suspicions(&dataset(bars(1, 0), bars(1, 1))), []);
    }

    #[test]
    fn inverted_sets_are_told_each_for_itself() {
        let plain = dataset(bars(50, 0), bars(20, 50));
        let inverted = plain.clone().inverted();
        let sets = |data: &Dataset| -> Vec<Set> {
            let set = |suspicion| match suspicion {
                Suspicion::Inverted { set, border: 250.., .. } => set,
                other => panic!("{other}"),
            };
            suspicions(data).into_iter().map(set).collect()
        };
        assert_eq!(sets(&inverted), [Set::Both]);
        assert_eq!(sets(&Dataset { train: inverted.train.clone(), ..plain.clone() }), [Set::Train]);
        assert_eq!(
            sets(&Dataset { evaluation: inverted.evaluation.clone(), ..plain.clone() }),
            [Set::Evaluation]
        );
        assert_eq!(inverted.inverted(), plain);
    }

    #[test]
    fn zeros_and_ones_one_class_and_shared_images_are_told() {
        let train = bars(50, 0);
        let ones: Vec<u8> = train.images().iter().map(|&pixel| u8::from(pixel > 200)).collect();
        let sevens = Labeled::new(ones, vec![7; 50]).unwrap();
        let found = suspicions(&dataset(sevens, bars(20, 50)));
        let expected =
            [Suspicion::BinaryPixels { set: Set::Train }, Suspicion::OneClass { set: Set::Train, digit: 7 }];
        assert_eq!(found, expected);
        let found = suspicions(&dataset(train.clone(), bars(20, 40)));
        assert_eq!(found, [Suspicion::Shared { shared: 10, images: 20 }]);
        assert_eq!(suspicions(&dataset(train, bars(20, 41))), []);
    }

    #[test]
    fn a_transposed_set_has_rows_for_columns() {
        let plain = dataset(bars(3, 0), bars(2, 50));
        let transposed = plain.clone().transposed();
        assert_eq!(transposed.train.image(2)[7 * SIDE + 20], plain.train.image(2)[20 * SIDE + 7]);
        assert_ne!(transposed.train, plain.train);
        assert_ne!(transposed.evaluation.checksum(), plain.evaluation.checksum());
        assert_eq!(transposed.transposed(), plain);
    }

    #[test]
    fn a_sample_is_spread() {
        let labeled = bars(10, 0);
        assert_eq!(spread(&labeled, 4).collect::<Vec<_>>(), [0, 2, 5, 7]);
        assert_eq!(spread(&labeled, 100).count(), 10);
    }
}
