//! adder-nn's layers: the networks of [`stock`](super::stock) with other constructors.

use adder_nn::{
    AdamW, BatchNorm, Conv2d, Conv2dConfig, Dropout, Linear, Module, ModuleT, Optimizer, ParamsSGD, SGD,
    VarBuilder, batch_norm, conv2d, conv2d_no_bias, linear, loss, ops,
};
use anyhow::Result;
use candle_core::{Tensor, Var};
use candle_nn::ParamsAdamW;

use super::layers::{Layers, SgdSettings, Update};

/// adder-nn.
#[derive(Clone, Copy, Debug)]
pub struct Adder;

impl Layers for Adder {
    fn candle_mnist(&self, variables: VarBuilder<'_>, dropout: f32) -> Result<Box<dyn ModuleT>> {
        Ok(Box::new(ConvNet::new(variables, dropout)?))
    }

    fn residual(&self, variables: VarBuilder<'_>) -> Result<Box<dyn ModuleT>> {
        Ok(Box::new(ResidualNetwork::new(variables)?))
    }

    fn convolution(&self, weight: Tensor) -> Result<Box<dyn Module>> {
        Ok(Box::new(Conv2d::new(weight, None, Conv2dConfig::default())))
    }

    fn loss(&self, logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
        Ok(loss::cross_entropy(logits, labels)?)
    }

    fn adamw(&self, parameters: Vec<(String, Var)>) -> Result<Update> {
        let variables = parameters.into_iter().map(|(_, variable)| variable).collect();
        let mut adamw = AdamW::new(variables, ParamsAdamW::default())?;
        Ok(Box::new(move |gradients| Ok(adamw.step(gradients)?)))
    }

    fn sgd(&self, parameters: Vec<(String, Var)>, settings: SgdSettings) -> Result<Update> {
        let variables = parameters.into_iter().map(|(_, variable)| variable).collect();
        let SgdSettings { rate: lr, momentum, weight_decay } = settings;
        let mut sgd = SGD::new(variables, ParamsSGD { lr, momentum, nesterov: false, weight_decay })?;
        Ok(Box::new(move |gradients| Ok(sgd.step(gradients)?)))
    }
}

struct ConvNet {
    conv1: Conv2d,
    conv2: Conv2d,
    fc1: Linear,
    fc2: Linear,
    dropout: Dropout,
}

impl ConvNet {
    fn new(vs: VarBuilder<'_>, dropout: f32) -> Result<Self> {
        let conv1 = conv2d(1, 32, 5, Default::default(), vs.pp("c1"))?;
        let conv2 = conv2d(32, 64, 5, Default::default(), vs.pp("c2"))?;
        let fc1 = linear(1024, 1024, vs.pp("fc1"))?;
        let fc2 = linear(1024, 10, vs.pp("fc2"))?;
        Ok(Self { conv1, conv2, fc1, fc2, dropout: Dropout::new(dropout) })
    }
}

impl ModuleT for ConvNet {
    fn forward_t(&self, xs: &Tensor, train: bool) -> candle_core::Result<Tensor> {
        let xs = self.conv2.forward_max_pool2d(&self.conv1.forward_max_pool2d(xs)?)?;
        let xs = xs.flatten_from(1)?.apply(&self.fc1)?;
        self.dropout.forward(&ops::relu(&xs)?, train)?.apply(&self.fc2)
    }
}

/// A convolution and its norm.
struct ConvNorm {
    conv: Conv2d,
    norm: BatchNorm,
}

impl ConvNorm {
    /// From `channels.0` to `channels.1`, with the names of both layers.
    fn new(
        channels: (usize, usize),
        kernel: usize,
        stride: usize,
        names: (&str, &str),
        vs: &VarBuilder<'_>,
    ) -> Result<Self> {
        let config = Conv2dConfig { padding: kernel / 2, stride, ..Default::default() };
        let conv = conv2d_no_bias(channels.0, channels.1, kernel, config, vs.pp(names.0))?;
        Ok(Self { conv, norm: batch_norm(channels.1, 1e-5, vs.pp(names.1))? })
    }

    fn forward_relu(&self, xs: &Tensor, train: bool) -> candle_core::Result<Tensor> {
        self.norm.forward_relu(&xs.apply(&self.conv)?, train)
    }
}

struct ResidualBlock {
    first: ConvNorm,
    second: ConvNorm,
    shortcut: Option<ConvNorm>,
}

impl ResidualBlock {
    /// One from `inputs` to more channels halves the image.
    fn new(inputs: usize, outputs: usize, vs: VarBuilder<'_>) -> Result<Self> {
        let stride = if inputs == outputs { 1 } else { 2 };
        let first = ConvNorm::new((inputs, outputs), 3, stride, ("conv1", "norm1"), &vs)?;
        let second = ConvNorm::new((outputs, outputs), 3, 1, ("conv2", "norm2"), &vs)?;
        let shortcut = match stride {
            1 => None,
            _ => Some(ConvNorm::new((inputs, outputs), 1, 2, ("conv", "norm"), &vs.pp("shortcut"))?),
        };
        Ok(Self { first, second, shortcut })
    }
}

impl ModuleT for ResidualBlock {
    fn forward_t(&self, xs: &Tensor, train: bool) -> candle_core::Result<Tensor> {
        let ys = self.first.forward_relu(xs, train)?;
        let shortcut = match &self.shortcut {
            Some(ConvNorm { conv, norm }) => xs.apply(conv)?.apply_t(norm, train)?,
            None => xs.clone(),
        };
        self.second.norm.forward_add_relu(&ys.apply(&self.second.conv)?, &shortcut, train)
    }
}

struct ResidualNetwork {
    stem: ConvNorm,
    blocks: Vec<ResidualBlock>,
    head: Linear,
}

impl ResidualNetwork {
    fn new(vs: VarBuilder<'_>) -> Result<Self> {
        let stem = ConvNorm::new((3, 32), 3, 1, ("stem", "stem_norm"), &vs)?;
        let mut blocks = Vec::new();
        for (stage, inputs, outputs) in [("stage1", 32, 32), ("stage2", 32, 64), ("stage3", 64, 128)] {
            blocks.push(ResidualBlock::new(inputs, outputs, vs.pp(stage).pp(0))?);
            blocks.push(ResidualBlock::new(outputs, outputs, vs.pp(stage).pp(1))?);
        }
        Ok(Self { stem, blocks, head: linear(128, 10, vs.pp("head"))? })
    }
}

impl ModuleT for ResidualNetwork {
    fn forward_t(&self, xs: &Tensor, train: bool) -> candle_core::Result<Tensor> {
        let mut xs = self.stem.forward_relu(xs, train)?;
        for block in &self.blocks {
            xs = xs.apply_t(block, train)?;
        }
        xs.mean((2, 3))?.apply(&self.head)
    }
}
