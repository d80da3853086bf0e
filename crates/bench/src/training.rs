//! A training step as `adder train` takes it, and batches to take it on.

use adder_data::{Batch, Dataset, LoaderConfig, Position, SIDE, Source, TrainLoader};
use adder_model::{IdentityAdder, Mode, Targets};
use adder_train::config::OptimizerConfig;
use adder_train::optim::{AnyOptimizer, Gradients, Settings};
use anyhow::Result;
use candle_core::Tensor;

/// A network in training with the notebook's optimizer.
#[derive(Debug)]
pub struct Training {
    model: IdentityAdder,
    optimizer: Box<dyn AnyOptimizer>,
}

impl Training {
    /// The training of a network, before its first step.
    ///
    /// # Errors
    /// Where the device has no room.
    pub fn new(model: IdentityAdder) -> Result<Self> {
        let optimizer = OptimizerConfig::default().build(model.parameters())?;
        Ok(Self { model, optimizer })
    }

    /// Forward pass with dropout, loss, backward pass and update; gives the mean loss of a pair.
    ///
    /// # Errors
    /// Where one of them fails.
    pub fn step(&mut self, batch: &Batch) -> Result<f64> {
        let device = self.model.device();
        let images = Tensor::from_slice(&batch.images, (batch.len(), 1, SIDE, SIDE), device)?;
        let classes = |values: &[u8]| {
            let values: Vec<u32> = values.iter().map(|&value| u32::from(value)).collect();
            Tensor::from_vec(values, batch.pairs(), device)
        };
        let (addends, digits, sums) =
            (classes(&batch.addends)?, classes(&batch.digits)?, classes(&batch.sums)?);
        let mode = Mode::Train { seed: 0, epoch: 0, step: self.optimizer.steps() };
        let step = self.model.loss(&images, &addends, Targets::labels(&digits, &sums), mode)?;
        let gradients = Gradients::take(step.loss.backward()?, self.model.parameters())?;
        self.optimizer.step_with(&gradients, Settings::default())?;
        Ok(step.tally.metrics().both.loss)
    }
}

/// Endless training batches of MNIST.
///
/// # Errors
/// Where the configuration is an impossible one.
pub fn loader(config: LoaderConfig) -> Result<TrainLoader> {
    let Dataset { train, .. } = adder_data::load(&Source::Embedded, &mut |_| {})?;
    let indices = train.indices();
    Ok(TrainLoader::new(train, indices, config, Position::default())?)
}

/// `count` training batches of `size` MNIST images, as they are.
///
/// # Errors
/// For a size of zero.
pub fn batches(count: usize, size: usize) -> Result<Vec<Batch>> {
    let config = LoaderConfig { batch_size: size, workers: 0, ..LoaderConfig::default() };
    Ok(loader(config)?.take(count).collect())
}
