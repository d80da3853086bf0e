//! The ONNX file in a runtime written in Rust: the same answers as ours.

use std::num::NonZeroU32;

use adder_data::{Source, normalize};
use adder_export::{Error, onnx};
use adder_model::tensor_file::Metadata;
use adder_model::{Addends, IdentityAdder, Logits, Mode, ModelConfig, Predictor};
use candle_core::{DType, Device, Tensor};
use rten::{Model, ValueOrView};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

const IMAGES: usize = 200;
const LOGITS: [&str; 2] = ["digit_logits", "sum_logits"];

/// A network that has seen a little: with running statistics that are not those of the start, and norms some of whose factors
/// are below zero, which do not commute with a maximum.
fn model(config: &ModelConfig) -> IdentityAdder {
    let model = IdentityAdder::new(config, 7, &Device::Cpu).unwrap();
    let images = Tensor::from_vec(normalized(&bytes()[..32 * 784]), (32, 1, 28, 28), &Device::Cpu).unwrap();
    let addends = Tensor::zeros(32, DType::U32, &Device::Cpu).unwrap();
    for step in 0..3 {
        model.forward(&images, &addends, Mode::Train { seed: 1, epoch: 0, step }).unwrap();
    }
    for parameter in model.parameters().iter().filter(|parameter| parameter.name.ends_with("norm.weight")) {
        let width = parameter.var.elem_count();
        let factors: Vec<f32> = (0..width).map(|channel| if channel % 3 == 1 { -0.7 } else { 1.2 }).collect();
        parameter.var.set(&Tensor::new(factors, &Device::Cpu).unwrap()).unwrap();
    }
    model
}

fn bytes() -> Vec<u8> {
    let data = adder_data::load(&Source::Embedded, &mut |_| ()).unwrap();
    data.evaluation.images()[..IMAGES * 784].to_vec()
}

fn normalized(bytes: &[u8]) -> Vec<f32> {
    bytes.iter().map(|&byte| normalize(f32::from(byte))).collect()
}

fn addends() -> Vec<u8> {
    (0..IMAGES).map(|index| (index % 10) as u8).collect()
}

/// Both outputs of the file for the addends of [`addends`].
fn run(file: Vec<u8>, image: ValueOrView<'_>, outputs: [&str; 2]) -> Logits {
    let addends: Vec<i32> = addends().into_iter().map(i32::from).collect();
    let addends = NdTensor::from_data([IMAGES], addends);
    answers(&Model::load(file).unwrap(), image, addends.view().into(), outputs)
}

/// Both outputs of a file, `image` and `addend` given.
fn answers(model: &Model, image: ValueOrView<'_>, addend: ValueOrView<'_>, outputs: [&str; 2]) -> Logits {
    let inputs = vec![(model.node_id("image").unwrap(), image), (model.node_id("addend").unwrap(), addend)];
    let outputs = outputs.map(|name| model.node_id(name).unwrap());
    let values = model.run_n(inputs, outputs, None).unwrap();
    let [digit, sum] = values.map(|value| value.into_tensor::<f32>().unwrap().to_vec());
    Logits { digit, sum }
}

#[track_caller]
fn agrees(ours: &[f32], theirs: &[f32], within: f32) {
    assert_eq!(ours.len(), theirs.len());
    let largest = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(largest <= within, "{largest} apart");
}

#[test]
fn logits_are_ours_folded_and_not_at_every_opset() {
    let other = ModelConfig {
        channels: vec![5, 6, 7],
        pool_after: vec![2],
        unpadded: vec![1, 2, 3],
        dropout_free: vec![],
        embedding: 9,
        hidden: 13,
        ..ModelConfig::default()
    };
    for config in [ModelConfig::default(), other] {
        let model = model(&config);
        let image = NdTensor::from_data([IMAGES, 1, 28, 28], normalized(&bytes()));
        let ours = Predictor::new(&model).unwrap();
        let ours = ours.predict_batch(&normalized(&bytes()), Addends::Each(&addends())).unwrap();
        for (fold, opset) in [(false, onnx::LEAST_OPSET), (false, 17), (true, 17), (true, onnx::MOST_OPSET)] {
            let options = onnx::Options { fold, opset, ..onnx::Options::default() };
            let file = onnx::encode(&model, &options, &Metadata::new()).unwrap();
            let theirs = run(file, image.view().into(), LOGITS);
            agrees(&ours.digit, &theirs.digit, 1e-4);
            agrees(&ours.sum, &theirs.sum, 1e-4);
        }
    }
}

#[test]
fn bytes_go_in_and_probabilities_come_out() {
    let model = model(&ModelConfig::default());
    let image = NdTensor::from_data([IMAGES, 1, 28, 28], bytes());
    let ours = Predictor::new(&model).unwrap();
    let ours = ours.predict_batch(&normalized(&bytes()), Addends::Each(&addends())).unwrap();
    let options = onnx::Options { with_preprocessing: true, ..onnx::Options::default() };
    let file = onnx::encode(&model, &options, &Metadata::new()).unwrap();
    let theirs = run(file, image.view().into(), ["digit_probabilities", "sum_probabilities"]);
    let (digit, sum): (Vec<_>, Vec<_>) =
        ours.predictions().map(|answer| (answer.digit_probabilities, answer.sum_probabilities)).unzip();
    agrees(&digit.concat(), &theirs.digit, 1e-5);
    agrees(&sum.concat(), &theirs.sum, 1e-5);
}

/// The logits of the first `addends.len()` images: addends as int64, which rten takes as i32.
fn with_indices(file: Vec<u8>, addends: &[i32]) -> Logits {
    let count = addends.len();
    let image = NdTensor::from_data([count, 1, 28, 28], normalized(&bytes()[..count * 784]));
    let addends = NdTensor::from_data([count], addends.to_vec());
    let model = Model::load(file).unwrap();
    answers(&model, image.view().into(), addends.view().into(), LOGITS)
}

/// As [`with_indices`], with the one-hot vectors of addends, `[n, 10]`.
fn with_vectors(file: Vec<u8>, vectors: &[[f32; 10]]) -> Logits {
    let count = vectors.len();
    let image = NdTensor::from_data([count, 1, 28, 28], normalized(&bytes()[..count * 784]));
    let vectors = NdTensor::from_data([count, 10], vectors.concat());
    let model = Model::load(file).unwrap();
    answers(&model, image.view().into(), vectors.view().into(), LOGITS)
}

fn bits(logits: &Logits) -> Vec<u32> {
    logits.digit.iter().chain(&logits.sum).map(|logit| logit.to_bits()).collect()
}

#[test]
fn one_hot_vectors_answer_as_indices_and_none_is_all_zero() {
    let model = model(&ModelConfig::default());
    // Those that are out of range for rten's i32 are no addends of anyone.
    let addends: Vec<i32> = (0..10).chain([-1, 10, 12, 19, -10, 256, i32::MAX, i32::MIN]).collect();
    let vector = |&addend: &i32| std::array::from_fn(|class| f32::from(addend == class as i32));
    let vectors: Vec<[f32; 10]> = addends.iter().map(vector).collect();
    assert_eq!(vectors.iter().flatten().sum::<f32>(), 10.0);
    for (fold, opset) in [(false, onnx::LEAST_OPSET), (false, 17), (true, 17), (true, onnx::MOST_OPSET)] {
        let options = onnx::Options { fold, opset, ..onnx::Options::default() };
        let by_index = onnx::encode(&model, &options, &Metadata::new()).unwrap();
        let options = onnx::Options { class_inputs: onnx::ClassInputs::OneHot, ..options };
        let by_vector = onnx::encode(&model, &options, &Metadata::new()).unwrap();
        let (indices, vectors) = (with_indices(by_index, &addends), with_vectors(by_vector, &vectors));
        assert_eq!(bits(&indices), bits(&vectors), "{options:?}");
    }
}

#[test]
fn an_addend_of_none_is_none_of_the_ten() {
    let model = model(&ModelConfig::default());
    let file = onnx::encode(&model, &onnx::Options::default(), &Metadata::new()).unwrap();
    // One image thrice: with an addend of none, and with those that ONNX's OneHot and a remainder would make of it.
    for (none, others) in [(-1, [9, 1]), (10, [0, 9]), (12, [2, 9])] {
        let sums = [none, others[0], others[1]].map(|addend| with_indices(file.clone(), &[addend]).sum);
        assert_ne!(sums[0], sums[1], "{none} acts as {}", others[0]);
        assert_ne!(sums[0], sums[2], "{none} acts as {}", others[1]);
    }
}

#[test]
fn a_file_for_one_image_answers_as_that_for_any_number() {
    let model = model(&ModelConfig::default());
    for class_inputs in [onnx::ClassInputs::Index, onnx::ClassInputs::OneHot] {
        let any = onnx::Options { class_inputs, ..onnx::Options::default() };
        let one = onnx::Options { batch: NonZeroU32::new(1), ..any };
        let [any, one] = [any, one].map(|options| onnx::encode(&model, &options, &Metadata::new()).unwrap());
        let shape = |file: &[u8]| {
            let model = Model::load(file.to_vec()).unwrap();
            let image = model.node_id("image").unwrap();
            let shape = model.node_info(image).unwrap().shape().unwrap();
            shape.into_iter().map(|size| format!("{size:?}")).collect::<Vec<_>>()
        };
        assert_eq!(shape(&one)[0], "1");
        assert_eq!(shape(&any)[0], "\"batch\"");
        let answers = |file| match class_inputs {
            onnx::ClassInputs::Index => with_indices(file, &[3]),
            onnx::ClassInputs::OneHot => with_vectors(file, &[std::array::from_fn(|at| f32::from(at == 3))]),
        };
        assert_eq!(bits(&answers(one)), bits(&answers(any)));
    }
}

#[test]
fn the_metadata_says_what_the_file_is() {
    let model = IdentityAdder::new(&ModelConfig::default(), 1, &Device::Cpu).unwrap();
    let facts = Metadata::from([("validation_accuracy_both".into(), "98.9".into())]);
    let file = onnx::encode(&model, &onnx::Options::default(), &facts).unwrap();
    let model = Model::load(file).unwrap();
    let fields: std::collections::BTreeMap<&str, &str> = model.metadata().fields().collect();
    assert_eq!(fields["validation_accuracy_both"], "98.9");
    assert_eq!(fields["digit_labels"], "0,1,2,3,4,5,6,7,8,9");
    assert!(fields.contains_key("normalisation") && fields.contains_key("licence"));
}

#[test]
fn an_opset_that_is_not_there_is_refused() {
    let model = IdentityAdder::new(&ModelConfig::default(), 1, &Device::Cpu).unwrap();
    for opset in [onnx::LEAST_OPSET - 1, onnx::MOST_OPSET + 1] {
        let options = onnx::Options { opset, ..onnx::Options::default() };
        let refused = onnx::encode(&model, &options, &Metadata::new());
        assert!(matches!(refused, Err(Error::Opset { found, .. }) if found == opset));
    }
}
