//! MNIST from the Hugging Face Hub, by candle-datasets, which caches it in the Hub's own folder.

use std::fmt::Display;

use candle_datasets::vision::mnist;

use crate::{Error, Labeled, Result};

/// Loads, and where it is not cached yet fetches, `ylecun/mnist`.
pub(crate) fn load() -> Result<(Labeled, Labeled)> {
    // The images are f32 in [0, 1] of shape [count, 784], the labels u8 of shape [count].
    let dataset = mnist::load().map_err(failed)?;
    let train_images = dataset.train_images.flatten_all().and_then(|flat| flat.to_vec1()).map_err(failed)?;
    let train = labeled(train_images, dataset.train_labels.to_vec1().map_err(failed)?)?;
    let test_images = dataset.test_images.flatten_all().and_then(|flat| flat.to_vec1()).map_err(failed)?;
    let evaluation = labeled(test_images, dataset.test_labels.to_vec1().map_err(failed)?)?;
    Ok((train, evaluation))
}

fn labeled(images: Vec<f32>, labels: Vec<u8>) -> Result<Labeled> {
    Labeled::new(images.into_iter().map(byte).collect(), labels).map_err(failed)
}

/// Undoes candle-datasets' division by 255.
fn byte(value: f32) -> u8 {
    (value * 255.0).round() as u8
}

fn failed(error: impl Display) -> Error {
    Error::Hub { reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_exactly() {
        for value in 0..=255 {
            assert_eq!(byte(f32::from(value) / 255.0), value);
            // As a division is sometimes done.
            assert_eq!(byte(f32::from(value) * (1.0 / 255.0)), value);
        }
    }
}
