//! Inference: from images to logits, for one addend an image or for all ten.

use candle_core::Tensor;
use serde::Serialize;

use crate::tally::argmax;
use crate::{ADDENDS, DIGITS, Error, IMAGE_SIDE, IdentityAdder, Mode, Result, SUMS};

/// Which addends to add to each image.
#[derive(Clone, Copy, Debug)]
pub enum Addends<'a> {
    /// One for each image.
    Each(&'a [u8]),
    /// All ten for each image; the pairs of one image stand together, addend 0 first.
    All,
}

/// The logits of a batch of pairs.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// `[pairs, 10]`, row by row.
    pub digit: Vec<f32>,
    /// `[pairs, 19]`, row by row.
    pub sum: Vec<f32>,
}

/// What the network says of one pair.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// The most probable digit.
    pub digit: u8,
    /// The most probable sum.
    pub sum: u8,
    /// A probability for each digit 0..=9.
    pub digit_probabilities: Vec<f32>,
    /// A probability for each sum 0..=18.
    pub sum_probabilities: Vec<f32>,
}

impl Prediction {
    /// How many pairs there are.
    pub fn pairs(&self) -> usize {
        self.digit.len() / DIGITS
    }

    /// The answers, pair by pair.
    pub fn answers(&self) -> impl Iterator<Item = Answer> {
        let rows = self.digit.chunks_exact(DIGITS).zip(self.sum.chunks_exact(SUMS));
        rows.map(|(digit, sum)| Answer {
            digit: argmax(digit) as u8,
            sum: argmax(sum) as u8,
            digit_probabilities: softmax(digit),
            sum_probabilities: softmax(sum),
        })
    }
}

/// A trained network ready to answer.
#[derive(Clone, Debug)]
pub struct Predictor {
    model: IdentityAdder,
}

impl Predictor {
    /// Prepares `model` for inference.
    ///
    /// # Errors
    /// Where the device cannot be read.
    pub fn new(model: &IdentityAdder) -> Result<Self> {
        Ok(Self { model: model.clone() })
    }

    /// Logits for `images`, normalised, `[b, 1, 28, 28]` row by row. All ten addends cost one pass through the
    /// convolutions.
    ///
    /// # Errors
    /// [`Error::Argument`] where lengths disagree or an addend is not a digit.
    pub fn predict(&self, images: &[f32], addends: Addends<'_>) -> Result<Prediction> {
        let device = self.model.device();
        let batch = images.len() / (IMAGE_SIDE * IMAGE_SIDE);
        let shape = (batch, 1, IMAGE_SIDE, IMAGE_SIDE);
        check("images", "whole images of 784 pixels", images.len(), batch * IMAGE_SIDE * IMAGE_SIDE)?;
        if batch == 0 {
            return Ok(Prediction { digit: Vec::new(), sum: Vec::new() });
        }
        let embedding = self.model.embed(&Tensor::from_slice(images, shape, device)?, Mode::Evaluate)?;
        let (embedding, addends): (Tensor, Vec<u32>) = match addends {
            Addends::Each(addends) => {
                check("addends", "one for each image", addends.len(), batch)?;
                (embedding, addends.iter().map(|&addend| u32::from(addend)).collect())
            }
            Addends::All => {
                let width = embedding.dim(1)?;
                let repeated = embedding.unsqueeze(1)?.broadcast_as((batch, ADDENDS, width))?;
                let addends = (0..batch).flat_map(|_| 0..ADDENDS as u32).collect();
                (repeated.reshape((batch * ADDENDS, width))?, addends)
            }
        };
        if let Some(addend) = addends.iter().find(|&&addend| addend as usize >= ADDENDS) {
            let (expected, found) = ("digits 0 to 9".into(), addend.to_string());
            return Err(Error::Argument { what: "addends", expected, found });
        }
        let pairs = addends.len();
        let logits =
            self.model.heads(&embedding, &Tensor::from_vec(addends, pairs, device)?, Mode::Evaluate)?;
        Ok(Prediction {
            digit: logits.digit.flatten_all()?.to_vec1()?,
            sum: logits.sum.flatten_all()?.to_vec1()?,
        })
    }
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let largest = logits[argmax(logits)];
    let exponentials: Vec<f32> = logits.iter().map(|logit| (logit - largest).exp()).collect();
    let total: f32 = exponentials.iter().sum();
    exponentials.into_iter().map(|exponential| exponential / total).collect()
}

fn check(what: &'static str, expected: &str, found: usize, wanted: usize) -> Result<()> {
    if found == wanted {
        return Ok(());
    }
    Err(Error::Argument { what, expected: format!("{expected} ({wanted})"), found: found.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_the_largest_logits_and_sum_to_one() {
        let mut prediction = Prediction { digit: vec![0.0; 2 * DIGITS], sum: vec![0.0; 2 * SUMS] };
        prediction.digit[4] = 3f32.ln();
        prediction.sum[SUMS + 18] = 200.0;
        let answers: Vec<Answer> = prediction.answers().collect();
        assert_eq!((prediction.pairs(), answers[0].digit, answers[0].sum, answers[1].sum), (2, 4, 0, 18));
        assert!((answers[0].digit_probabilities[4] - 0.25).abs() < 1e-6);
        assert!((answers[1].sum_probabilities[18] - 1.0).abs() < 1e-6);
        assert!((answers[1].digit_probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }
}
