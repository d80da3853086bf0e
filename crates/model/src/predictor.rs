//! Inference: from images to logits, for one addend an image or for all ten.

use candle_core::Tensor;

use crate::{ADDENDS, Error, IMAGE_SIDE, IdentityAdder, Mode, Result};

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

fn check(what: &'static str, expected: &str, found: usize, wanted: usize) -> Result<()> {
    if found == wanted {
        return Ok(());
    }
    Err(Error::Argument { what, expected: format!("{expected} ({wanted})"), found: found.to_string() })
}
