//! One image as bytes, one addend, one answer.

use crate::{Addends, Answer, Error, IMAGE_SIDE, Predictor, Result};

/// Pixels of an image.
const PIXELS: usize = IMAGE_SIDE * IMAGE_SIDE;
/// Mean of MNIST's training pixels on a scale from 0 to 1, as the notebook has it.
const MEAN: f32 = 0.1307;
/// Their standard deviation.
const STANDARD_DEVIATION: f32 = 0.3081;

impl Predictor {
    /// The digit in an image of 28x28 bytes, row by row, 0 the dark ground and 255 the light digit, and its sum with `addend`.
    ///
    /// Many images at once, normalised already, are the business of [`predict_batch`](Self::predict_batch).
    ///
    /// # Errors
    /// [`Error::Argument`] where there are not 784 bytes or the addend is no digit.
    pub fn predict(&self, image: &[u8], addend: u8) -> Result<Answer> {
        if image.len() != PIXELS {
            let (expected, found) = (format!("{PIXELS} bytes"), image.len().to_string());
            return Err(Error::Argument { what: "image", expected, found });
        }
        let pixels: Vec<f32> = image.iter().map(|&byte| normalise(byte)).collect();
        let logits = self.predict_batch(&pixels, Addends::Each(&[addend]))?;
        Ok(Answer::of(&logits.digit, &logits.sum))
    }
}

/// On the network's scale. Data sets have their own copy, `adder_data::normalize`, for neither crate knows the other; a test of
/// `adder-train` holds them to the same bits.
fn normalise(byte: u8) -> f32 {
    const FACTOR: f32 = 1.0 / (255.0 * STANDARD_DEVIATION);
    const OFFSET: f32 = MEAN / STANDARD_DEVIATION;
    f32::from(byte) * FACTOR - OFFSET
}
