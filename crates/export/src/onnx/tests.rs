//! The nodes of a graph, one by one: attributes, shapes, and names of layers that are also those of inputs, outputs and other values.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use adder_model::tensor_file::Metadata;
use adder_model::{Mode, Model};
use adder_network::{Head, Layer, Network, normalize};
use candle_core::{Device, Tensor};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use super::messages::{Dimension, Node};
use super::{ClassInputs, LEAST_OPSET, MOST_OPSET, Options, Texts, encode_model, graph};

const BATCH: usize = 4;
const ADDENDS: [u8; BATCH] = [0, 9, 3, 3];

fn network() -> Network {
    let conv = || Layer::conv2d(3, 3).padding(1).bias();
    let named = [
        ("image", conv()),
        (" ", Layer::relu()),
        ("c", conv()),
        ("c.weight", conv()),
        ("c.bias", Layer::relu()),
        ("c.weight_2", conv()),
        ("image.float", Layer::batch_norm()),
        ("image.factor", Layer::leaky_relu(0.1)),
        ("image.normalized", Layer::residual(vec![conv().named("c_2"), Layer::relu().named("_2")])),
        ("average1.flat", Layer::max_pool2d(2)),
        ("average1", Layer::global_average_pool()),
        ("addend", Layer::linear(6)),
        ("image.scaled", Layer::batch_norm()),
        ("one_hot1.column", Layer::relu()),
        ("one_hot1.joined", Layer::linear(6)),
        ("one_hot1", Layer::one_hot("addend", 10)),
        ("digit_logits", Layer::linear(8).bias()),
        ("digit_probabilities", Layer::relu()),
        ("digit_logits.weight", Layer::linear(8)),
        ("sum_probabilities", Layer::batch_norm()),
    ];
    let layers = named.into_iter().map(|(name, layer)| layer.named(name)).collect();
    Network::new([1, 8, 8], layers, vec![Head::new("digit", 10).bias(), Head::new("sum", 19)]).unwrap()
}

fn bytes() -> Vec<u8> {
    (0..BATCH * 64).map(|at| (at * 37 % 256) as u8).collect()
}

fn normalized() -> Vec<f32> {
    bytes().into_iter().map(|byte| normalize(f32::from(byte))).collect()
}

/// The model after a step that moves its running statistics, and its logits.
fn model() -> (Model, Vec<Vec<f32>>) {
    let model = Model::new(network(), 5, &Device::Cpu).unwrap();
    let images = Tensor::from_vec(normalized(), (BATCH, 1, 8, 8), &Device::Cpu).unwrap();
    let addends = Tensor::new(&ADDENDS.map(u32::from), &Device::Cpu).unwrap();
    model.forward(&images, &[&addends], Mode::Train { seed: 1, epoch: 0, step: 0 }).unwrap();
    let logits = model.forward(&images, &[&addends], Mode::Evaluate).unwrap();
    let values = |logits: &Tensor| logits.flatten_all().unwrap().to_vec1().unwrap();
    let logits = logits.iter().map(values).collect();
    (model, logits)
}

fn softmax(logits: &[f32], classes: usize) -> Vec<f32> {
    let rows = logits.chunks_exact(classes).flat_map(|row| {
        let sum: f32 = row.iter().map(|logit| logit.exp()).sum();
        row.iter().map(move |logit| logit.exp() / sum)
    });
    rows.collect()
}

/// The operators of a graph with their attributes, each once: `MaxPool kernel_shape=[2, 2] ...`.
fn operators(options: &Options) -> BTreeSet<String> {
    let layers = vec![
        Layer::conv2d(3, 3).padding(1).stride(2),
        Layer::batch_norm(),
        Layer::max_pool2d(3).stride(1),
        Layer::residual(vec![Layer::conv2d(3, 1).bias(), Layer::relu()]),
        Layer::avg_pool2d(2).stride(1),
        Layer::leaky_relu(0.25),
        Layer::global_average_pool(),
        Layer::one_hot("addend", 10),
    ];
    let network = Network::new([1, 12, 14], layers, vec![Head::new("digit", 10)]).unwrap();
    let model = Model::new(network, 5, &Device::Cpu).unwrap();
    let graph = graph::graph(&model, options, &Texts { graph: "", file: "", image: "" }).unwrap();
    let node = |node: &Node| {
        let attributes = node.attribute.iter().map(|attribute| {
            let value = match attribute.r#type {
                1 => format!("{:?}", attribute.f.unwrap()),
                2 => attribute.i.unwrap().to_string(),
                3 => String::from_utf8(attribute.s.clone().unwrap()).unwrap(),
                7 => format!("{:?}", attribute.ints),
                other => panic!("{}: type {other}", attribute.name),
            };
            format!(" {}={value}", attribute.name)
        });
        format!("{}/{}{}", node.op_type, node.input.len(), attributes.collect::<String>())
    };
    graph.node.iter().map(node).collect()
}

#[test]
fn defaults_are_written_out_and_nothing_that_a_version_does_not_know() {
    let pools = |ends: &str| {
        let window = |size| format!("auto_pad=NOTSET kernel_shape={size} pads=[0, 0, 0, 0] strides=[1, 1]");
        let average = |size| format!("AveragePool/1 {} ceil_mode=0 count_include_pad=0{ends}", window(size));
        [average("[2, 2]"), average("[3, 4]")]
    };
    let others = [
        "Add/2",
        "BatchNormalization/5 epsilon=1e-5 momentum=0.9",
        "Cast/1 to=1",
        "Concat/2 axis=1",
        "Conv/2 auto_pad=NOTSET kernel_shape=[3, 3] pads=[1, 1, 1, 1] strides=[2, 2] dilations=[1, 1] group=1",
        "Conv/3 auto_pad=NOTSET kernel_shape=[1, 1] pads=[0, 0, 0, 0] strides=[1, 1] dilations=[1, 1] group=1",
        "Equal/2",
        "Flatten/1 axis=1",
        "Gemm/3 alpha=1.0 beta=1.0 transA=0 transB=1",
        "LeakyRelu/1 alpha=0.25",
        "MaxPool/1 auto_pad=NOTSET kernel_shape=[3, 3] pads=[0, 0, 0, 0] strides=[1, 1] ceil_mode=0 \
         dilations=[1, 1] storage_order=0",
        "Mul/2",
        "Relu/1",
        "Softmax/1 axis=1",
        "Unsqueeze/2",
    ];
    for opset in LEAST_OPSET..=MOST_OPSET {
        let options = Options { opset, with_preprocessing: true, ..Options::default() };
        let pools = pools(if opset >= 19 { " dilations=[1, 1]" } else { "" });
        let expected: BTreeSet<String> = others.iter().map(|&line| line.to_owned()).chain(pools).collect();
        assert_eq!(operators(&options), expected, "{opset}");
    }
}

#[test]
fn one_hot_vectors_need_no_integers() {
    let options = Options { class_inputs: ClassInputs::OneHot, ..Options::default() };
    let found = operators(&options);
    for operator in ["Unsqueeze", "Equal", "Cast", "OneHot"] {
        assert!(!found.iter().any(|line| line.starts_with(operator)), "{operator} in {found:?}");
    }
}

/// The sizes of inputs and outputs; 0 for one that is known at run time.
fn sizes(options: &Options) -> Vec<Vec<i64>> {
    let graph = graph::graph(&model().0, options, &Texts { graph: "", file: "", image: "" }).unwrap();
    let values = graph.input.into_iter().chain(graph.output);
    let shapes = values.map(|value| value.r#type.unwrap().tensor_type.unwrap().shape.unwrap().dim);
    let sizes = |shape: Vec<Dimension>| {
        let size = |size: Dimension| match (size.dim_value, size.dim_param.as_deref()) {
            (Some(value), None) => value,
            (None, Some("batch")) => 0,
            other => panic!("{other:?}"),
        };
        shape.into_iter().map(size).collect()
    };
    shapes.map(sizes).collect()
}

#[test]
fn the_batch_is_of_any_size_or_of_one() {
    let expected = |batch| vec![vec![batch, 1, 8, 8], vec![batch], vec![batch, 10], vec![batch, 19]];
    assert_eq!(sizes(&Options::default()), expected(0));
    let batch = NonZeroU32::new(7);
    assert_eq!(sizes(&Options { batch, ..Options::default() }), expected(7));
    let one_hot = Options { batch, class_inputs: ClassInputs::OneHot, ..Options::default() };
    assert_eq!(sizes(&one_hot)[1], [7, 10]);
}

#[test]
fn names_that_collide_are_told_apart() {
    let (model, logits) = model();
    for (fold, with_preprocessing) in [(false, false), (true, false), (false, true), (true, true)] {
        let options = Options { fold, with_preprocessing, ..Options::default() };
        let graph = graph::graph(&model, &options, &Texts { graph: "", file: "", image: "" }).unwrap();
        let inputs = graph.input.iter().map(|input| &input.name);
        let values = inputs.chain(graph.initializer.iter().map(|tensor| &tensor.name));
        let values = values.chain(graph.node.iter().flat_map(|node| &node.output));
        let mut names = BTreeSet::new();
        for name in values {
            assert!(!name.is_empty() && names.insert(name.clone()), "{name} twice, {options:?}");
        }
        let nodes: BTreeSet<_> = graph.node.iter().map(|node| &node.name).collect();
        assert_eq!(nodes.len(), graph.node.len(), "{options:?}");

        let file = encode_model(&model, &options, &Metadata::new()).unwrap();
        let runtime = rten::Model::load(file).unwrap();
        let node = |name: &str| runtime.node_id(name).unwrap();
        let addends = NdTensor::from_data([BATCH], ADDENDS.map(i32::from).to_vec());
        let floats = NdTensor::from_data([BATCH, 1, 8, 8], normalized());
        let pixels = NdTensor::from_data([BATCH, 1, 8, 8], bytes());
        let image = if with_preprocessing { pixels.view().into() } else { floats.view().into() };
        let inputs = vec![(node("image"), image), (node("addend"), addends.view().into())];
        let what = if with_preprocessing { "probabilities" } else { "logits" };
        let outputs = ["digit", "sum"].map(|head| node(&format!("{head}_{what}")));
        let found = runtime.run_n(inputs, outputs, None).unwrap();
        for ((found, logits), classes) in found.into_iter().zip(&logits).zip([10, 19]) {
            let found = found.into_tensor::<f32>().unwrap().to_vec();
            let expected = if with_preprocessing { softmax(logits, classes) } else { logits.clone() };
            assert_eq!(found.len(), expected.len());
            let largest = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(largest < 1e-4, "{largest} apart, {options:?}");
        }
    }
}
