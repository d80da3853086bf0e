//! The ONNX file in a runtime written in Rust: the same answers as ours.

use adder_data::{Source, normalize};
use adder_export::{Error, onnx, torch};
use adder_model::tensor_file::Metadata;
use adder_model::{Addends, IdentityAdder, Logits, Mode, ModelConfig, Predictor};
use candle_core::{DType, Device, Tensor};
use rten::{Model, ValueOrView};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

const IMAGES: usize = 200;

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

/// Both outputs of the file, `image` and `addend` given.
fn run(file: Vec<u8>, image: ValueOrView<'_>, outputs: [&str; 2]) -> Logits {
    let model = Model::load(file).unwrap();
    let addends: Vec<i32> = addends().into_iter().map(i32::from).collect();
    let addends = NdTensor::from_data([IMAGES], addends);
    let inputs = vec![
        (model.node_id("image").unwrap(), image),
        (model.node_id("addend").unwrap(), addends.view().into()),
    ];
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
            let theirs = run(file, image.view().into(), ["digit_logits", "sum_logits"]);
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

#[test]
fn through_pytorchs_names_and_back_nothing_changes() {
    let model = model(&ModelConfig::default());
    let facts = Metadata::from([("epochs".into(), "15".into())]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("torch.safetensors");
    std::fs::write(&path, torch::to_safetensors(&model, &facts).unwrap()).unwrap();
    let (back, kept) = torch::load(&path).unwrap();
    assert_eq!(kept["epochs"], "15");
    assert_eq!(back.to_safetensors(&kept).unwrap(), model.to_safetensors(&facts).unwrap());
}
