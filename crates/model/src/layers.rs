//! Layers of `adder-nn` from a network's description, and the walk over them and the fused runs between.

use std::ops::Range;

use adder_kernels::Isa;
use adder_kernels::dropout::DropoutKey;
use adder_network::{EPSILON, LayerKind, Network, Node, Norm as NormNode};
use adder_nn::ops::{leaky_relu, relu, seeded_dropout};
use adder_nn::optim::Parameter;
use adder_nn::{AvgPool2d, BatchNorm, Conv2d, Conv2dConfig, Linear, MaxPool2d, Module, ModuleT};
use adder_random::{Purpose, Stream};
use candle_core::{DType, Device, Tensor, Var};

use crate::fused::Part;
use crate::{Mode, Model, Result};

/// The layers of a network, in the order of its nodes, and its heads.
#[derive(Debug)]
pub(crate) struct Layers {
    pub(crate) nodes: Vec<Operation>,
    pub(crate) heads: Vec<Operation>,
}

/// What one node computes.
#[derive(Debug)]
pub(crate) enum Operation {
    Conv2d(Conv2d),
    Relu,
    LeakyRelu {
        negative_slope: f64,
    },
    /// The norm of this number.
    BatchNorm(usize),
    /// Dropout with the masks of this number.
    Dropout {
        probability: f32,
        number: usize,
    },
    MaxPool2d(MaxPool2d),
    AvgPool2d(AvgPool2d),
    GlobalAveragePool,
    Flatten,
    Linear(Linear),
    /// Joins the one-hot input of this number.
    OneHot {
        classes: usize,
        number: usize,
    },
    Residual(Vec<Operation>),
}

impl Layers {
    /// The layers with these parameters, on the kernels for an instruction set or on candle's operations alone.
    pub(crate) fn new(network: &Network, parameters: &[Parameter], isa: Option<Isa>) -> Self {
        let builder = Builder { parameters, isa };
        Self { nodes: builder.operations(network.nodes()), heads: builder.operations(network.heads()) }
    }
}

struct Builder<'a> {
    parameters: &'a [Parameter],
    isa: Option<Isa>,
}

impl Builder<'_> {
    fn operations(&self, nodes: &[Node]) -> Vec<Operation> {
        nodes.iter().map(|node| self.operation(node)).collect()
    }

    fn operation(&self, node: &Node) -> Operation {
        match node.kind {
            LayerKind::Conv2d { stride, padding, bias, .. } => {
                let config = Conv2dConfig { stride, padding, ..Default::default() };
                let conv = Conv2d::new(self.parameter(node, 0), self.bias(node, bias), config);
                Operation::Conv2d(match self.isa {
                    Some(isa) => conv.with_isa(isa),
                    None => conv.without_kernels(),
                })
            }
            LayerKind::Relu {} => Operation::Relu,
            LayerKind::LeakyRelu { negative_slope } => {
                Operation::LeakyRelu { negative_slope: negative_slope.into() }
            }
            LayerKind::BatchNorm {} => Operation::BatchNorm(node.ordinal),
            LayerKind::Dropout { probability } => Operation::Dropout { probability, number: node.ordinal },
            LayerKind::MaxPool2d { kernel, stride } => {
                Operation::MaxPool2d(MaxPool2d::new(kernel).with_stride(stride.unwrap_or(kernel)))
            }
            LayerKind::AvgPool2d { kernel, stride } => {
                Operation::AvgPool2d(AvgPool2d::new(kernel).with_stride(stride.unwrap_or(kernel)))
            }
            LayerKind::GlobalAveragePool {} => Operation::GlobalAveragePool,
            LayerKind::Flatten {} => Operation::Flatten,
            LayerKind::Linear { bias, .. } => Operation::Linear(self.linear(node, bias)),
            LayerKind::OneHot { classes, .. } => Operation::OneHot { classes, number: node.ordinal },
            LayerKind::Residual { .. } => Operation::Residual(self.operations(&node.body)),
        }
    }

    fn linear(&self, node: &Node, bias: bool) -> Linear {
        let linear = Linear::new(self.parameter(node, 0), self.bias(node, bias));
        match self.isa {
            Some(isa) => linear.with_isa(isa),
            None => linear.without_kernels(),
        }
    }

    fn parameter(&self, node: &Node, index: usize) -> Tensor {
        self.parameters[node.parameters.start + index].var.as_tensor().clone()
    }

    fn bias(&self, node: &Node, bias: bool) -> Option<Tensor> {
        bias.then(|| self.parameter(node, 1))
    }
}

/// A norm with its running statistics as variables.
#[derive(Clone, Debug)]
pub(crate) struct Norm {
    names: [String; 2],
    running_mean: Var,
    running_var: Var,
    pub(crate) layer: BatchNorm,
}

impl Norm {
    /// The norm that a network describes, with fresh running statistics.
    pub(crate) fn new(norm: &NormNode, weight: &Var, bias: &Var, device: &Device) -> Result<Self> {
        let running_mean = Var::zeros(norm.channels, DType::F32, device)?;
        let running_var = Var::ones(norm.channels, DType::F32, device)?;
        let [mean, var, weight, bias] =
            [&running_mean, &running_var, weight, bias].map(|var| var.as_tensor().clone());
        let layer = BatchNorm::new(norm.channels, mean, var, weight, bias, EPSILON)?.allow_single_values();
        Ok(Self { names: norm.buffer_names(), running_mean, running_var, layer })
    }

    /// The same on the kernels for an instruction set, or on candle's operations alone.
    pub(crate) fn on(&self, isa: Option<Isa>) -> Self {
        let layer = self.layer.clone();
        let layer = match isa {
            Some(isa) => layer.with_isa(isa),
            None => layer.without_kernels(),
        };
        Self { layer, ..self.clone() }
    }

    /// The running statistics with the names they are saved under.
    pub(crate) fn buffers(&self) -> [(String, &Var); 2] {
        let [mean, var] = self.names.clone();
        [(mean, &self.running_mean), (var, &self.running_var)]
    }

    /// The running mean and variance, `[c]` each.
    pub(crate) fn statistics(&self) -> Result<[Vec<f32>; 2]> {
        Ok([self.running_mean.to_vec1()?, self.running_var.to_vec1()?])
    }
}

/// The key of one training step's dropout masks, shared by all dropout layers; nothing where the pass evaluates.
fn step_key(mode: Mode) -> Option<DropoutKey> {
    match mode {
        Mode::Train { seed, epoch, step } => {
            Some(DropoutKey(Stream::new(seed, Purpose::Dropout, epoch, step).next_u64()))
        }
        Mode::Evaluate => None,
    }
}

impl Model {
    /// Layers of the network, one after the other.
    pub(crate) fn run(
        &self,
        range: Range<usize>,
        x: &Tensor,
        one_hot: &[&Tensor],
        mode: Mode,
    ) -> Result<Tensor> {
        let operations = &self.layers.nodes;
        match (&self.fused, mode) {
            (Some(fused), Mode::Train { .. }) => {
                let parts = fused.parts.iter().filter(|part| range.contains(&part.nodes().start));
                let covered = parts.clone().map(|part| part.nodes().end).max().unwrap_or(range.start);
                let x = self.parts(parts, operations, x, one_hot, mode)?;
                // What the fused dense part takes up runs layer by layer where logits are asked for without a loss.
                self.operations(&operations[covered.min(range.end)..range.end], &x, one_hot, mode)
            }
            _ => self.operations(&operations[range], x, one_hot, mode),
        }
    }

    /// Logits of each head from the last layer's features.
    pub(crate) fn heads(&self, features: &Tensor) -> Result<Vec<Tensor>> {
        let heads = self.layers.heads.iter();
        heads.map(|head| self.operation(head, features, &[], Mode::Evaluate)).collect()
    }

    fn parts<'a>(
        &self,
        parts: impl Iterator<Item = &'a Part>,
        operations: &[Operation],
        x: &Tensor,
        one_hot: &[&Tensor],
        mode: Mode,
    ) -> Result<Tensor> {
        let mut x = x.clone();
        for part in parts {
            x = match part {
                Part::Trunk(trunk) => trunk.forward(&self.parameters, &self.norms, &x, step_key(mode))?,
                Part::Layer { index, body } => match &operations[*index] {
                    Operation::Residual(inner) => {
                        (&x + self.parts(body.iter(), inner, &x, one_hot, mode)?)?
                    }
                    operation => self.operation(operation, &x, one_hot, mode)?,
                },
            };
        }
        Ok(x)
    }

    fn operations(
        &self,
        operations: &[Operation],
        x: &Tensor,
        one_hot: &[&Tensor],
        mode: Mode,
    ) -> Result<Tensor> {
        operations.iter().try_fold(x.clone(), |x, operation| self.operation(operation, &x, one_hot, mode))
    }

    /// One layer.
    fn operation(
        &self,
        operation: &Operation,
        x: &Tensor,
        one_hot: &[&Tensor],
        mode: Mode,
    ) -> Result<Tensor> {
        Ok(match operation {
            Operation::Conv2d(conv) => conv.forward(x)?,
            Operation::Relu => relu(x)?,
            Operation::LeakyRelu { negative_slope } => leaky_relu(x, *negative_slope)?,
            Operation::BatchNorm(number) => {
                self.norms[*number].layer.forward_t(x, matches!(mode, Mode::Train { .. }))?
            }
            Operation::Dropout { probability, number } => match step_key(mode) {
                Some(key) => seeded_dropout(x, *probability, key, *number as u32)?,
                None => x.clone(),
            },
            Operation::MaxPool2d(pool) => pool.forward(x)?,
            Operation::AvgPool2d(pool) => pool.forward(x)?,
            Operation::GlobalAveragePool => x.mean((2, 3))?,
            Operation::Flatten => x.flatten_from(1)?,
            Operation::Linear(linear) => linear.forward(x)?,
            Operation::OneHot { classes, number } => {
                let one_hot =
                    Tensor::eye(*classes, DType::F32, &self.device)?.index_select(one_hot[*number], 0)?;
                Tensor::cat(&[x, &one_hot], 1)?
            }
            Operation::Residual(body) => (x + self.operations(body, x, one_hot, mode)?)?,
        })
    }
}
