//! A network as a graph of ONNX's operators, layer by layer in the order in which it computes.

use std::collections::HashMap;

use adder_kernels::fold::{ChannelAffine, fold_linear};
use adder_model::Model;
use adder_network::{ClassCode, Decoding, LayerKind, Network, Node, Shape, normalize};

use super::builder::{Builder, Value};
use super::messages::{DataType, Graph};
use super::operators::{self, Window};
use super::options::{ClassInputs, Options, Texts};
use crate::Result;

/// A graph in the making, with the tensors that it is made from.
struct Writer<'a> {
    network: &'a Network,
    tensors: HashMap<String, Vec<f32>>,
    builder: Builder,
    /// The value of each one-hot input.
    one_hot: Vec<Value>,
    options: &'a Options,
}

/// What is folded into a layer with weights.
#[derive(Default)]
struct Folds<'a> {
    /// A norm of its inputs.
    before: Option<ChannelAffine>,
    /// A norm of its outputs.
    after: Option<&'a Node>,
    /// The way from its outputs to a head's logits.
    decoding: Option<Decoding>,
}

/// The whole graph.
pub(super) fn graph(model: &Model, options: &Options, texts: &Texts<'_>) -> Result<Graph> {
    let tensors = model.state().into_iter().map(|(name, var)| Ok((name, var.flatten_all()?.to_vec1()?)));
    let (tensors, network) = (tensors.collect::<Result<_>>()?, model.network());
    // What others call the graph's inputs and outputs by comes before any layer's name.
    let mut builder = Builder::new(options.batch);
    let image = builder.name("image");
    let one_hot = network.one_hot_inputs().iter().map(|(name, _)| builder.name(name)).collect();
    let outputs = network
        .heads()
        .iter()
        .map(|head| ["logits", "probabilities"].map(|what| builder.name(&format!("{}_{what}", head.name))));
    let outputs: Vec<[Value; 2]> = outputs.collect();
    let mut writer = Writer { network, tensors, builder, one_hot, options };
    let image = writer.image(image, options.with_preprocessing, texts.image);
    writer.class_inputs();
    let (features, norm) = writer.nodes(network.nodes(), image, true);
    let kinds = network.head_kinds().iter().zip(network.classes());
    for ((head, (kind, classes)), [logits, probabilities]) in network.heads().iter().zip(kinds).zip(outputs) {
        let probabilities = options.with_preprocessing.then_some(probabilities);
        let folds = Folds { before: norm.clone(), decoding: kind.decoding(classes), ..Folds::default() };
        writer.head(head, &features, folds, logits, probabilities);
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
        let floats = self.builder.node("Cast", "image.float", &[&bytes], operators::cast(DataType::Float));
        let zero = normalize(0.0);
        let factor = self.builder.floats("image.factor", &[], &[(normalize(255.0) - zero) / 255.0]);
        let offset = self.builder.floats("image.offset", &[], &[zero]);
        let scaled = self.builder.node("Mul", "image.scaled", &[&floats, &factor], vec![]);
        self.builder.node("Add", "image.normalized", &[&scaled, &offset], vec![])
    }

    /// The inputs that give classes.
    fn class_inputs(&mut self) {
        for (name, &(_, classes)) in self.one_hot.iter().zip(self.network.one_hot_inputs()) {
            let last = classes - 1;
            let name = name.clone();
            match self.options.class_inputs {
                ClassInputs::Index => {
                    let doc = format!("a class, 0 to {last}; any other number is none of them");
                    self.builder.input(name, DataType::Int64, &[], &doc);
                }
                ClassInputs::OneHot => {
                    let doc = format!("a class, 0 to {last}, as a one-hot vector");
                    self.builder.input(name, DataType::Float, &[classes as i64], &doc);
                }
            }
        }
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
                    let norm = behind
                        .first()
                        .filter(|next| self.options.fold && next.kind == LayerKind::BatchNorm {});
                    folded_into_the_layer_before = norm.is_some();
                    let output = self.builder.name(&node.name);
                    let folds = Folds { before: pending.take(), after: norm, decoding: None };
                    self.weighted(node, output, &x, folds)
                }
                LayerKind::BatchNorm {} if self.options.fold && folds_forward(behind, to_heads) => {
                    pending = Some(self.affine(node));
                    x
                }
                LayerKind::BatchNorm {} => self.norm(node, &x),
                LayerKind::Relu {} => self.builder.node("Relu", &node.name, &[&x], vec![]),
                LayerKind::LeakyRelu { negative_slope } => {
                    let attributes = operators::leaky_relu(negative_slope);
                    self.builder.node("LeakyRelu", &node.name, &[&x], attributes)
                }
                LayerKind::Dropout { .. } => x,
                LayerKind::MaxPool2d { kernel, stride } => {
                    let window = Window::square(kernel, stride.unwrap_or(kernel), 0);
                    self.builder.node("MaxPool", &node.name, &[&x], operators::max_pool(window))
                }
                LayerKind::AvgPool2d { kernel, stride } => {
                    let window = Window::square(kernel, stride.unwrap_or(kernel), 0);
                    self.average(&node.name, &x, window)
                }
                LayerKind::GlobalAveragePool {} => self.global_average(node, &x),
                LayerKind::Flatten {} => {
                    pending = pending.map(|norm| norm.repeated(node.input.pixels()));
                    self.flatten(&node.name, &x)
                }
                LayerKind::OneHot { classes, code, .. } => {
                    pending = pending.map(|norm| norm.extended(node.output.len()));
                    self.with_one_hot(node, classes, code, &x)
                }
                LayerKind::Residual { .. } => {
                    let (sum, _) = self.nodes(&node.body, x.clone(), false);
                    self.builder.node("Add", &node.name, &[&x, &sum], vec![])
                }
            };
        }
        (x, pending)
    }

    /// A convolution or linear layer with what is folded into it.
    fn weighted(&mut self, node: &Node, output: Value, x: &Value, folds: Folds<'_>) -> Value {
        let Folds { before, after, decoding } = folds;
        let parameters = &self.network.parameters()[node.parameters.clone()];
        let mut shape = parameters[0].shape.clone();
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
        if let Some(decoding) = decoding {
            let (folded, offsets) = decoding.fold(&weight, bias.as_deref());
            shape[0] = offsets.len();
            (weight, bias) = (folded, Some(offsets));
        }
        let mut inputs =
            vec![x.clone(), self.builder.floats(&format!("{}.weight", node.name), &shape, &weight)];
        // ONNX lets both go without a bias; of Gemm, candle-onnx doesn't.
        let is_gemm = matches!(node.kind, LayerKind::Linear { .. });
        if let Some(bias) = bias.or_else(|| is_gemm.then(|| vec![0.0; shape[0]])) {
            inputs.push(self.builder.floats(&format!("{}.bias", node.name), &shape[..1], &bias));
        }
        let inputs: Vec<&Value> = inputs.iter().collect();
        match node.kind {
            LayerKind::Conv2d { kernel, stride, padding, .. } => {
                let attributes = operators::conv(Window::square(kernel, stride, padding));
                self.builder.node_of("Conv", output, &inputs, attributes)
            }
            _ => self.builder.node_of("Gemm", output, &inputs, operators::gemm()),
        }
    }

    fn norm(&mut self, node: &Node, x: &Value) -> Value {
        let parts = ["weight", "bias", "running_mean", "running_var"].map(|part| {
            let name = format!("{}.{part}", node.name);
            let values = &self.tensors[&name];
            self.builder.floats(&name, &[values.len()], values)
        });
        let inputs: Vec<&Value> = std::iter::once(x).chain(&parts).collect();
        self.builder.node("BatchNormalization", &node.name, &inputs, operators::batch_norm())
    }

    /// A norm in evaluation.
    fn affine(&self, node: &Node) -> ChannelAffine {
        let [gamma, beta, mean, variance] = ["weight", "bias", "running_mean", "running_var"]
            .map(|part| &self.tensors[&format!("{}.{part}", node.name)][..]);
        ChannelAffine::from_norm(gamma, beta, mean, variance)
    }

    fn average(&mut self, name: &str, x: &Value, window: Window) -> Value {
        let attributes = operators::average_pool(window, self.options.opset);
        self.builder.node("AveragePool", name, &[x], attributes)
    }

    /// The average of a map whose size is known is that of one window: candle-onnx has no GlobalAveragePool, and takes ReduceMean of
    /// version 18 over every axis.
    fn global_average(&mut self, node: &Node, x: &Value) -> Value {
        let average = match node.input {
            Shape::Map { height, width, .. } => self.average(&node.name, x, Window::whole(height, width)),
            Shape::Vector { .. } => x.clone(),
        };
        self.flatten(&format!("{}.flat", node.name), &average)
    }

    fn flatten(&mut self, name: &str, x: &Value) -> Value {
        self.builder.node("Flatten", name, &[x], operators::features())
    }

    /// The features and the numbers that stand for a class side by side: its one-hot vector, or that times the code's table.
    fn with_one_hot(&mut self, node: &Node, classes: usize, code: ClassCode, x: &Value) -> Value {
        let class = self.one_hot[node.ordinal].clone();
        let one_hot = match self.options.class_inputs {
            ClassInputs::Index => self.one_hot(node, classes, &class),
            ClassInputs::OneHot => class,
        };
        let numbers = match code {
            ClassCode::OneHot => one_hot,
            ClassCode::Scalar | ClassCode::Thermometer => {
                let (shape, table) = ([classes, code.width(classes)], code.table(classes));
                let table = self.builder.floats(&format!("{}.table", node.name), &shape, &table);
                self.builder.node("MatMul", &format!("{}.code", node.name), &[&one_hot, &table], vec![])
            }
        };
        let joined = format!("{}.joined", node.name);
        self.builder.node("Concat", &joined, &[x, &numbers], operators::features())
    }

    /// 1 where a class is the column's, else 0. ONNX's OneHot counts negative classes from the end, and those that are too large do as they
    /// like: runtimes disagree.
    fn one_hot(&mut self, node: &Node, classes: usize, class: &Value) -> Value {
        let name = |part: &str| format!("{}.{part}", node.name);
        let axis = self.builder.integers(&name("axis"), &[1], &[1]);
        let column = self.builder.node("Unsqueeze", &name("column"), &[class, &axis], vec![]);
        let all: Vec<i64> = (0..classes as i64).collect();
        let all = self.builder.integers(&name("classes"), &[1, classes], &all);
        let equal = self.builder.node("Equal", &name("equal"), &[&column, &all], vec![]);
        self.builder.node("Cast", &name("one_hot"), &[&equal], operators::cast(DataType::Float))
    }

    /// A head, whose logits or probabilities are an output, under a name of [`Builder::name`] each.
    fn head(
        &mut self,
        node: &Node,
        features: &Value,
        folds: Folds<'_>,
        logits: Value,
        probabilities: Option<Value>,
    ) {
        let classes = folds.decoding.as_ref().map_or(node.output.len(), |decoding| decoding.offset.len());
        let named = Node { name: format!("{}_logits", node.name), ..node.clone() };
        let logits = self.weighted(&named, logits, features, folds);
        let last = classes - 1;
        let Some(output) = probabilities else {
            let doc = format!("unnormalized, for the classes 0 to {last}");
            return self.builder.output(&logits, classes, &doc);
        };
        let output = self.builder.node_of("Softmax", output, &[&logits], operators::features());
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
