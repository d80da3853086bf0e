//! The files that all competitors read: the same images and the same initial weights, as safetensors.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use adder_data::{PIXELS, SIDE, Source, normalize};
use adder_model::{IdentityAdder, ModelConfig};
use anyhow::Result;
use candle_core::safetensors::save;
use candle_core::{DType, Device, Tensor};
use candle_nn::{VarBuilder, VarMap};

use super::layers::Layers;
use super::problem::Problem;
use super::stock::Stock;
use crate::convolution::{Operands, candle_mnist};
use crate::inputs::{classes, values};

/// Enough for sixteen batches of 128 and two of 1,000.
const ADDER_IMAGES: usize = 2_048;
/// Sixteen batches of 64.
const CLASSIFIED_IMAGES: usize = 1_024;
/// One batch.
const CONVOLVED_IMAGES: usize = 64;

/// The two files of a problem.
#[derive(Clone, Debug)]
pub struct Shared {
    /// `images` f32 `[n, c, h, w]`; for classifiers with `labels` u32 `[n]`, for the IdentityAdder with `addends` and `digits`.
    pub inputs: PathBuf,
    /// The parameters and running statistics, by the names of candle's variables and PyTorch's modules.
    pub weights: PathBuf,
}

impl Shared {
    /// Writes both into `folder`: the first MNIST training images, or random ones where MNIST's do not fit, and weights drawn
    /// from a seed.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn write(folder: &Path, problem: Problem) -> Result<Self> {
        let file = |part: &str| folder.join(format!("{problem}-{part}.safetensors"));
        let Self { inputs, weights } = &Self { inputs: file("inputs"), weights: file("weights") };
        match problem {
            Problem::IdentityAdder => {
                let (images, digits) = mnist(ADDER_IMAGES, normalize)?;
                let addends = labels(classes(0, ADDER_IMAGES, 10))?;
                let tensors = HashMap::from([("images", images), ("digits", digits), ("addends", addends)]);
                save(&tensors, inputs)?;
                let model = IdentityAdder::new(&ModelConfig::default(), 0, &Device::Cpu)?;
                std::fs::write(weights, model.to_safetensors(&BTreeMap::new())?)?;
            }
            Problem::CandleMnist => {
                // The example's pixels are 0 to 1.
                let (images, labels) = mnist(CLASSIFIED_IMAGES, |pixel| pixel / 255.0)?;
                save(&HashMap::from([("images", images), ("labels", labels)]), inputs)?;
                save_weights(weights, |builder| Stock.candle_mnist(builder, 0.0).map(drop))?;
            }
            Problem::Residual => {
                let images = random(0, &[CLASSIFIED_IMAGES, 3, 32, 32])?;
                let labels = labels(classes(0, CLASSIFIED_IMAGES, 10))?;
                save(&HashMap::from([("images", images), ("labels", labels)]), inputs)?;
                save_weights(weights, |builder| Stock.residual(builder).map(drop))?;
            }
            Problem::Convolution => {
                let Operands { shape, batch, input, weight, .. } =
                    Operands::new(candle_mnist(), CONVOLVED_IMAGES);
                let size = (batch, shape.in_channels, shape.height, shape.width);
                save(&HashMap::from([("images", Tensor::from_vec(input, size, &Device::Cpu)?)]), inputs)?;
                let size = (shape.out_channels, shape.in_channels, shape.kernel, shape.kernel);
                save(&HashMap::from([("weight", Tensor::from_vec(weight, size, &Device::Cpu)?)]), weights)?;
            }
        }
        Ok(Self { inputs: inputs.clone(), weights: weights.clone() })
    }
}

/// The first `count` training images of MNIST, `[count, 1, 28, 28]`, with some noise, each pixel of 0 to 255 through `scale`, and
/// their digits.
///
/// On the black around a digit all values in a pool's window are equal but for rounding, which then says where the gradient goes: without
/// noise no two frameworks have the same gradients.
fn mnist(count: usize, scale: impl Fn(f32) -> f32) -> Result<(Tensor, Tensor)> {
    let data = adder_data::load(&Source::Embedded, &mut |_| {})?.train;
    let pixels = &data.images()[..count * PIXELS];
    let noisy =
        pixels.iter().zip(values(0, pixels.len())).map(|(&pixel, noise)| f32::from(pixel) + 16.0 * noise);
    let images: Vec<f32> = noisy.map(scale).collect();
    let digits = data.labels()[..count].iter().map(|&label| u32::from(label)).collect();
    Ok((Tensor::from_vec(images, (count, 1, SIDE, SIDE), &Device::Cpu)?, labels(digits)?))
}

fn labels(classes: Vec<u32>) -> Result<Tensor> {
    let count = classes.len();
    Ok(Tensor::from_vec(classes, count, &Device::Cpu)?)
}

/// Values in `[-1, 1)`, different ones for each `index`.
fn random(index: u64, size: &[usize]) -> Result<Tensor> {
    Ok(Tensor::from_vec(values(index, size.iter().product()), size, &Device::Cpu)?)
}

/// Writes weights for the variables that `build` asks for: those of layers uniform as He et al. (2015) have it, norms and biases
/// near the values that they commonly begin with, but not at them, where a mistake could hide.
fn save_weights(file: &Path, build: impl Fn(VarBuilder<'_>) -> Result<()>) -> Result<()> {
    let variables = VarMap::new();
    build(VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu))?;
    let variables = variables.data().lock().expect("nothing panicked");
    let mut sizes: Vec<(&String, &[usize])> =
        variables.iter().map(|(name, variable)| (name, variable.dims())).collect();
    sizes.sort();
    let weights = sizes.into_iter().zip(0..).map(|((name, size), index)| {
        let fan_in: usize = size.iter().skip(1).product();
        let (scale, center) = match size.len() {
            1 if name.ends_with("weight") || name.ends_with("running_var") => (0.25, 1.0),
            1 => (0.1, 0.0),
            _ => ((6.0 / fan_in as f64).sqrt(), 0.0),
        };
        Ok((name, random(index, size)?.affine(scale, center)?))
    });
    Ok(save(&weights.collect::<Result<HashMap<_, _>>>()?, file)?)
}
