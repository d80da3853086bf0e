//! Layers of `adder-nn` from a network's description.

use adder_kernels::Isa;
use adder_kernels::conv::Algorithm;
use adder_network::{ClassCode, LayerKind, Network, Node};
use adder_nn::optim::Parameter;
use adder_nn::{AvgPool2d, Conv2d, Conv2dConfig, Linear, MaxPool2d};
use candle_core::Tensor;

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
    /// Joins the one-hot input of this number, in its code.
    OneHot {
        code: ClassCode,
        classes: usize,
        number: usize,
    },
    Residual(Vec<Operation>),
}

impl Layers {
    /// The layers with these parameters, on the kernels for an instruction set or on candle's operations alone.
    pub(crate) fn new(
        network: &Network,
        parameters: &[Parameter],
        isa: Option<Isa>,
        algorithm: Algorithm,
    ) -> Self {
        let builder = Builder { parameters, isa, algorithm };
        Self { nodes: builder.operations(network.nodes()), heads: builder.operations(network.heads()) }
    }
}

struct Builder<'a> {
    parameters: &'a [Parameter],
    isa: Option<Isa>,
    algorithm: Algorithm,
}

impl Builder<'_> {
    fn operations(&self, nodes: &[Node]) -> Vec<Operation> {
        nodes.iter().map(|node| self.operation(node)).collect()
    }

    fn operation(&self, node: &Node) -> Operation {
        match node.kind {
            LayerKind::Conv2d { stride, padding, bias, .. } => {
                let config = Conv2dConfig { stride, padding, ..Default::default() };
                let conv = Conv2d::new(self.parameter(node, 0), self.bias(node, bias), config)
                    .with_algorithm(self.algorithm);
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
            LayerKind::OneHot { classes, code, .. } => {
                Operation::OneHot { code, classes, number: node.ordinal }
            }
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
