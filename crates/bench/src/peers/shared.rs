//! The files that all competitors read: the same images and the same initial weights, as safetensors.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use adder_data::{PIXELS, Source, normalize};
use adder_model::{IdentityAdder, ModelConfig};
use anyhow::Result;
use candle_core::{Device, Tensor};

use crate::inputs::classes;

/// Enough for sixteen batches of 128 and two of 1,000.
const IMAGES: usize = 2_048;

/// The two files.
#[derive(Clone, Debug)]
pub struct Shared {
    /// `images` f32 `[n, 1, 28, 28]`, normalized, `addends` and `digits` u32 `[n]`.
    pub inputs: PathBuf,
    /// The network's parameters and running statistics, by adder-model's names.
    pub weights: PathBuf,
}

impl Shared {
    /// Writes both into `folder`: the first MNIST training images, and freshly drawn weights.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn write(folder: &Path) -> Result<Self> {
        let shared =
            Self { inputs: folder.join("inputs.safetensors"), weights: folder.join("weights.safetensors") };
        let data = adder_data::load(&Source::Embedded, &mut |_| {})?.train;
        let pixels = &data.images()[..IMAGES * PIXELS];
        let images: Vec<f32> = pixels.iter().map(|&pixel| normalize(f32::from(pixel))).collect();
        let digits: Vec<u32> = data.labels()[..IMAGES].iter().map(|&label| u32::from(label)).collect();
        let device = &Device::Cpu;
        let tensors = HashMap::from([
            ("images", Tensor::from_vec(images, (IMAGES, 1, 28, 28), device)?),
            ("digits", Tensor::from_vec(digits, IMAGES, device)?),
            ("addends", Tensor::from_vec(classes(0, IMAGES, 10), IMAGES, device)?),
        ]);
        candle_core::safetensors::save(&tensors, &shared.inputs)?;
        let model = IdentityAdder::new(&ModelConfig::default(), 0, device)?;
        std::fs::write(&shared.weights, model.to_safetensors(&BTreeMap::new())?)?;
        Ok(shared)
    }
}
