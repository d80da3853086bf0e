//! The IdentityAdder: a [`Model`] with the addend as its one-hot input, a digit head and a sum head.

use adder_kernels::Isa;
use adder_kernels::conv::Algorithm;
use adder_network::ModelConfig;
use candle_core::{Device, Tensor, Var};

use crate::loss::Loss;
use crate::model::shape_error;
use crate::targets::HeadTargets;
use crate::{Backend, Mode, Model, Parameter, Result, Tally};

/// The unnormalized outputs of both heads.
#[derive(Clone, Debug)]
pub struct LogitTensors {
    /// f32 `[b, 10]`, one for each digit.
    pub digit: Tensor,
    /// f32 `[b, 19]`, one for each sum 0..=18.
    pub sum: Tensor,
}

/// The targets of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Targets<'a> {
    /// The digit of each pair, u32 `[pairs]`.
    pub digits: &'a Tensor,
    /// The sum of each pair, u32 `[pairs]`.
    pub sums: &'a Tensor,
    /// Part of each label that is spread evenly over all classes, 0 to below 1, as in PyTorch's `CrossEntropyLoss`.
    pub label_smoothing: f32,
    /// Distributions that take the place of the labels, or of a part of them.
    pub soft: Option<SoftTargets<'a>>,
}

/// Distributions over the classes of each head, such as the probabilities of other networks (Hinton, Vinyals and Dean,
/// "Distilling the Knowledge in a Neural Network", 2015, at a temperature of 1).
#[derive(Clone, Copy, Debug)]
pub struct SoftTargets<'a> {
    /// f32 `[pairs, 10]`, each row summing to 1.
    pub digits: &'a Tensor,
    /// f32 `[pairs, 19]`, each row summing to 1.
    pub sums: &'a Tensor,
    /// The part of the target, 0 to 1, that they are. The rest is the label's.
    pub weight: f32,
}

impl<'a> Targets<'a> {
    /// The labels as they are: the digit and the sum of each pair, u32 `[pairs]`.
    pub fn labels(digits: &'a Tensor, sums: &'a Tensor) -> Self {
        Self { digits, sums, label_smoothing: 0.0, soft: None }
    }

    /// The targets of the digit head and of the sum head.
    fn heads(self) -> [HeadTargets<'a>; 2] {
        let Self { digits, sums, label_smoothing, soft } = self;
        let [soft_digits, soft_sums] =
            [soft.map(|soft| (soft.digits, soft.weight)), soft.map(|soft| (soft.sums, soft.weight))];
        [
            HeadTargets { labels: digits, label_smoothing, soft: soft_digits },
            HeadTargets { labels: sums, label_smoothing, soft: soft_sums },
        ]
    }
}

/// The outcome of one forward pass in training.
#[derive(Debug)]
pub struct Step {
    /// CE(digit) + CE(sum), each the mean over the batch: a differentiable scalar.
    pub loss: Tensor,
    /// Losses and right answers of the batch.
    pub tally: Tally,
}

/// The identity-adder: from an image and an addend to the digit in the image and the sum of the two.
///
/// Cloning shares the parameters.
#[derive(Clone, Debug)]
pub struct IdentityAdder {
    config: ModelConfig,
    model: Model,
}

impl IdentityAdder {
    /// A freshly initialized network, as [`Model::new`] makes it.
    ///
    /// # Errors
    /// [`Error::Network`](crate::Error::Network) for an impossible configuration, [`Error::Isa`](crate::Error::Isa) for an
    /// impossible `ADDER_ISA`.
    pub fn new(config: &ModelConfig, seed: u64, device: &Device) -> Result<Self> {
        Ok(Self { config: config.clone(), model: Model::new(config.network()?, seed, device)? })
    }

    /// The same network, parameters shared, trained by candle's own operations.
    #[must_use]
    pub fn on_reference(self) -> Self {
        Self { model: self.model.on_reference(), ..self }
    }

    /// The same network, parameters shared, trained by the kernels on an instruction set.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::Error::Backend) where the parameters are not on the CPU.
    pub fn on_kernels(self, isa: Isa) -> Result<Self> {
        Ok(Self { model: self.model.on_kernels(isa)?, ..self })
    }

    /// The same network, parameters shared, trained by `backend`.
    ///
    /// # Errors
    /// As [`Model::with_backend`].
    pub fn with_backend(self, backend: Backend) -> Result<Self> {
        Ok(Self { model: self.model.with_backend(backend)?, ..self })
    }

    /// The same network, parameters shared, its convolutions on the kernels by `algorithm`.
    ///
    /// # Errors
    /// As [`Model::with_algorithm`].
    pub fn with_algorithm(self, algorithm: Algorithm) -> Result<Self> {
        Ok(Self { model: self.model.with_algorithm(algorithm)?, ..self })
    }

    /// The same network with parameters of its own, trained by the same backend.
    ///
    /// # Errors
    /// Where the device has no room.
    pub fn copied(&self) -> Result<Self> {
        Ok(Self { config: self.config.clone(), model: self.model.copied()? })
    }

    /// The code that computes a training step.
    pub fn backend(&self) -> Backend {
        self.model.backend()
    }

    /// The network with its tensors.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The configuration that the network was built from.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The device of the parameters.
    pub fn device(&self) -> &Device {
        self.model.device()
    }

    /// Every trained tensor, in the order of the layers.
    pub fn parameters(&self) -> &[Parameter] {
        self.model.parameters()
    }

    /// The running statistics of every norm with their names, in the order of the layers.
    pub fn buffers(&self) -> Vec<(String, &Var)> {
        self.model.buffers()
    }

    /// Every parameter and running statistic with its name, in the order of the names.
    pub fn state(&self) -> Vec<(String, Var)> {
        self.model.state()
    }

    /// Logits of both heads for images, f32 `[b, 1, 28, 28]`, normalized, and addends, u32 `[b]`.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) where shapes do not fit.
    pub fn forward(&self, images: &Tensor, addends: &Tensor, mode: Mode) -> Result<LogitTensors> {
        self.heads(&self.embed(images, mode)?, addends, mode)
    }

    /// The embedding of images, f32 `[b, 1, 28, 28]` to `[b, embedding]`: all that the network learns of an image.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) where the images have another shape.
    pub fn embed(&self, images: &Tensor, mode: Mode) -> Result<Tensor> {
        self.model.embed(images, mode)
    }

    /// Logits from embeddings, f32 `[b, embedding]`, and addends, u32 `[b]`; all ten addends of an image share one embedding.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) where shapes do not fit.
    pub fn heads(&self, embedding: &Tensor, addends: &Tensor, mode: Mode) -> Result<LogitTensors> {
        if addends.dims() != [embedding.dim(0)?] {
            return Err(shape_error("addends", "one for each embedding", addends));
        }
        let [digit, sum] = <[Tensor; 2]>::try_from(self.model.logits(embedding, &[addends], mode)?)
            .map_err(|heads| candle_core::Error::msg(format!("{} heads in place of two", heads.len())))?;
        Ok(LogitTensors { digit, sum })
    }

    /// A forward pass with its loss. With several addends for each image, those of the first image come first: the images
    /// go through the convolutions once, and every layer behind them sees each pair.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) where shapes do not fit or a target is out of range.
    pub fn loss(&self, images: &Tensor, addends: &Tensor, targets: Targets<'_>, mode: Mode) -> Result<Step> {
        let Loss { value, tally } = self.model.loss(images, &[addends], &targets.heads(), mode)?;
        Ok(Step { loss: value, tally: Tally::from(&tally) })
    }

    /// The maps that show how images, f32 `[b, 1, 28, 28]`, are seen: what each block makes of them, its pool included, f32
    /// `[b, c, h, w]` each. Norms use their running statistics, dropout is off.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) where the images have another shape.
    pub fn block_outputs(&self, images: &Tensor) -> Result<Vec<Tensor>> {
        self.model.stages(images)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;
    use crate::Error;

    #[test]
    fn the_outputs_lead_to_the_embedding() {
        let model = IdentityAdder::new(&ModelConfig::default(), 3, &Device::Cpu).unwrap();
        let images = Tensor::arange(0f32, 2.0 * 784.0, &Device::Cpu).unwrap();
        let images = (images / 784.0).unwrap().reshape((2, 1, 28, 28)).unwrap();
        let outputs = model.block_outputs(&images).unwrap();
        let shapes: Vec<_> = outputs.iter().map(|output| output.dims()[1..].to_vec()).collect();
        assert_eq!(shapes, [[8, 28, 28], [8, 14, 14], [16, 14, 14], [16, 7, 7], [16, 7, 7], [16, 5, 5]]);
        let features = outputs[5].mean((2, 3)).unwrap();
        let network = model.model.network();
        let dense = network.image_nodes()..network.embedding_nodes();
        let embedding = model.model.run(dense, &features, &[], Mode::Evaluate).unwrap();
        let expected = model.embed(&images, Mode::Evaluate).unwrap();
        let difference = (embedding - expected).unwrap().abs().unwrap().max_all().unwrap();
        assert!(difference.to_scalar::<f32>().unwrap() < 1e-6);
        let wrong = Tensor::zeros((1, 28, 28), DType::F32, &Device::Cpu).unwrap();
        assert!(matches!(model.block_outputs(&wrong), Err(Error::Argument { what: "images", .. })));
    }
}
