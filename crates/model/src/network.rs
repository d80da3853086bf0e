//! The network itself, written as one reads it: blocks, embedding, hidden layer, heads.

mod outputs;

use adder_kernels::Isa;
use candle_core::{DType, Device, Tensor, Var};

use crate::config::BlockConfig;
use crate::dropout::{dropout, step_key};
use crate::fused::Fused;
use crate::init::Initializer;
use crate::linear::Linear;
use crate::loss::joint_loss;
use crate::norm::BatchNorm;
use crate::{
    ADDENDS, Backend, DIGITS, Error, IMAGE_SIDE, ModelConfig, Parameter, Result, SUMS, Step, Targets,
    max_pool2x2,
};

/// Whether a forward pass trains or evaluates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Norms use and remember the batch's statistics; dropout is on, its masks a function of these three numbers.
    Train {
        /// The run's seed.
        seed: u64,
        /// Counted from zero.
        epoch: u64,
        /// The step within the epoch, counted from zero.
        step: u64,
    },
    /// Norms use the running statistics; dropout is off.
    Evaluate,
}

/// The unnormalised outputs of both heads.
#[derive(Clone, Debug)]
pub struct Logits {
    /// f32 `[b, 10]`, one for each digit.
    pub digit: Tensor,
    /// f32 `[b, 19]`, one for each sum 0..=18.
    pub sum: Tensor,
}

/// The identity-adder: from an image and an addend to the digit in the image and the sum of the two.
///
/// Cloning shares the parameters.
#[derive(Clone, Debug)]
pub struct IdentityAdder {
    config: ModelConfig,
    device: Device,
    blocks: Vec<Block>,
    embedding: Dense,
    hidden: Dense,
    digit: Linear,
    sum: Linear,
    parameters: Vec<Parameter>,
    /// Planned for [`Backend::Fused`].
    fused: Option<Fused>,
}

/// Convolution -> ReLU -> batch norm -> dropout, then a max pool where the configuration has one.
#[derive(Clone, Debug)]
struct Block {
    config: BlockConfig,
    weight: Var,
    norm: BatchNorm,
}

/// Linear -> batch norm -> ReLU.
#[derive(Clone, Debug)]
struct Dense {
    linear: Linear,
    norm: BatchNorm,
}

impl IdentityAdder {
    /// A freshly initialised network: PyTorch's distributions, drawn from `seed`. It trains with the fastest backend of
    /// the device, on the instruction set that `ADDER_ISA` names or the best that there is.
    ///
    /// # Errors
    /// [`Error::Config`] for an impossible configuration, [`Error::Isa`] for an impossible `ADDER_ISA`.
    pub fn new(config: &ModelConfig, seed: u64, device: &Device) -> Result<Self> {
        let mut init = Initializer::new(seed, device);
        let block_configs = config.blocks()?;
        let features = block_configs.last().map_or(1, |block| block.out_channels);
        let blocks = (1..)
            .zip(block_configs)
            .map(|(number, block)| Block::new(&mut init, number, block))
            .collect::<Result<Vec<_>>>()?;
        let embedding = Dense::new(&mut init, "embedding", features, config.embedding)?;
        let hidden = Dense::new(&mut init, "hidden", config.embedding + ADDENDS, config.hidden)?;
        let digit = Linear::new(&mut init, "digit", config.hidden, DIGITS)?;
        let sum = Linear::new(&mut init, "sum", config.hidden, SUMS)?;
        let parameters = init.into_parameters();
        let (config, device) = (config.clone(), device.clone());
        let backend = Backend::default_for(&device);
        let model = Self { config, device, blocks, embedding, hidden, digit, sum, parameters, fused: None };
        match backend {
            Backend::Reference => Ok(model),
            Backend::Fused => model.on_kernels(Isa::from_environment()?),
        }
    }

    /// The same network, parameters shared, trained by candle's own operations.
    #[must_use]
    pub fn on_reference(mut self) -> Self {
        self.fused = None;
        self
    }

    /// The same network, parameters shared, trained by the kernels on an instruction set.
    ///
    /// # Errors
    /// [`Error::Backend`] where the parameters are not on the CPU.
    pub fn on_kernels(mut self, isa: Isa) -> Result<Self> {
        if !self.device.is_cpu() {
            return Err(Error::Backend {
                backend: Backend::Fused,
                device: format!("{:?}", self.device.location()),
            });
        }
        self.fused = Some(Fused::new(&self.config, isa)?);
        Ok(self)
    }

    /// The same network, parameters shared, trained by `backend`.
    ///
    /// # Errors
    /// [`Error::Backend`] where the device does not have it, [`Error::Isa`] for an impossible `ADDER_ISA`.
    pub fn with_backend(self, backend: Backend) -> Result<Self> {
        match backend {
            Backend::Reference => Ok(self.on_reference()),
            Backend::Fused => self.on_kernels(Isa::from_environment()?),
        }
    }

    /// Which code computes a training step.
    pub fn backend(&self) -> Backend {
        if self.fused.is_some() { Backend::Fused } else { Backend::Reference }
    }

    /// The configuration that the network was built from.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Where the parameters live.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Every trained tensor, in the order of the layers.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The running statistics of every norm with their names, in the order of the layers.
    pub fn buffers(&self) -> Vec<(String, &Var)> {
        let dense = [&self.embedding.norm, &self.hidden.norm];
        self.blocks.iter().map(|block| &block.norm).chain(dense).flat_map(BatchNorm::buffers).collect()
    }

    /// Logits of both heads for images, f32 `[b, 1, 28, 28]`, normalised, and addends, u32 `[b]`.
    ///
    /// # Errors
    /// [`Error::Argument`] where shapes do not fit.
    pub fn forward(&self, images: &Tensor, addends: &Tensor, mode: Mode) -> Result<Logits> {
        self.heads(&self.embed(images, mode)?, addends, mode)
    }

    /// The embedding of images, f32 `[b, 1, 28, 28]` to `[b, 20]`: all that the network learns of an image.
    ///
    /// # Errors
    /// [`Error::Argument`] where the images have another shape.
    pub fn embed(&self, images: &Tensor, mode: Mode) -> Result<Tensor> {
        self.embedding.forward(&self.features(images, mode)?, mode)
    }

    /// The global average of the last block, `[b, 1, 28, 28]` to `[b, c]`.
    fn features(&self, images: &Tensor, mode: Mode) -> Result<Tensor> {
        let Ok((_, 1, IMAGE_SIDE, IMAGE_SIDE)) = images.dims4() else {
            return Err(shape_error("images", "[b, 1, 28, 28]", images));
        };
        if let (Some(fused), Some(key)) = (&self.fused, step_key(mode)) {
            let norms = self.blocks.iter().map(|block| &block.norm);
            return fused.features(images, self.split_parameters().0, Some(key), norms);
        }
        let mut x = images.clone();
        for (index, block) in self.blocks.iter().enumerate() {
            x = block.forward(&x, mode, index)?;
        }
        Ok(x.mean((2, 3))?)
    }

    /// The instruction set of the kernels that the network trains on.
    pub(crate) fn isa(&self) -> Option<Isa> {
        self.fused.as_ref().map(Fused::isa)
    }

    /// The parameters of the blocks, and those behind them.
    pub(crate) fn split_parameters(&self) -> (&[Parameter], &[Parameter]) {
        const PER_BLOCK: usize = 3;
        self.parameters.split_at(PER_BLOCK * self.blocks.len())
    }

    /// Logits from embeddings, f32 `[b, 20]`, and addends, u32 `[b]`; all ten addends of an image share one embedding.
    ///
    /// # Errors
    /// [`Error::Argument`] where shapes do not fit.
    pub fn heads(&self, embedding: &Tensor, addends: &Tensor, mode: Mode) -> Result<Logits> {
        if addends.dims() != [embedding.dim(0)?] {
            return Err(shape_error("addends", "one for each embedding", addends));
        }
        let one_hot = Tensor::eye(ADDENDS, DType::F32, &self.device)?.index_select(addends, 0)?;
        let hidden = self.hidden.forward(&Tensor::cat(&[embedding, &one_hot], 1)?, mode)?;
        Ok(Logits { digit: self.digit.forward(&hidden)?, sum: self.sum.forward(&hidden)? })
    }

    /// A forward pass with its loss. With several addends for each image, those of the first image come first: the images
    /// go through the convolutions once, and every layer behind them sees each pair.
    ///
    /// # Errors
    /// [`Error::Argument`] where shapes do not fit or a target is out of range.
    pub fn loss(&self, images: &Tensor, addends: &Tensor, targets: Targets<'_>, mode: Mode) -> Result<Step> {
        let features = for_each_pair(&self.features(images, mode)?, addends)?;
        if let (Some(fused), Mode::Train { .. }) = (&self.fused, mode) {
            let norms = [&self.embedding.norm, &self.hidden.norm];
            return fused.loss(&features, addends, targets, (self.split_parameters().1, norms));
        }
        let embedding = self.embedding.forward(&features, mode)?;
        joint_loss(&self.heads(&embedding, addends, mode)?, targets)
    }
}

/// Repeats the features of images, `[b, c]`, so that there is one row for each of the addends, `[n * b]`.
fn for_each_pair(features: &Tensor, addends: &Tensor) -> Result<Tensor> {
    let (images, width) = features.dims2()?;
    let pairs = addends.elem_count();
    if pairs == images {
        return Ok(features.clone());
    }
    if images == 0 || !pairs.is_multiple_of(images) {
        return Err(shape_error("addends", "as many for each image", addends));
    }
    let repeated = features.unsqueeze(1)?.broadcast_as((images, pairs / images, width))?;
    Ok(repeated.reshape((pairs, width))?)
}

impl Block {
    fn new(init: &mut Initializer, number: usize, config: BlockConfig) -> Result<Self> {
        let shape = (config.out_channels, config.in_channels, 3, 3);
        let weight = init.weight(format!("block{number}.conv.weight"), shape)?;
        let norm = BatchNorm::new(init, format!("block{number}.norm"), config.out_channels)?;
        Ok(Self { config, weight, norm })
    }

    fn forward(&self, x: &Tensor, mode: Mode, index: usize) -> Result<Tensor> {
        let activation = x.conv2d(&self.weight, self.config.padding, 1, 1, 1)?.relu()?;
        let normalised = match step_key(mode) {
            Some(key) => dropout(&self.norm.forward_train(&activation)?, self.config.dropout, key, index)?,
            None => self.norm.forward_eval(&activation)?,
        };
        if self.config.pool { max_pool2x2(&normalised) } else { Ok(normalised) }
    }
}

impl Dense {
    fn new(init: &mut Initializer, name: &str, inputs: usize, outputs: usize) -> Result<Self> {
        let linear = Linear::new(init, &format!("{name}.linear"), inputs, outputs)?;
        Ok(Self { linear, norm: BatchNorm::new(init, format!("{name}.norm"), outputs)? })
    }

    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let x = self.linear.forward(x)?;
        let normalised = match mode {
            Mode::Train { .. } => self.norm.forward_train(&x)?,
            Mode::Evaluate => self.norm.forward_eval(&x)?,
        };
        Ok(normalised.relu()?)
    }
}

fn shape_error(what: &'static str, expected: &str, found: &Tensor) -> Error {
    Error::Argument { what, expected: expected.into(), found: format!("{:?}", found.dims()) }
}
