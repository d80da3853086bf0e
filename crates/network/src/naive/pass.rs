//! A whole network forward and backward, layer by layer.

use super::conv::{Conv, conv2d, conv2d_input_gradient, conv2d_weight_gradient};
use super::dense::{leaky_relu, leaky_relu_backward, linear, linear_backward, relu, relu_backward};
use super::head::decode;
use super::norm::{Normalized, batch_norm, batch_norm_backward, batch_norm_with};
use super::pool::{
    Pool, avg_pool2d, avg_pool2d_backward, global_average_pool, global_average_pool_backward, max_pool2d,
    max_pool2d_backward,
};
use crate::{LayerKind, Network, Node};

/// The inputs of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// `[b, channels, height, width]`.
    pub images: &'a [f64],
    /// The class of each image for each one-hot input, in their order.
    pub one_hot: &'a [&'a [u8]],
}

/// The mode of a pass.
#[derive(Clone, Copy, Debug)]
pub enum Mode<'a> {
    /// Norms use the batch's own statistics. Each dropout layer multiplies its values with a mask of the same shape, or with
    /// nothing.
    Train {
        /// One mask for each dropout layer, in their order.
        masks: &'a [Option<Vec<f64>>],
    },
    /// Norms use these running means and variances, one pair for each norm in their order; nothing is dropped.
    Evaluate {
        /// `[mean, variance]`, `[channels]` each.
        statistics: &'a [[Vec<f64>; 2]],
    },
}

/// A forward pass and all that happened in it.
#[derive(Clone, Debug)]
pub struct Pass {
    /// The layers' passes.
    pub nodes: Vec<NodePass>,
    /// The outputs of each head, `[b, outputs]`; none where only the layers were asked for.
    pub outputs: Vec<Vec<f64>>,
    /// The logits of each head, `[b, classes]`: for a softmax, its outputs.
    pub logits: Vec<Vec<f64>>,
    /// The heads' input, `[b, features]`.
    pub features: Vec<f64>,
    batch: usize,
}

/// One layer's pass.
#[derive(Clone, Debug)]
pub struct NodePass {
    /// The values that came in.
    pub input: Vec<f64>,
    /// The values that came out.
    pub output: Vec<f64>,
    /// Mean and biased variance of the batch, where it is a norm in training.
    pub norm: Option<Normalized>,
    /// The passes of the layers beside the shortcut, where it is a residual.
    pub body: Vec<NodePass>,
}

/// The gradients of a loss.
#[derive(Clone, Debug)]
pub struct Gradients {
    /// The gradients of the parameters, one behind the other.
    pub params: Vec<f64>,
    /// The gradient of the images, `[b, channels, height, width]`.
    pub images: Vec<f64>,
    /// The largest, without its sign, at any value on the way: what the others are sums of.
    pub largest: f64,
}

impl Pass {
    /// The norms' passes in training, in their order, those of residuals left out.
    pub fn norms(&self) -> impl Iterator<Item = &Normalized> {
        self.nodes.iter().filter_map(|node| node.norm.as_ref())
    }
}

impl Gradients {
    fn zeros(params: usize) -> Self {
        Self { params: vec![0.0; params], images: Vec::new(), largest: 0.0 }
    }
}

/// The forward pass; `params` holds all parameters one behind the other, as [`Parameter::range`](crate::Parameter::range) says.
pub fn forward(network: &Network, params: &[f64], inputs: Inputs<'_>, mode: Mode<'_>) -> Pass {
    let mut pass = forward_layers(network, params, inputs, mode);
    let walk = Walk { network, params, one_hot: &[], mode, batch: pass.batch };
    let heads = network.heads().iter().map(|head| walk.forward(head, &pass.features).output);
    pass.outputs = heads.collect();
    let kinds = network.head_kinds().iter().zip(network.classes());
    let logits = kinds.zip(&pass.outputs).map(|((&kind, classes), outputs)| decode(kind, classes, outputs));
    pass.logits = logits.collect();
    pass
}

/// The forward pass up to the features; `params` may end before those of the heads.
pub fn forward_layers(network: &Network, params: &[f64], inputs: Inputs<'_>, mode: Mode<'_>) -> Pass {
    let batch = inputs.images.len() / network.input().iter().product::<usize>();
    let walk = Walk { network, params, one_hot: inputs.one_hot, mode, batch };
    let (nodes, features) = walk.forward_all(network.nodes(), inputs.images.to_vec());
    Pass { nodes, outputs: Vec::new(), logits: Vec::new(), features, batch }
}

/// The gradients of a loss whose gradients at the heads' outputs are `grad_outputs`, for a pass in the same `mode`.
pub fn backward(
    network: &Network,
    params: &[f64],
    pass: &Pass,
    mode: Mode<'_>,
    grad_outputs: &[Vec<f64>],
) -> Gradients {
    let walk = Walk { network, params, one_hot: &[], mode, batch: pass.batch };
    let mut grads = Gradients::zeros(params.len());
    let mut gradient = vec![0.0; pass.features.len()];
    for (head, grad_output) in network.heads().iter().zip(grad_outputs) {
        let output =
            NodePass { input: pass.features.clone(), output: Vec::new(), norm: None, body: Vec::new() };
        add(&mut gradient, &walk.backward(head, &output, grad_output, &mut grads));
    }
    grads.images = walk.backward_all(network.nodes(), &pass.nodes, gradient, &mut grads);
    grads
}

/// The gradients of a loss whose gradient at the features is `grad_features`; `params` may end before those of the heads.
pub fn backward_layers(
    network: &Network,
    params: &[f64],
    pass: &Pass,
    mode: Mode<'_>,
    grad_features: Vec<f64>,
) -> Gradients {
    let walk = Walk { network, params, one_hot: &[], mode, batch: pass.batch };
    let mut grads = Gradients::zeros(params.len());
    grads.images = walk.backward_all(network.nodes(), &pass.nodes, grad_features, &mut grads);
    grads
}

/// All that layers read beside their input.
#[derive(Clone, Copy)]
struct Walk<'a> {
    network: &'a Network,
    params: &'a [f64],
    one_hot: &'a [&'a [u8]],
    mode: Mode<'a>,
    batch: usize,
}

impl Walk<'_> {
    fn forward_all(&self, nodes: &[Node], mut x: Vec<f64>) -> (Vec<NodePass>, Vec<f64>) {
        let passes = nodes.iter().map(|node| {
            let pass = self.forward(node, &x);
            x.clone_from(&pass.output);
            pass
        });
        (passes.collect(), x)
    }

    fn forward(&self, node: &Node, x: &[f64]) -> NodePass {
        let params = |index: usize| self.parameter(node, index);
        let mut pass = NodePass { input: x.to_vec(), output: Vec::new(), norm: None, body: Vec::new() };
        pass.output = match node.kind {
            LayerKind::Conv2d { bias, .. } => {
                let output = conv2d(x, params(0), &self.conv(node));
                if bias { self.with_bias(node, output, params(1)) } else { output }
            }
            LayerKind::Relu {} => relu(x),
            LayerKind::LeakyRelu { negative_slope } => leaky_relu(x, negative_slope.into()),
            LayerKind::BatchNorm {} => match self.mode {
                Mode::Train { .. } => {
                    let norm = batch_norm(x, self.rows(node), params(0), params(1));
                    pass.norm.insert(norm).output.clone()
                }
                Mode::Evaluate { statistics } => {
                    let [mean, variance] = &statistics[node.ordinal];
                    batch_norm_with(x, self.rows(node), [params(0), params(1), mean, variance])
                }
            },
            LayerKind::Dropout { .. } => self.masked(node, x),
            LayerKind::MaxPool2d { kernel, stride } => max_pool2d(x, &self.pool(node, kernel, stride)),
            LayerKind::AvgPool2d { kernel, stride } => avg_pool2d(x, &self.pool(node, kernel, stride)),
            LayerKind::GlobalAveragePool {} => global_average_pool(x, node.input.pixels()),
            LayerKind::Flatten {} => x.to_vec(),
            LayerKind::Linear { bias, .. } => {
                let output = linear(x, params(0), self.linear(node));
                if bias { self.with_bias(node, output, params(1)) } else { output }
            }
            LayerKind::OneHot { classes, code, .. } => {
                let (table, width) = (code.table(classes), code.width(classes));
                let rows = x.chunks_exact(node.input.len()).zip(self.one_hot[node.ordinal]);
                let joined = rows.flat_map(|(row, &class)| {
                    let code = table[usize::from(class) * width..][..width].iter();
                    row.iter().copied().chain(code.map(|&number| f64::from(number)))
                });
                joined.collect()
            }
            LayerKind::Residual { .. } => {
                let (body, mut output) = self.forward_all(&node.body, x.to_vec());
                pass.body = body;
                add(&mut output, x);
                output
            }
        };
        pass
    }

    fn backward_all(
        &self,
        nodes: &[Node],
        passes: &[NodePass],
        gradient: Vec<f64>,
        grads: &mut Gradients,
    ) -> Vec<f64> {
        nodes
            .iter()
            .zip(passes)
            .rev()
            .fold(gradient, |gradient, (node, pass)| self.backward(node, pass, &gradient, grads))
    }

    /// The gradient at a layer's input for that at its output; those of its parameters are added to `grads`.
    fn backward(&self, node: &Node, pass: &NodePass, gradient: &[f64], grads: &mut Gradients) -> Vec<f64> {
        for value in gradient {
            grads.largest = grads.largest.max(value.abs());
        }
        let x = &pass.input;
        let params = |index: usize| self.parameter(node, index);
        let mut give = |index: usize, values: &[f64]| {
            let range = self.network.parameters()[node.parameters.start + index].range.clone();
            add(&mut grads.params[range], values);
        };
        match node.kind {
            LayerKind::Conv2d { bias, .. } => {
                let conv = self.conv(node);
                give(0, &conv2d_weight_gradient(x, gradient, &conv));
                if bias {
                    give(1, &self.channel_sums(node, gradient));
                }
                conv2d_input_gradient(params(0), gradient, &conv)
            }
            LayerKind::Relu {} => relu_backward(&pass.output, gradient),
            LayerKind::LeakyRelu { negative_slope } => {
                leaky_relu_backward(x, negative_slope.into(), gradient)
            }
            LayerKind::BatchNorm {} => {
                let back = batch_norm_backward(x, self.rows(node), params(0), gradient);
                give(0, &back.gamma);
                give(1, &back.beta);
                back.input
            }
            LayerKind::Dropout { .. } => self.masked(node, gradient),
            LayerKind::MaxPool2d { kernel, stride } => {
                max_pool2d_backward(x, &self.pool(node, kernel, stride), gradient)
            }
            LayerKind::AvgPool2d { kernel, stride } => {
                avg_pool2d_backward(&self.pool(node, kernel, stride), gradient)
            }
            LayerKind::GlobalAveragePool {} => global_average_pool_backward(node.input.pixels(), gradient),
            LayerKind::Flatten {} => gradient.to_vec(),
            LayerKind::Linear { bias, .. } => {
                let (grad_input, grad_weight) = linear_backward(x, params(0), self.linear(node), gradient);
                give(0, &grad_weight);
                if bias {
                    give(1, &self.channel_sums(node, gradient));
                }
                grad_input
            }
            LayerKind::OneHot { .. } => {
                let rows = gradient.chunks_exact(node.output.len());
                rows.flat_map(|row| row[..node.input.len()].to_vec()).collect()
            }
            LayerKind::Residual { .. } => {
                let mut grad = self.backward_all(&node.body, &pass.body, gradient.to_vec(), grads);
                add(&mut grad, gradient);
                grad
            }
        }
    }

    fn parameter(&self, node: &Node, index: usize) -> &[f64] {
        &self.params[self.network.parameters()[node.parameters.start + index].range.clone()]
    }

    fn conv(&self, node: &Node) -> Conv {
        let LayerKind::Conv2d { out_channels, kernel, stride, padding, .. } = node.kind else {
            unreachable!("asked of convolutions alone");
        };
        let [in_channels, height, width] = node.input.map().expect("a convolution reads maps");
        Conv { batch: self.batch, in_channels, out_channels, height, width, kernel, stride, padding }
    }

    fn pool(&self, node: &Node, kernel: usize, stride: Option<usize>) -> Pool {
        let [channels, height, width] = node.input.map().expect("a pool reads maps");
        Pool { planes: self.batch * channels, height, width, kernel, stride: stride.unwrap_or(kernel) }
    }

    fn linear(&self, node: &Node) -> [usize; 3] {
        [self.batch, node.input.len(), node.output.len()]
    }

    /// `[b, channels, pixels]`, as a norm sees its input.
    fn rows(&self, node: &Node) -> [usize; 3] {
        [self.batch, node.output.channels(), node.output.pixels()]
    }

    fn with_bias(&self, node: &Node, mut output: Vec<f64>, bias: &[f64]) -> Vec<f64> {
        let planes = output.chunks_exact_mut(node.output.pixels());
        for (plane, bias) in planes.zip(bias.iter().cycle()) {
            plane.iter_mut().for_each(|value| *value += bias);
        }
        output
    }

    /// The gradient of a bias: the sum of each channel over batch and pixels.
    fn channel_sums(&self, node: &Node, gradient: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; node.output.channels()];
        for (at, plane) in gradient.chunks_exact(node.output.pixels()).enumerate() {
            sums[at % node.output.channels()] += plane.iter().sum::<f64>();
        }
        sums
    }

    /// Dropout of values, and of gradients too.
    fn masked(&self, node: &Node, values: &[f64]) -> Vec<f64> {
        match self.mode {
            Mode::Train { masks } => match masks.get(node.ordinal).and_then(Option::as_ref) {
                Some(mask) => values.iter().zip(mask).map(|(value, factor)| value * factor).collect(),
                None => values.to_vec(),
            },
            Mode::Evaluate { .. } => values.to_vec(),
        }
    }
}

fn add(to: &mut [f64], values: &[f64]) {
    to.iter_mut().zip(values).for_each(|(to, value)| *to += value);
}
