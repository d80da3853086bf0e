//! Inference: from images to logits, for one addend an image or for all ten.

mod folded;
mod layered;

use std::path::Path;
use std::sync::Arc;

use adder_kernels::Isa;
use adder_kernels::conv::Algorithm;
use adder_kernels::predict::{self, FeatureMaps, OneHot};
use adder_network::normalize;

use crate::prediction::{Addends, Logits, Prediction};
use crate::tensor_file::Metadata;
use crate::{ADDENDS, DIGITS, Error, IMAGE_SIDE, Result, SUMS, weights};
use folded::fold;
#[cfg(any(test, not(feature = "candle")))]
use layered::Naive;

/// Pixels of an image.
const PIXELS: usize = IMAGE_SIDE * IMAGE_SIDE;

/// A trained network ready to answer. Later changes of the model's parameters do not reach it.
#[derive(Clone, Debug)]
pub struct Predictor(Engine);

#[derive(Clone, Debug)]
enum Engine {
    /// The kernels, norms folded, no graph.
    Folded(Arc<predict::Predictor>),
    /// candle, layer by layer, on any device.
    #[cfg(feature = "candle")]
    Layered(Box<crate::IdentityAdder>),
    /// Plain loops, for any network, where there is no candle.
    #[cfg(any(test, not(feature = "candle")))]
    Naive(Arc<Naive>),
}

impl Predictor {
    /// Prepares `model` for inference: on the kernels where it trains on them and they know the whole network, else by candle,
    /// layer by layer.
    ///
    /// # Errors
    /// Where the device cannot be read.
    #[cfg(feature = "candle")]
    pub fn new(model: &crate::IdentityAdder) -> Result<Self> {
        let inner = model.model();
        if let Some(isa) = inner.isa() {
            let params = crate::parameter::flat(inner.parameters())?.to_vec1()?;
            let statistics = inner.norms.iter().map(crate::norm::Norm::statistics).collect::<Result<_>>()?;
            if let Some(folded) =
                fold(inner.network(), &weights::Values { params, statistics }, isa, inner.algorithm)?
            {
                return Ok(Self(Engine::Folded(Arc::new(folded))));
            }
        }
        Ok(Self(Engine::Layered(Box::new(model.copied()?))))
    }

    /// A trained network from the bytes of a weights file, and the file's metadata; `path` names it in errors. On the kernels
    /// where they know the whole network: there the answers are to the bit those of
    /// [`weights::from_safetensors`](crate::weights::from_safetensors) and [`Predictor::new`], without the tensors between.
    ///
    /// # Errors
    /// [`Error::Weights`] for a file that does not hold such a network, [`Error::Isa`] for an impossible `ADDER_ISA`.
    pub fn from_safetensors(bytes: &[u8], path: &Path) -> Result<(Self, Metadata)> {
        let (config, metadata) = weights::read_config(bytes, path)?;
        let network = config.network()?;
        let values = weights::read_values(bytes, &network, path)?;
        if let Some(folded) = fold(&network, &values, Isa::from_environment()?, Algorithm::Direct)? {
            return Ok((Self(Engine::Folded(Arc::new(folded))), metadata));
        }
        #[cfg(feature = "candle")]
        return Ok((
            Self::new(&weights::from_safetensors(bytes, path, &candle_core::Device::Cpu)?.0)?,
            metadata,
        ));
        #[cfg(not(feature = "candle"))]
        Ok((Self(Engine::Naive(Arc::new(Naive::new(network, &values)))), metadata))
    }

    /// The digit in an image of 28x28 bytes, row by row, 0 the dark ground and 255 the light digit, and its sum with `addend`.
    ///
    /// Many images at once, normalized already, are the business of [`predict_batch`](Self::predict_batch).
    ///
    /// # Errors
    /// [`Error::Argument`] where there are not 784 bytes or the addend is no digit.
    pub fn predict(&self, image: &[u8], addend: u8) -> Result<Prediction> {
        if image.len() != PIXELS {
            let (expected, found) = (format!("{PIXELS} bytes"), image.len().to_string());
            return Err(Error::Argument { what: "image", expected, found });
        }
        let pixels: Vec<f32> = image.iter().map(|&byte| normalize(f32::from(byte))).collect();
        let logits = self.predict_batch(&pixels, Addends::Each(&[addend]))?;
        Ok(Prediction::of(&logits.digit, &logits.sum))
    }

    /// Logits for `images`, normalized, `[b, 1, 28, 28]` row by row. All ten addends cost one pass through the
    /// convolutions.
    ///
    /// # Errors
    /// [`Error::Argument`] or [`Error::Kernel`] where lengths disagree or an addend is not a digit.
    pub fn predict_batch(&self, images: &[f32], addends: Addends<'_>) -> Result<Logits> {
        let mut prediction = Logits { digit: Vec::new(), sum: Vec::new() };
        self.predict_into(images, addends, &mut prediction)?;
        Ok(prediction)
    }

    /// As [`predict_batch`](Self::predict_batch), into a prediction whose memory is used again: on the kernels, a call allocates
    /// nothing once every thread has its buffers.
    ///
    /// # Errors
    /// As [`predict_batch`](Self::predict_batch).
    pub fn predict_into(&self, images: &[f32], addends: Addends<'_>, prediction: &mut Logits) -> Result<()> {
        let batch = images.len() / PIXELS;
        check("images", "whole images of 784 pixels", images.len(), batch * PIXELS)?;
        let (pairs, one_hot) = match addends {
            Addends::Each(addends) => {
                check("addends", "one for each image", addends.len(), batch)?;
                if let Some(addend) = addends.iter().find(|&&addend| usize::from(addend) >= ADDENDS) {
                    let (expected, found) = ("digits 0 to 9".into(), addend.to_string());
                    return Err(Error::Argument { what: "addends", expected, found });
                }
                (batch, OneHot::Each(addends))
            }
            Addends::All => (batch * ADDENDS, OneHot::All),
        };
        prediction.digit.resize(pairs * DIGITS, 0.0);
        prediction.sum.resize(pairs * SUMS, 0.0);
        match &self.0 {
            Engine::Folded(folded) => {
                Ok(folded.predict(images, one_hot, &mut [&mut prediction.digit, &mut prediction.sum])?)
            }
            #[cfg(feature = "candle")]
            Engine::Layered(_) if batch == 0 => Ok(()),
            #[cfg(feature = "candle")]
            Engine::Layered(model) => layered::predict(model, images, addends, prediction),
            #[cfg(any(test, not(feature = "candle")))]
            Engine::Naive(naive) => {
                naive.predict(images, addends, prediction);
                Ok(())
            }
        }
    }

    /// The output of each block for one image, normalized, `[1, 28, 28]`: norms and pools included, in the order of the
    /// blocks.
    ///
    /// # Errors
    /// [`Error::Kernel`] or [`Error::Argument`] where the image has another size.
    pub fn feature_maps(&self, image: &[f32]) -> Result<Vec<FeatureMaps>> {
        check("image", "784 pixels", image.len(), PIXELS)?;
        match &self.0 {
            Engine::Folded(folded) => Ok(folded.feature_maps(image)?),
            #[cfg(feature = "candle")]
            Engine::Layered(model) => layered::feature_maps(model, image),
            #[cfg(any(test, not(feature = "candle")))]
            Engine::Naive(naive) => Ok(naive.feature_maps(image)),
        }
    }
}

fn check(what: &'static str, expected: &str, found: usize, wanted: usize) -> Result<()> {
    if found == wanted {
        return Ok(());
    }
    Err(Error::Argument { what, expected: format!("{expected} ({wanted})"), found: found.to_string() })
}

#[cfg(all(test, feature = "candle"))]
mod tests {
    use super::*;
    use crate::ModelConfig;

    #[test]
    fn every_engine_gives_the_same_answers() {
        use adder_network::{ClassCode, HeadKind};

        let mut configs = vec![ModelConfig::default()];
        for (addend, sum_head) in [
            (ClassCode::Scalar, HeadKind::Softmax),
            (ClassCode::OneHot, HeadKind::Ordinal),
            (ClassCode::Thermometer, HeadKind::Regression),
        ] {
            configs.push(ModelConfig { addend, sum_head, ..ModelConfig::default() });
        }
        configs.iter().for_each(engines_of_one_network_agree);
    }

    fn engines_of_one_network_agree(config: &ModelConfig) {
        use crate::IdentityAdder;
        use adder_network::HeadKind;
        use adder_random::{Purpose, Stream};

        let mut stream = Stream::new(4, Purpose::Test, 0, 0);
        let images: Vec<f32> = (0..2 * PIXELS).map(|_| stream.uniform(-0.4, 2.8)).collect();
        let model = IdentityAdder::new(config, 4, &candle_core::Device::Cpu).unwrap();
        let folded = Predictor::new(&model).unwrap();
        let layered = Predictor::new(&model.clone().on_reference()).unwrap();
        let params = crate::parameter::flat(model.parameters()).unwrap().to_vec1().unwrap();
        let statistics = model.model().norms.iter().map(|norm| norm.statistics().unwrap()).collect();
        let naive = Naive::new(config.network().unwrap(), &weights::Values { params, statistics });
        let engines = [folded, layered, Predictor(Engine::Naive(Arc::new(naive)))];
        let close = |found: &[f32], expected: &[f32]| {
            assert_eq!(found.len(), expected.len());
            // A number's logits are its distance from each class over a small variance: hundreds, where a softmax's are a few.
            let scale = |b: &f32| match config.sum_head {
                HeadKind::Regression => b.abs().max(1.0),
                HeadKind::Softmax | HeadKind::Ordinal => 1.0,
            };
            assert!(
                found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5 * scale(b)),
                "{found:?} {expected:?}"
            );
        };
        for addends in [Addends::Each(&[3, 9]), Addends::All] {
            let [folded, layered, naive] =
                engines.each_ref().map(|engine| engine.predict_batch(&images, addends).unwrap());
            for other in [layered, naive] {
                close(&other.digit, &folded.digit);
                close(&other.sum, &folded.sum);
            }
        }
        let [folded, layered, naive] =
            engines.each_ref().map(|engine| engine.feature_maps(&images[..PIXELS]).unwrap());
        for other in [layered, naive] {
            assert_eq!(other.len(), folded.len());
            for (found, expected) in other.iter().zip(&folded) {
                close(&found.values, &expected.values);
            }
        }
    }
}
