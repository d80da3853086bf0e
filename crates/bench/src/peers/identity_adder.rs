//! The IdentityAdder: training steps and inference, by candle's own operations or by the kernels.

use std::collections::HashMap;
use std::hint::black_box;

use adder_data::{Batch, DIGITS, PIXELS, SIDE, SUMS};
use adder_model::{
    Addends, Backend, IdentityAdder, Logits, Mode, ModelConfig, Parameter, Predictor, Targets, weights,
};
use anyhow::{Context, Result, bail};
use candle_core::{DType, Device, Tensor};

use super::contestant::{CHECKED, Contestant, Task, gradients_of};
use crate::candle::logits;
use crate::training::Training;

/// Training steps.
pub struct TrainingSteps {
    model: IdentityAdder,
    training: Training,
    batches: Vec<Batch>,
    steps: usize,
}

impl TrainingSteps {
    /// The training of a task before its first step.
    ///
    /// # Errors
    /// Where files cannot be read or do not fit.
    pub fn new(task: &Task, backend: Backend) -> Result<Self> {
        let model = load_model(task, backend)?;
        Ok(Self { training: Training::new(model.clone())?, model, batches: load_batches(task)?, steps: 0 })
    }
}

impl Contestant for TrainingSteps {
    fn results(&mut self) -> Result<Vec<f32>> {
        first_logits(&self.model, &self.batches[0])
    }

    fn gradients(&mut self) -> Result<HashMap<String, Tensor>> {
        let model = without_dropout(&self.model)?;
        let batch = &self.batches[0];
        let images = Tensor::from_slice(&batch.images, (batch.len(), 1, SIDE, SIDE), &Device::Cpu)?;
        let [addends, digits, sums] = [&batch.addends, &batch.digits, &batch.sums].map(|classes| {
            let classes: Vec<u32> = classes.iter().map(|&class| u32::from(class)).collect();
            Tensor::new(classes, &Device::Cpu)
        });
        let (digits, sums) = (digits?, sums?);
        let targets = Targets::labels(&digits, &sums);
        let step = model.loss(&images, &addends?, targets, Mode::Train { seed: 0, epoch: 0, step: 0 })?;
        gradients_of(&step.loss, model.parameters().iter().map(|Parameter { name, var, .. }| (name, var)))
    }

    fn step(&mut self) -> Result<()> {
        self.training.step(&self.batches[self.steps % self.batches.len()])?;
        self.steps += 1;
        Ok(())
    }
}

/// A copy of the network that drops nothing.
fn without_dropout(model: &IdentityAdder) -> Result<IdentityAdder> {
    let config = ModelConfig { dropout: 0.0, ..model.config().clone() };
    let copy = IdentityAdder::new(&config, 0, model.device())?.with_backend(model.backend())?;
    let mut values: HashMap<String, _> = model.state().into_iter().collect();
    for (name, variable) in copy.state() {
        let value = values.remove(&name).with_context(|| format!("no {name}"))?;
        variable.set(&value)?;
    }
    Ok(copy)
}

/// Predictions of whole batches.
pub struct Inference {
    model: IdentityAdder,
    /// `None` for candle's own operations.
    predictor: Option<Predictor>,
    batches: Vec<Batch>,
    runs: usize,
}

impl Inference {
    /// The inference of a task.
    ///
    /// # Errors
    /// Where files cannot be read or do not fit.
    pub fn new(task: &Task, backend: Backend) -> Result<Self> {
        let model = load_model(task, backend)?;
        let predictor = match backend {
            Backend::Reference => None,
            Backend::Fused => Some(Predictor::new(&model)?),
        };
        Ok(Self { model, predictor, batches: load_batches(task)?, runs: 0 })
    }
}

impl Contestant for Inference {
    fn results(&mut self) -> Result<Vec<f32>> {
        first_logits(&self.model, &self.batches[0])
    }

    fn gradients(&mut self) -> Result<HashMap<String, Tensor>> {
        bail!("inference has no gradients")
    }

    fn step(&mut self) -> Result<()> {
        let Batch { images, addends, .. } = &self.batches[self.runs % self.batches.len()];
        black_box(match &self.predictor {
            Some(predictor) => predictor.predict_batch(images, Addends::Each(addends))?,
            None => logits(&self.model, images, addends)?,
        });
        self.runs += 1;
        Ok(())
    }
}

fn load_model(task: &Task, backend: Backend) -> Result<IdentityAdder> {
    let (model, _) = weights::load(&task.weights, &Device::Cpu)?;
    Ok(model.with_backend(backend)?)
}

/// The logits of the first images, those of the digit and then those of the sum, image by image.
fn first_logits(model: &IdentityAdder, batch: &Batch) -> Result<Vec<f32>> {
    let count = CHECKED.min(batch.len());
    let (images, addends) = (&batch.images[..count * PIXELS], &batch.addends[..count]);
    let Logits { digit, sum } = match model.backend() {
        Backend::Reference => logits(model, images, addends)?,
        Backend::Fused => Predictor::new(model)?.predict_batch(images, Addends::Each(addends))?,
    };
    let rows = digit.chunks_exact(DIGITS).zip(sum.chunks_exact(SUMS));
    Ok(rows.flat_map(|(digit, sum)| [digit, sum].concat()).collect())
}

fn load_batches(task: &Task) -> Result<Vec<Batch>> {
    let tensors = candle_core::safetensors::load(&task.inputs, &Device::Cpu)?;
    let part = |name: &str| tensors.get(name).with_context(|| format!("the inputs have no `{name}`"));
    let images: Vec<f32> = part("images")?.flatten_all()?.to_vec1()?;
    let bytes = |name: &str| -> Result<Vec<u8>> { Ok(part(name)?.to_dtype(DType::U8)?.to_vec1()?) };
    let (addends, digits) = (bytes("addends")?, bytes("digits")?);
    let labels = addends.chunks_exact(task.batch).zip(digits.chunks_exact(task.batch));
    let batch = |(images, (addends, digits)): (&[f32], (&[u8], &[u8]))| Batch {
        images: images.to_vec(),
        indices: (0..).take(addends.len()).collect(),
        addends_per_image: 1,
        addends: addends.to_vec(),
        digits: digits.to_vec(),
        sums: addends.iter().zip(digits).map(|(addend, digit)| addend + digit).collect(),
    };
    Ok(images.chunks_exact(task.batch * PIXELS).zip(labels).map(batch).collect())
}
