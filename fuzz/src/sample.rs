//! Images with labels for seeds.

use std::sync::Arc;

use adder_data::{Dataset, Labeled, PIXELS, Source};

/// Pixels of so many images, no two rows alike.
pub(crate) fn pixels(images: usize) -> Vec<u8> {
    (0..images * PIXELS).map(|index| (index * 7 + index / 28) as u8).collect()
}

/// Labels of so many images.
pub(crate) fn labels(images: usize) -> Vec<u8> {
    (0..images).map(|index| (index % 10) as u8).collect()
}

/// A data set of 24 and 8 images.
pub(crate) fn dataset() -> Dataset {
    let set =
        |images| Arc::new(Labeled::new(pixels(images), labels(images)).expect("as many labels as images"));
    Dataset { origin: Source::Embedded, train: set(24), evaluation: set(8) }
}
