//! One pass of one layer, by itself.

use std::collections::HashMap;
use std::hint::black_box;

use anyhow::{Context, Result, bail};
use candle_core::{Device, Tensor, Var};
use candle_nn::Module;

use super::contestant::{Contestant, Task, values};
use super::field::Workload;
use super::layers::Layers;

/// Values that are compared.
const CHECKED: usize = 4_096;

/// A pass of a convolution, as a user of the layer pays for it: from a tensor to a tensor.
pub enum ConvolutionPass {
    /// Without anything that tracks gradients.
    Forward {
        /// The layer.
        layer: Box<dyn Module>,
        /// `[b, in, h, w]`.
        images: Tensor,
    },
    /// A backward pass from an output of which one operand alone tracks gradients; that of the output is 1 everywhere.
    Gradient {
        /// `[b, out, h', w']`.
        output: Tensor,
        /// The operand.
        operand: Var,
    },
}

impl ConvolutionPass {
    /// The pass that a task names.
    ///
    /// # Errors
    /// Where files cannot be read or do not fit.
    pub fn new(layers: &impl Layers, task: &Task) -> Result<Self> {
        let read = |file, name: &str| -> Result<Tensor> {
            let mut tensors = candle_core::safetensors::load(file, &Device::Cpu)?;
            tensors.remove(name).with_context(|| format!("the file has no `{name}`"))
        };
        let images = read(&task.inputs, "images")?.narrow(0, 0, task.batch)?;
        let weight = read(&task.weights, "weight")?;
        Ok(match task.workload {
            Workload::Forward => Self::Forward { layer: layers.convolution(weight)?, images },
            Workload::InputGradient => {
                let operand = Var::from_tensor(&images)?;
                let output = layers.convolution(weight)?.forward(&operand)?;
                Self::Gradient { output, operand }
            }
            Workload::WeightGradient => {
                let operand = Var::from_tensor(&weight)?;
                let output = layers.convolution(operand.as_tensor().clone())?.forward(&images)?;
                Self::Gradient { output, operand }
            }
            other => bail!("a layer knows no {other}"),
        })
    }

    fn run(&self) -> Result<Tensor> {
        match self {
            Self::Forward { layer, images } => Ok(layer.forward(images)?),
            Self::Gradient { output, operand } => {
                output.backward()?.remove(operand).context("no gradient of the operand")
            }
        }
    }
}

impl Contestant for ConvolutionPass {
    fn results(&mut self) -> Result<Vec<f32>> {
        let mut values = values(&self.run()?)?;
        values.truncate(CHECKED);
        Ok(values)
    }

    fn gradients(&mut self) -> Result<HashMap<String, Tensor>> {
        bail!("one pass of a layer has no gradients of its own")
    }

    fn step(&mut self) -> Result<()> {
        black_box(self.run()?);
        Ok(())
    }
}
