//! Classifiers of images, written with one library of layers or another, in training.

use std::collections::HashMap;
use std::path::Path;

use adder_nn::optim::Parameter;
use anyhow::{Context, Result, bail};
use candle_core::{DType, Device, Tensor, Var};
use candle_nn::{ModuleT, VarBuilder, VarMap};

use super::contestant::{CHECKED, Contestant, Task, gradients_of, values};
use super::layers::{Layers, SgdSettings, Update};
use super::problem::Problem;

/// As in `peers/problems.py`.
const RESIDUAL_SGD: SgdSettings = SgdSettings { rate: 0.01, momentum: 0.9, weight_decay: 5e-4 };
const EXAMPLE_DROPOUT: f32 = 0.5;

/// A classifier in training.
pub struct Classifier<L> {
    layers: L,
    network: Box<dyn ModuleT>,
    /// The same without dropout.
    certain: Box<dyn ModuleT>,
    parameters: Vec<(String, Var)>,
    update: Update,
    batches: Vec<[Tensor; 2]>,
    steps: usize,
}

impl<L: Layers> Classifier<L> {
    /// The classifier of a task before its first step.
    ///
    /// # Errors
    /// Where files cannot be read or do not fit.
    pub fn new(layers: L, task: &Task) -> Result<Self> {
        let variables = load_variables(&task.weights)?;
        let builder = || VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
        let parameters = trained(&variables);
        let with_dropout = |dropout| match task.problem {
            Problem::CandleMnist => layers.candle_mnist(builder(), dropout),
            Problem::Residual => layers.residual(builder()),
            other => bail!("{other} is no classifier"),
        };
        let (network, certain) = (with_dropout(EXAMPLE_DROPOUT)?, with_dropout(0.0)?);
        let update = match task.problem {
            Problem::CandleMnist => layers.adamw(parameters.clone()),
            _ => layers.sgd(parameters.clone(), RESIDUAL_SGD),
        }?;
        Ok(Self { network, certain, parameters, update, batches: batches(task)?, layers, steps: 0 })
    }

    fn loss(&self, network: &dyn ModuleT, [images, labels]: &[Tensor; 2]) -> Result<Tensor> {
        self.layers.loss(&network.forward_t(images, true)?, labels)
    }
}

impl<L: Layers> Contestant for Classifier<L> {
    fn results(&mut self) -> Result<Vec<f32>> {
        let [images, _] = &self.batches[0];
        let images = images.narrow(0, 0, CHECKED.min(images.dim(0)?))?;
        values(&self.network.forward_t(&images, false)?)
    }

    fn gradients(&mut self) -> Result<HashMap<String, Tensor>> {
        let loss = self.loss(&*self.certain, &self.batches[0])?;
        gradients_of(&loss, self.parameters.iter().map(|(name, variable)| (name, variable)))
    }

    fn step(&mut self) -> Result<()> {
        let loss = self.loss(&*self.network, &self.batches[self.steps % self.batches.len()])?;
        (self.update)(&loss.backward()?)?;
        self.steps += 1;
        Ok(())
    }
}

/// All tensors of a file of weights as variables, so that whoever builds a network on them finds its values there.
pub(super) fn load_variables(weights: &Path) -> Result<VarMap> {
    let variables = VarMap::new();
    let mut data = variables.data().lock().expect("nothing panicked");
    for (name, tensor) in candle_core::safetensors::load(weights, &Device::Cpu)? {
        data.insert(name, Var::from_tensor(&tensor)?);
    }
    drop(data);
    Ok(variables)
}

/// What is trained, in the order of the names.
pub(super) fn trained(variables: &VarMap) -> Vec<(String, Var)> {
    let parameters = adder_nn::optim::parameters(variables);
    parameters.into_iter().map(|Parameter { name, var, .. }| (name, var)).collect()
}

/// Whole batches of images and labels.
fn batches(task: &Task) -> Result<Vec<[Tensor; 2]>> {
    let tensors = candle_core::safetensors::load(&task.inputs, &Device::Cpu)?;
    let part = |name: &str| tensors.get(name).with_context(|| format!("the inputs have no `{name}`"));
    let (images, labels) = (part("images")?, part("labels")?);
    let cut = |tensor: &Tensor, batch: usize| tensor.narrow(0, batch * task.batch, task.batch)?.copy();
    let count = images.dim(0)? / task.batch;
    (0..count).map(|batch| Ok([cut(images, batch)?, cut(labels, batch)?])).collect()
}
