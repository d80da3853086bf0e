//! Inference: from images to logits, for one addend an image or for all ten.

use std::sync::Arc;

use adder_kernels::Isa;
use adder_kernels::predict::{self, RunningStatistics, TrainedNetwork};
use candle_core::{Device, Tensor};
use serde::Serialize;

use crate::fused::{flat, head_spec, trunk_spec};
use crate::tally::argmax;
use crate::{ADDENDS, DIGITS, Error, IMAGE_SIDE, IdentityAdder, Mode, Result, SUMS};

pub use adder_kernels::predict::Addends;

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
            digit_probabilities: softmax(digit),
            sum_probabilities: softmax(sum),
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
    Reference(Box<IdentityAdder>),
}

impl Predictor {
    /// Prepares `model` for inference: on the kernels where it trains on them, else with candle's own operations.
    ///
    /// # Errors
    /// Where the device cannot be read.
    pub fn new(model: &IdentityAdder) -> Result<Self> {
        Ok(Self(match model.isa() {
            Some(isa) => Engine::Folded(Arc::new(fold(model, isa)?)),
            None => Engine::Reference(Box::new(copy(model)?)),
        }))
    }

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
            Engine::Reference(_) if batch == 0 => Ok(()),
            Engine::Reference(model) => reference(model, images, addends, prediction),
        }
    }
}

/// The network with its parameters as they are now, norms folded.
fn fold(model: &IdentityAdder, isa: Isa) -> Result<predict::Predictor> {
    let (trunk, head) = (trunk_spec(model.config())?, head_spec(model.config()));
    let (trunk_params, head_params) = model.split_parameters();
    let [trunk_params, head_params] = [flat(trunk_params)?.to_vec1()?, flat(head_params)?.to_vec1()?];
    let statistics: Vec<Vec<f32>> =
        model.buffers().iter().map(|(_, buffer)| buffer.to_vec1()).collect::<candle_core::Result<_>>()?;
    let norms: Vec<RunningStatistics> = statistics
        .chunks_exact(2)
        .map(|pair| RunningStatistics { mean: &pair[0], variance: &pair[1] })
        .collect();
    let (trunk_statistics, dense) = norms.split_at(trunk.blocks.len());
    let network = TrainedNetwork {
        trunk: &trunk,
        trunk_params: &trunk_params,
        trunk_statistics,
        head: &head,
        head_params: &head_params,
        embedding_statistics: dense[0],
        hidden_statistics: dense[1],
    };
    Ok(predict::Predictor::new(&network, isa)?)
}

/// A network with parameters of its own.
fn copy(model: &IdentityAdder) -> Result<IdentityAdder> {
    let copy = IdentityAdder::new(model.config(), 0, model.device())?.on_reference();
    for ((_, from), (_, to)) in model.state().into_iter().zip(copy.state()) {
        to.set(&from)?;
    }
    Ok(copy)
}

/// The answer by candle's own operations; the sizes are checked.
fn reference(
    model: &IdentityAdder,
    images: &[f32],
    addends: Addends<'_>,
    prediction: &mut Prediction,
) -> Result<()> {
    let device: &Device = model.device();
    let batch = images.len() / (IMAGE_SIDE * IMAGE_SIDE);
    let images = Tensor::from_slice(images, (batch, 1, IMAGE_SIDE, IMAGE_SIDE), device)?;
    let embedding = model.embed(&images, Mode::Evaluate)?;
    let (embedding, addends): (Tensor, Vec<u32>) = match addends {
        Addends::Each(addends) => (embedding, addends.iter().map(|&addend| u32::from(addend)).collect()),
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
    let logits = model.heads(&embedding, &Tensor::from_vec(addends, pairs, device)?, Mode::Evaluate)?;
    prediction.digit = logits.digit.flatten_all()?.to_vec1()?;
    prediction.sum = logits.sum.flatten_all()?.to_vec1()?;
    Ok(())
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
