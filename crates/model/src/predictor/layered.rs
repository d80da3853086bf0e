//! Prediction layer by layer, for networks that the folding kernels do not know and for other devices.

use crate::prediction::{Addends, Logits};
use crate::{ADDENDS, FeatureMaps};

#[cfg(any(test, not(feature = "candle")))]
pub(super) use loops::Naive;

#[cfg(any(test, not(feature = "candle")))]
mod loops {
    use adder_network::{Network, naive};

    use crate::weights::Values;

    use super::{ADDENDS, Addends, FeatureMaps, Logits};

    /// A network in plain loops: for places where candle is too heavy.
    #[derive(Debug)]
    pub(in super::super) struct Naive {
        network: Network,
        params: Vec<f64>,
        statistics: Vec<[Vec<f64>; 2]>,
    }

    impl Naive {
        pub(in super::super) fn new(network: Network, values: &Values) -> Self {
            let statistics = values.statistics.iter().map(|pair| pair.each_ref().map(|values| wide(values)));
            Self { params: wide(&values.params), statistics: statistics.collect(), network }
        }

        /// The answer; the sizes are checked.
        pub(in super::super) fn predict(
            &self,
            images: &[f32],
            addends: Addends<'_>,
            prediction: &mut Logits,
        ) {
            let size: usize = self.network.input().iter().product();
            let (mut digit, mut sum) = (Vec::new(), Vec::new());
            for (index, image) in images.chunks_exact(size).enumerate() {
                let classes: Vec<u8> = match addends {
                    Addends::Each(addends) => vec![addends[index]],
                    Addends::All => (0..ADDENDS as u8).collect(),
                };
                for class in classes {
                    let pass = self.pass(image, class);
                    digit.extend(pass.logits[0].iter().map(|&logit| logit as f32));
                    sum.extend(pass.logits[1].iter().map(|&logit| logit as f32));
                }
            }
            (prediction.digit, prediction.sum) = (digit, sum);
        }

        pub(in super::super) fn feature_maps(&self, image: &[f32]) -> Vec<FeatureMaps> {
            let pass = self.pass(image, 0);
            let maps = self.network.stages().into_iter().filter_map(|stage| {
                let [channels, height, width] = self.network.nodes()[stage].output.map()?;
                let values = pass.nodes[stage].output.iter().map(|&value| value as f32).collect();
                Some(FeatureMaps { channels, height, width, values })
            });
            maps.collect()
        }

        fn pass(&self, image: &[f32], class: u8) -> naive::Pass {
            let (images, classes) = (wide(image), [class]);
            let inputs = naive::Inputs { images: &images, one_hot: &[&classes] };
            let mode = naive::Mode::Evaluate { statistics: &self.statistics };
            naive::forward(&self.network, &self.params, inputs, mode)
        }
    }

    fn wide(values: &[f32]) -> Vec<f64> {
        values.iter().map(|&value| f64::from(value)).collect()
    }
}

/// The answer of a network on candle; the sizes are checked.
#[cfg(feature = "candle")]
pub(super) fn predict(
    model: &crate::IdentityAdder,
    images: &[f32],
    addends: Addends<'_>,
    prediction: &mut Logits,
) -> crate::Result<()> {
    use candle_core::Tensor;

    use crate::{IMAGE_SIDE, Mode};

    let device = model.device();
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
    let pairs = addends.len();
    let logits = model.heads(&embedding, &Tensor::from_vec(addends, pairs, device)?, Mode::Evaluate)?;
    prediction.digit = logits.digit.flatten_all()?.to_vec1()?;
    prediction.sum = logits.sum.flatten_all()?.to_vec1()?;
    Ok(())
}

/// The maps of one image of a network on candle.
#[cfg(feature = "candle")]
pub(super) fn feature_maps(model: &crate::IdentityAdder, image: &[f32]) -> crate::Result<Vec<FeatureMaps>> {
    use crate::IMAGE_SIDE;

    let image = candle_core::Tensor::from_slice(image, (1, 1, IMAGE_SIDE, IMAGE_SIDE), model.device())?;
    let outputs = model.block_outputs(&image)?.into_iter().map(|output| {
        let (_, channels, height, width) = output.dims4()?;
        Ok(FeatureMaps { channels, height, width, values: output.flatten_all()?.to_vec1()? })
    });
    outputs.collect()
}
