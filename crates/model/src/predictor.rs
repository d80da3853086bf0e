//! Inference: from images to logits, for one addend an image or for all ten.

#[cfg(feature = "candle")]
mod of_model;
mod of_weights;

use std::sync::Arc;

use adder_kernels::predict;
use serde::Serialize;

use crate::tally::argmax;
use crate::{ADDENDS, DIGITS, Error, IMAGE_SIDE, Result, SUMS, softmax};

pub use adder_kernels::predict::{Addends, FeatureMaps};

/// The logits of a batch of pairs.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// `[pairs, 10]`, row by row.
    pub digit: Vec<f32>,
    /// `[pairs, 19]`, row by row.
    pub sum: Vec<f32>,
}

/// Below this probability of the digit or of the sum the network counts as unsure. Chosen by eye, not calibrated.
pub const SURE: f32 = 0.8;

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
        rows.map(|(digit, sum)| Answer::of(digit, sum))
    }
}

impl Answer {
    /// What `[10]` logits of the digit and `[19]` of the sum say.
    pub(crate) fn of(digit: &[f32], sum: &[f32]) -> Self {
        Self {
            digit: argmax(digit) as u8,
            sum: argmax(sum) as u8,
            digit_probabilities: probabilities(digit),
            sum_probabilities: probabilities(sum),
        }
    }
}

/// A trained network ready to answer. Later changes of the model's parameters do not reach it.
#[derive(Clone, Debug)]
pub struct Predictor(Engine);

#[derive(Clone, Debug)]
enum Engine {
    /// The kernels, norms folded, no graph.
    Folded(Arc<predict::Predictor>),
    /// candle's own operations, on any device.
    #[cfg(feature = "candle")]
    Reference(Box<crate::IdentityAdder>),
}

impl Predictor {
    /// Logits for `images`, normalised, `[b, 1, 28, 28]` row by row. All ten addends cost one pass through the
    /// convolutions.
    ///
    /// # Errors
    /// [`Error::Argument`] or [`Error::Kernel`] where lengths disagree or an addend is not a digit.
    pub fn predict_batch(&self, images: &[f32], addends: Addends<'_>) -> Result<Prediction> {
        let mut prediction = Prediction { digit: Vec::new(), sum: Vec::new() };
        self.predict_into(images, addends, &mut prediction)?;
        Ok(prediction)
    }

    /// As [`predict_batch`](Self::predict_batch), into a prediction whose memory is used again: on the kernels, a call allocates
    /// nothing once every thread has its buffers.
    ///
    /// # Errors
    /// As [`predict_batch`](Self::predict_batch).
    pub fn predict_into(
        &self,
        images: &[f32],
        addends: Addends<'_>,
        prediction: &mut Prediction,
    ) -> Result<()> {
        let batch = images.len() / (IMAGE_SIDE * IMAGE_SIDE);
        check("images", "whole images of 784 pixels", images.len(), batch * IMAGE_SIDE * IMAGE_SIDE)?;
        let pairs = match addends {
            Addends::Each(addends) => {
                check("addends", "one for each image", addends.len(), batch)?;
                batch
            }
            Addends::All => batch * ADDENDS,
        };
        prediction.digit.resize(pairs * DIGITS, 0.0);
        prediction.sum.resize(pairs * SUMS, 0.0);
        match &self.0 {
            Engine::Folded(folded) => {
                Ok(folded.predict(images, addends, &mut prediction.digit, &mut prediction.sum)?)
            }
            #[cfg(feature = "candle")]
            Engine::Reference(_) if batch == 0 => Ok(()),
            #[cfg(feature = "candle")]
            Engine::Reference(model) => of_model::reference(model, images, addends, prediction),
        }
    }

    /// The output of each block for one image, normalised, `[1, 28, 28]`: norms and pools included, in the order of the
    /// blocks.
    ///
    /// # Errors
    /// [`Error::Kernel`] or [`Error::Argument`] where the image has another size.
    pub fn feature_maps(&self, image: &[f32]) -> Result<Vec<FeatureMaps>> {
        match &self.0 {
            Engine::Folded(folded) => Ok(folded.feature_maps(image)?),
            #[cfg(feature = "candle")]
            Engine::Reference(model) => of_model::feature_maps(model, image),
        }
    }
}

fn probabilities(logits: &[f32]) -> Vec<f32> {
    let mut probabilities = logits.to_vec();
    softmax(&mut probabilities, logits.len());
    probabilities
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
