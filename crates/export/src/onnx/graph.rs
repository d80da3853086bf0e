//! A network as a graph of ONNX's operators, layer by layer in the order in which it computes.

use std::collections::HashMap;

use adder_kernels::fold::{ChannelAffine, fold_linear};
use adder_model::Model;
use adder_network::{EPSILON, LayerKind, Network, Node, Shape, normalize};

use super::builder::{Builder, Value, float, integer, integers};
use super::messages::{DataType, Graph};
use super::options::{Options, Texts};
use crate::Result;

/// A graph in the making, with the tensors that it is made from.
struct Writer<'a> {
    network: &'a Network,
    tensors: HashMap<String, Vec<f32>>,
    builder: Builder,
    /// The value of each one-hot input.
    one_hot: Vec<Value>,
    fold: bool,
}

/// The whole graph.
pub(super) fn graph(model: &Model, options: &Options, texts: &Texts<'_>) -> Result<Graph> {
    let tensors = model.state().into_iter().map(|(name, var)| Ok((name, var.flatten_all()?.to_vec1()?)));
    let (tensors, network) = (tensors.collect::<Result<_>>()?, model.network());
    // What others call the graph's inputs and outputs by comes before any layer's name.
    let mut builder = Builder::default();
    let image = builder.name("image");
    let one_hot = network.one_hot_inputs().iter().map(|(name, _)| builder.name(name)).collect();
    let outputs = network
        .heads()
        .iter()
        .map(|head| ["logits", "probabilities"].map(|what| builder.name(&format!("{}_{what}", head.name))));
    let outputs: Vec<[Value; 2]> = outputs.collect();
    let mut writer = Writer { network, tensors, builder, one_hot, fold: options.fold };
    let image = writer.image(image, options.with_preprocessing, texts.image);
    for (name, (_, classes)) in writer.one_hot.iter().zip(network.one_hot_inputs()) {
        let doc = format!("a class, 0 to {}", classes - 1);
        writer.builder.input(name.clone(), DataType::Int64, &[], &doc);
    }
    let (features, norm) = writer.nodes(network.nodes(), image, true);
    for (head, [logits, probabilities]) in network.heads().iter().zip(outputs) {
        let probabilities = options.with_preprocessing.then_some(probabilities);
        writer.head(head, &features, norm.as_ref(), logits, probabilities);
    }
    Ok(writer.builder.finish(texts.graph))
}

impl Writer<'_> {
    /// The input, normalized.
    fn image(&mut self, name: Value, from_bytes: bool, about: &str) -> Value {
        let shape = self.network.input().map(|size| size as i64);
        if !from_bytes {
            let doc = format!("{about}: (byte / 255 - 0.1307) / 0.3081");
            return self.builder.input(name, DataType::Float, &shape, &doc);
        }
        let doc = format!("{about}, 0 to 255");
        let bytes = self.builder.input(name, DataType::Uint8, &shape, &doc);
        let to_float = integer("to", DataType::Float as i64);
        let floats = self.builder.node("Cast", "image.float", &[&bytes], vec![to_float]);
        let zero = normalize(0.0);
        let factor = self.builder.floats("image.factor", &[], &[(normalize(255.0) - zero) / 255.0]);
        let offset = self.builder.floats("image.offset", &[], &[zero]);
        let scaled = self.builder.node("Mul", "image.scaled", &[&floats, &factor], vec![]);
        self.builder.node("Add", "image.normalized", &[&scaled, &offset], vec![])
    }

    /// Layers one after the other. A norm that was folded away comes back for what is behind them, which there is `to_heads`
    /// alone.
    fn nodes(&mut self, nodes: &[Node], mut x: Value, to_heads: bool) -> (Value, Option<ChannelAffine>) {
        let mut pending: Option<ChannelAffine> = None;
        let mut folded_into_the_layer_before = false;
        for (index, node) in nodes.iter().enumerate() {
            let behind = &nodes[index + 1..];
            if std::mem::take(&mut folded_into_the_layer_before) {
                continue;
            }
            x = match node.kind {
                LayerKind::Conv2d { .. } | LayerKind::Linear { .. } => {
                    let norm =
                        behind.first().filter(|next| self.fold && next.kind == LayerKind::BatchNorm {});
                    folded_into_the_layer_before = norm.is_some();
                    let output = self.builder.name(&node.name);
                    self.weighted(node, output, &x, pending.take(), norm)
                }
                LayerKind::BatchNorm {} if self.fold && folds_forward(behind, to_heads) => {
                    pending = Some(self.affine(node));
                    x
                }
                LayerKind::BatchNorm {} => self.norm(node, &x),
                LayerKind::Relu {} => self.builder.node("Relu", &node.name, &[&x], vec![]),
                LayerKind::LeakyRelu { negative_slope } => {
                    let alpha = vec![float("alpha", negative_slope)];
                    self.builder.node("LeakyRelu", &node.name, &[&x], alpha)
                }
                LayerKind::Dropout { .. } => x,
                LayerKind::MaxPool2d { kernel, stride } => self.pool("MaxPool", node, &x, kernel, stride),
                LayerKind::AvgPool2d { kernel, stride } => self.pool("AveragePool", node, &x, kernel, stride),
                LayerKind::GlobalAveragePool {} => {
                    let average = self.builder.node("GlobalAveragePool", &node.name, &[&x], vec![]);
                    self.flatten(&format!("{}.flat", node.name), &average)
                }
                LayerKind::Flatten {} => {
                    pending = pending.map(|norm| norm.repeated(node.input.pixels()));
                    self.flatten(&node.name, &x)
                }
                LayerKind::OneHot { classes, .. } => {
                    pending = pending.map(|norm| norm.extended(node.output.len()));
                    self.with_one_hot(node, classes, &x)
                }
                LayerKind::Residual { .. } => {
                    let (sum, _) = self.nodes(&node.body, x.clone(), false);
                    self.builder.node("Add", &node.name, &[&x, &sum], vec![])
                }
            };
        }
        (x, pending)
    }

    /// A convolution or linear layer, with a norm of its inputs and one of its outputs folded in.
    fn weighted(
        &mut self,
        node: &Node,
        output: Value,
        x: &Value,
        before: Option<ChannelAffine>,
        after: Option<&Node>,
    ) -> Value {
        let parameters = &self.network.parameters()[node.parameters.clone()];
        let shape = &parameters[0].shape;
        let mut weight = self.tensors[&parameters[0].name].clone();
        let mut bias = parameters.get(1).map(|parameter| self.tensors[&parameter.name].clone());
        if before.is_some() || after.is_some() {
            let identity = |channels| ChannelAffine::identity(channels);
            let before = before.unwrap_or_else(|| identity(shape[1]));
            let after = after.map_or_else(|| identity(shape[0]), |norm| self.affine(norm));
            let taps = shape[2..].iter().product();
            let (folded, offsets) = fold_linear(&weight, bias.as_deref(), taps, &before, &after);
            (weight, bias) = (folded, Some(offsets));
        }
        let mut inputs =
            vec![x.clone(), self.builder.floats(&format!("{}.weight", node.name), shape, &weight)];
        if let Some(bias) = bias {
            inputs.push(self.builder.floats(&format!("{}.bias", node.name), &shape[..1], &bias));
        }
        let inputs: Vec<&Value> = inputs.iter().collect();
        match node.kind {
            LayerKind::Conv2d { kernel, stride, padding, .. } => {
                let attributes = vec![
                    integers("kernel_shape", &[kernel as i64; 2]),
                    integers("pads", &[padding as i64; 4]),
                    integers("strides", &[stride as i64; 2]),
                ];
                self.builder.node_of("Conv", output, &inputs, attributes)
            }
            _ => self.builder.node_of("Gemm", output, &inputs, vec![integer("transB", 1)]),
        }
    }

    fn norm(&mut self, node: &Node, x: &Value) -> Value {
        let parts = ["weight", "bias", "running_mean", "running_var"].map(|part| {
            let name = format!("{}.{part}", node.name);
            let values = &self.tensors[&name];
            self.builder.floats(&name, &[values.len()], values)
        });
        let inputs: Vec<&Value> = std::iter::once(x).chain(&parts).collect();
        let epsilon = vec![float("epsilon", EPSILON as f32)];
        self.builder.node("BatchNormalization", &node.name, &inputs, epsilon)
    }

    /// A norm in evaluation.
    fn affine(&self, node: &Node) -> ChannelAffine {
        let [gamma, beta, mean, variance] = ["weight", "bias", "running_mean", "running_var"]
            .map(|part| &self.tensors[&format!("{}.{part}", node.name)][..]);
        ChannelAffine::from_norm(gamma, beta, mean, variance)
    }

    fn pool(&mut self, op: &str, node: &Node, x: &Value, kernel: usize, stride: Option<usize>) -> Value {
        let window = vec![
            integers("kernel_shape", &[kernel as i64; 2]),
            integers("strides", &[stride.unwrap_or(kernel) as i64; 2]),
        ];
        self.builder.node(op, &node.name, &[x], window)
    }

    fn flatten(&mut self, name: &str, x: &Value) -> Value {
        self.builder.node("Flatten", name, &[x], vec![integer("axis", 1)])
    }

    /// The features and the one-hot vector of a class side by side.
    fn with_one_hot(&mut self, node: &Node, classes: usize, x: &Value) -> Value {
        let name = |part: &str| format!("{}.{part}", node.name);
        let depth = self.builder.integer(&name("depth"), classes as i64);
        let values = self.builder.floats(&name("values"), &[2], &[0.0, 1.0]);
        let class = self.one_hot[node.ordinal].clone();
        let inputs = [&class, &depth, &values];
        let one_hot = self.builder.node("OneHot", &name("one_hot"), &inputs, vec![integer("axis", -1)]);
        self.builder.node("Concat", &name("joined"), &[x, &one_hot], vec![integer("axis", 1)])
    }

    /// A head, whose logits or probabilities are an output, under a name of [`Builder::name`] each.
    fn head(
        &mut self,
        node: &Node,
        features: &Value,
        norm: Option<&ChannelAffine>,
        logits: Value,
        probabilities: Option<Value>,
    ) {
        let classes = node.output.len();
        let named = Node { name: format!("{}_logits", node.name), ..node.clone() };
        let logits = self.weighted(&named, logits, features, norm.cloned(), None);
        let last = classes - 1;
        let Some(output) = probabilities else {
            let doc = format!("unnormalized, for the classes 0 to {last}");
            return self.builder.output(&logits, classes, &doc);
        };
        let output = self.builder.node_of("Softmax", output, &[&logits], vec![integer("axis", 1)]);
        self.builder.output(&output, classes, &format!("for the classes 0 to {last}"));
    }
}

/// Whether a norm can be folded into a layer behind it. That goes past averages, but not past a padding, whose zeros are put in
/// after the norm, nor past a maximum, which commutes with it where the factor is positive, which nothing says.
fn folds_forward(behind: &[Node], to_heads: bool) -> bool {
    for node in behind {
        match node.kind {
            LayerKind::Conv2d { padding, .. } => return padding == 0,
            LayerKind::Linear { .. } => return true,
            LayerKind::Dropout { .. }
            | LayerKind::AvgPool2d { .. }
            | LayerKind::GlobalAveragePool {}
            | LayerKind::Flatten {}
            | LayerKind::OneHot { .. } => {}
            _ => return false,
        }
    }
    to_heads && matches!(behind.last().map(|node| node.output), None | Some(Shape::Vector { .. }))
}
