//! A network that is none of the IdentityAdder's, from its description to an ONNX file: nothing is written for it by hand.

use std::num::NonZeroU32;
use std::path::Path;

use adder_export::onnx::{self, ClassInputs};
use adder_kernels::Isa;
use adder_model::tensor_file::{self, Metadata};
use adder_model::{Backend, HeadTargets, Mode, Model};
use adder_network::{ClassCode, Head, HeadKind, Layer, Network, Segment, naive};
use candle_core::{Device, Tensor};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

const BATCH: usize = 6;
const TRAIN: Mode = Mode::Train { seed: 1, epoch: 0, step: 0 };

/// 5x5 convolutions with bias and strides, a residual, a one-hot input, three heads; images of 3x32x32. The second reads its class in
/// another code, and two of its heads know the order of their classes.
fn networks() -> [Network; 2] {
    use HeadKind::{Ordinal, Regression};
    let plain = vec![Head::new("color", 3), Head::new("shape", 5), Head::new("size", 2)];
    let ordered = vec![
        Head::new("color", 3).bias(),
        Head::new("shape", 5).bias().kind(Ordinal),
        Head::new("size", 2).kind(Regression),
    ];
    [network(ClassCode::OneHot, plain), network(ClassCode::Thermometer, ordered)]
}

fn network(code: ClassCode, heads: Vec<Head>) -> Network {
    let block = |channels| {
        vec![Layer::conv2d(channels, 3).padding(1), Layer::relu(), Layer::batch_norm(), Layer::max_pool2d(2)]
    };
    let mut layers = vec![Layer::conv2d(6, 5).padding(2).bias().named("stem"), Layer::relu()];
    layers.push(Layer::max_pool2d(3).stride(2));
    layers.extend(block(9));
    layers.push(Layer::residual(block(9)[..3].to_vec()));
    layers.extend([Layer::conv2d(12, 3).stride(2).padding(1).bias(), Layer::batch_norm(), Layer::relu()]);
    layers.extend([Layer::avg_pool2d(2), Layer::flatten(), Layer::linear(14).bias(), Layer::leaky_relu(0.1)]);
    layers.push(Layer::coded("camera", 4, code));
    layers.extend([Layer::linear(16), Layer::batch_norm(), Layer::relu()]);
    Network::new([3, 32, 32], layers, heads).unwrap()
}

fn images() -> Vec<f32> {
    let mut stream = adder_random::Stream::new(3, adder_random::Purpose::Test, 0, 0);
    (0..BATCH * 3 * 32 * 32).map(|_| stream.uniform(-1.0, 1.0)).collect()
}

const CAMERAS: [u8; BATCH] = [0, 3, 1, 2, 3, 3];
const LABELS: [[u8; BATCH]; 3] = [[0, 1, 2, 0, 1, 2], [4, 3, 2, 1, 0, 0], [0, 1, 1, 0, 1, 0]];

fn classes(classes: &[u8]) -> Tensor {
    let classes: Vec<u32> = classes.iter().map(|&class| class.into()).collect();
    Tensor::new(classes, &Device::Cpu).unwrap()
}

/// Inputs as candle takes them.
fn tensors() -> (Tensor, Tensor, [Tensor; 3]) {
    let images = Tensor::from_vec(images(), (BATCH, 3, 32, 32), &Device::Cpu).unwrap();
    (images, classes(&CAMERAS), LABELS.map(|labels| classes(&labels)))
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// All parameters one behind the other.
fn flat(model: &Model) -> Vec<f64> {
    model.parameters().iter().flat_map(|parameter| wide(&values(&parameter.var))).collect()
}

#[track_caller]
fn close(found: &[f32], expected: &[f64], within: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(1e-3f64, |largest, value| largest.max(value.abs()));
    for (at, (&found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(found) - expected).abs() / largest;
        assert!(error < within, "{what} {at}: {found} against {expected}");
    }
}

/// The reference path, and the kernels on each instruction set of this machine.
fn models(network: &Network) -> Vec<Model> {
    let model = || Model::new(network.clone(), 5, &Device::Cpu).unwrap();
    let kernels = Isa::available().into_iter().map(|isa| model().on_kernels(isa).unwrap());
    std::iter::once(model().on_reference()).chain(kernels).collect()
}

/// The loss of the oracle, and its gradients by the parameters.
fn oracle(network: &Network, params: &[f64]) -> (f64, Vec<f64>) {
    let (images, mode) = (wide(&images()), naive::Mode::Train { masks: &[] });
    let inputs = naive::Inputs { images: &images, one_hot: &[&CAMERAS] };
    let pass = naive::forward(network, params, inputs, mode);
    let targets = network.classes().zip(LABELS);
    let targets: Vec<Vec<f64>> =
        targets.map(|(classes, labels)| naive::loss::targets(classes, &labels, 0.0, None)).collect();
    let (losses, mut gradients) = naive::head::losses(network, &pass.outputs, &targets);
    gradients.iter_mut().flatten().for_each(|gradient| *gradient /= BATCH as f64);
    let grads = naive::backward(network, params, &pass, mode, &gradients);
    (losses.iter().sum::<f64>() / BATCH as f64, grads.params)
}

#[test]
fn the_summary_says_what_is_fused() {
    let [network, ordered] = networks();
    let text = ordered.summary().to_string();
    for row in
        ["concat thermometer camera", "shape head: linear bias, ordinal", "size head: linear, regression"]
    {
        assert!(text.contains(row), "{text}");
    }
    let summary = network.summary();
    assert_eq!(summary.parameters, network.parameter_count());
    let text = summary.to_string();
    for row in
        ["stem: conv 5x5 pad 2 bias", "max pool 3x3 stride 2", "concat one-hot camera", "shape head: linear"]
    {
        assert!(text.contains(row), "{text}");
    }
    let segments = network.segments();
    assert!(segments.iter().any(|segment| matches!(segment, Segment::Trunk { global_average: false, .. })));
    assert!(
        matches!(segments.last(), Some(Segment::Dense { layers, one_hot: Some((0, _)), .. }) if layers.len() == 1)
    );
}

#[test]
fn every_path_has_the_oracles_loss_and_gradients() {
    let (images, cameras, labels) = tensors();
    let targets = labels.each_ref().map(HeadTargets::labels);
    for model in networks().iter().flat_map(models) {
        let (expected_loss, expected) = oracle(model.network(), &flat(&model));
        let loss = model.loss(&images, &[&cameras], &targets, TRAIN).unwrap();
        let found: f32 = loss.value.to_scalar().unwrap();
        assert!((f64::from(found) - expected_loss).abs() < 1e-5 * expected_loss, "{found} {expected_loss}");
        assert_eq!(loss.tally.rows, BATCH);
        let grads = loss.value.backward().unwrap();
        for (parameter, described) in model.parameters().iter().zip(model.network().parameters()) {
            let grad = values(grads.get(&parameter.var).unwrap());
            let what = format!("{} on {}", parameter.name, model.backend());
            close(&grad, &expected[described.range.clone()], 2e-4, &what);
        }
    }
}

#[test]
fn the_oracles_gradients_are_those_of_finite_differences() {
    for (network, parameter) in
        networks().iter().flat_map(|each| each.parameters().iter().map(move |p| (each, p)))
    {
        let params = flat(&models(network)[0]);
        let (_, grads) = oracle(network, &params);
        let index = parameter.range.start + parameter.range.len() / 2;
        let loss = |step: f64| {
            let mut moved = params.clone();
            moved[index] += step;
            oracle(network, &moved).0
        };
        let difference = (loss(1e-6) - loss(-1e-6)) / 2e-6;
        assert!(
            (difference - grads[index]).abs() < 1e-7,
            "{}: {difference} {}",
            parameter.name,
            grads[index]
        );
    }
}

#[test]
fn logits_agree_and_survive_files() {
    networks().iter().for_each(logits_of_one_network_agree);
}

fn logits_of_one_network_agree(network: &Network) {
    let (images_tensor, cameras, _) = tensors();
    let models = models(network);
    // Running statistics that are not those of the start.
    let logits = models.iter().map(|model| {
        model.forward(&images_tensor, &[&cameras], TRAIN).unwrap();
        model.forward(&images_tensor, &[&cameras], Mode::Evaluate).unwrap().iter().map(values).collect()
    });
    let logits: Vec<Vec<Vec<f32>>> = logits.collect();
    assert_eq!(models[1].backend(), Backend::Fused);
    for other in &logits[1..] {
        for (found, expected) in other.iter().zip(&logits[0]) {
            close(found, &wide(expected), 1e-5, "logit");
        }
    }

    let bytes = tensor_file::encode(&models[1].state(), &Metadata::new()).unwrap();
    let read = Model::new(network.clone(), 99, &Device::Cpu).unwrap();
    tensor_file::decode_into(&read.state(), &bytes, Path::new("weights.safetensors")).unwrap();
    let again = read.forward(&images_tensor, &[&cameras], Mode::Evaluate).unwrap();
    assert_eq!(again.iter().map(values).collect::<Vec<_>>(), logits[1]);

    let indices = NdTensor::from_data([BATCH], CAMERAS.map(i32::from).to_vec());
    let vectors =
        CAMERAS.map(|camera| std::array::from_fn::<f32, 4, _>(|at| f32::from(at == usize::from(camera))));
    let vectors = NdTensor::from_data([BATCH, 4], vectors.concat());
    for (fold, class_inputs) in [false, true].into_iter().zip([ClassInputs::Index, ClassInputs::OneHot]) {
        let batch = NonZeroU32::new(BATCH as u32);
        let options = onnx::Options { fold, class_inputs, batch, ..onnx::Options::default() };
        let file = onnx::encode_model(&read, &options, &Metadata::new()).unwrap();
        let runtime = rten::Model::load(file).unwrap();
        let image = NdTensor::from_data([BATCH, 3, 32, 32], images());
        let camera = match class_inputs {
            ClassInputs::Index => indices.view().into(),
            ClassInputs::OneHot => vectors.view().into(),
        };
        let inputs = vec![
            (runtime.node_id("image").unwrap(), image.view().into()),
            (runtime.node_id("camera").unwrap(), camera),
        ];
        let outputs =
            ["color_logits", "shape_logits", "size_logits"].map(|name| runtime.node_id(name).unwrap());
        let found = runtime.run_n(inputs, outputs, None).unwrap();
        for (found, expected) in found.into_iter().zip(&logits[1]) {
            close(&found.into_tensor::<f32>().unwrap().to_vec(), &wide(expected), 1e-4, "ONNX logit");
        }
    }
}
