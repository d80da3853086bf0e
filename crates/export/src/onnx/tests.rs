//! Names of layers that are also those of inputs, outputs and other values.

use std::collections::BTreeSet;

use adder_model::tensor_file::Metadata;
use adder_model::{Mode, Model};
use adder_network::{Head, Layer, Network, normalize};
use candle_core::{Device, Tensor};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use super::{Options, Texts, encode_model, graph};

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
