//! From a network on candle.

use std::sync::Arc;

use adder_kernels::Isa;
use adder_kernels::predict::{self, RunningStatistics, TrainedNetwork};
use candle_core::{Device, Tensor};

use super::{Addends, Engine, FeatureMaps, Prediction, Predictor, check};
use crate::fused::flat;
use crate::specification::{head_spec, trunk_spec};
use crate::{ADDENDS, Error, IMAGE_SIDE, IdentityAdder, Mode, Result};

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
pub(super) fn reference(
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

/// What each block makes of one image, by candle's own operations.
pub(super) fn feature_maps(model: &IdentityAdder, image: &[f32]) -> Result<Vec<FeatureMaps>> {
    check("image", "784 pixels", image.len(), IMAGE_SIDE * IMAGE_SIDE)?;
    let image = Tensor::from_slice(image, (1, 1, IMAGE_SIDE, IMAGE_SIDE), model.device())?;
    let outputs = model.block_outputs(&image)?.into_iter().map(|output| {
        let (_, channels, height, width) = output.dims4()?;
        Ok(FeatureMaps { channels, height, width, values: output.flatten_all()?.to_vec1()? })
    });
    outputs.collect()
}
