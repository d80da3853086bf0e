//! Batches for validation and evaluation: images as they are, addends that never change.

use std::slice::Chunks;

use crate::batch::write_plain;
use crate::{ADDENDS, Batch, Error, Labeled, Result, pairing};

/// The addends with which an image is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvaluationAddends {
    /// One for each image, drawn once for all from this seed.
    Fixed {
        /// The seed of the run.
        seed: u64,
    },
    /// All ten for each image, in order.
    Exhaustive,
}

/// Batches of the images at `indices`, in that order, the last one as long as it comes.
///
/// # Errors
/// [`Error::Setting`] if `batch_size` is zero, [`Error::Index`] if there is no such image.
pub fn evaluation_batches<'a>(
    data: &'a Labeled,
    indices: &'a [u32],
    batch_size: usize,
    addends: EvaluationAddends,
) -> Result<EvaluationBatches<'a>> {
    Error::check_setting(batch_size > 0, "batch_size", "at least 1", batch_size)?;
    data.check_indices(indices)?;
    Ok(EvaluationBatches { data, parts: indices.chunks(batch_size), addends })
}

/// The iterator that [`evaluation_batches`] returns.
#[derive(Clone, Debug)]
pub struct EvaluationBatches<'a> {
    data: &'a Labeled,
    parts: Chunks<'a, u32>,
    addends: EvaluationAddends,
}

impl Iterator for EvaluationBatches<'_> {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        let indices = self.parts.next()?;
        let mut batch = Batch::default();
        match self.addends {
            EvaluationAddends::Fixed { seed } => {
                let addend = |image| std::iter::once(pairing::evaluation_addend(seed, image));
                batch.set(self.data, indices, 1, addend);
            }
            EvaluationAddends::Exhaustive => {
                batch.set(self.data, indices, ADDENDS, |_| pairing::all_addends());
            }
        }
        for (image, out) in batch.pixels_mut() {
            write_plain(self.data.image(image), out);
        }
        Some(batch)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.parts.size_hint()
    }
}

impl ExactSizeIterator for EvaluationBatches<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PIXELS;

    fn data() -> Labeled {
        let images = (0..12 * PIXELS).map(|at| (at % 251) as u8).collect();
        Labeled::new(images, (0..12).map(|at| at % 10).collect()).unwrap()
    }

    #[test]
    fn images_come_in_order_as_they_are_with_their_fixed_addends() {
        let data = data();
        let indices = [11, 3, 0, 7, 5];
        let batches = evaluation_batches(&data, &indices, 2, EvaluationAddends::Fixed { seed: 1 }).unwrap();
        assert_eq!(batches.len(), 3);
        let batches: Vec<Batch> = batches.collect();
        assert_eq!(batches.iter().map(Batch::len).collect::<Vec<_>>(), [2, 2, 1]);
        for (at, &image) in indices.iter().enumerate() {
            let (batch, place) = (&batches[at / 2], at % 2);
            assert_eq!(batch.indices[place], image);
            assert_eq!(batch.bytes(place), *data.image(image));
            assert_eq!(batch.digits[place], data.label(image));
            assert_eq!(batch.addends[place], pairing::evaluation_addend(1, image));
            assert_eq!(batch.sums[place], batch.digits[place] + batch.addends[place]);
        }
        // The addend is the image's own, wherever it stands.
        let alone = evaluation_batches(&data, &[5], 9, EvaluationAddends::Fixed { seed: 1 }).unwrap().next();
        assert_eq!(alone.as_ref(), batches.last());
    }

    #[test]
    fn exhaustive_batches_have_all_ten_pairs_of_each_image() {
        let data = data();
        let batch =
            evaluation_batches(&data, &[4, 2], 5, EvaluationAddends::Exhaustive).unwrap().next().unwrap();
        assert_eq!((batch.len(), batch.pairs(), batch.addends_per_image), (2, 20, 10));
        assert_eq!(batch.images.len(), 2 * PIXELS);
        assert_eq!(batch.sums[..10], [4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
        assert_eq!(batch.sums[10..], [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
        assert_eq!(batch.digits, [[4; 10], [2; 10]].concat());
    }

    #[test]
    fn impossible_requests_are_refused() {
        let data = data();
        let request = |indices: &[u32], batch_size| {
            evaluation_batches(&data, indices, batch_size, EvaluationAddends::Exhaustive).map(Iterator::count)
        };
        assert!(matches!(request(&[0], 0), Err(Error::Setting { field: "batch_size", .. })));
        assert_eq!(request(&[0, 12], 1), Err(Error::Index { found: 12, images: 12 }));
        assert_eq!(request(&[], 1), Ok(0));
    }
}
