//! Weights files: a round trip to the bit, and every way in which a file can be wrong.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use adder_model::tensor_file::TensorProblem;
use adder_model::{Addends, Error, IdentityAdder, Mode, ModelConfig, Predictor, weights};
use candle_core::{Device, Tensor};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

/// A small network, so that files are small.
fn model(seed: u64) -> IdentityAdder {
    let config = ModelConfig {
        channels: vec![2, 3],
        pool_after: vec![1],
        unpadded: vec![2],
        dropout_free: vec![],
        embedding: 4,
        hidden: 5,
        ..ModelConfig::default()
    };
    IdentityAdder::new(&config, seed, &Device::Cpu).unwrap()
}

fn facts() -> BTreeMap<String, String> {
    BTreeMap::from([("recipe".into(), "notebook".into())])
}

fn bits(model: &IdentityAdder) -> Vec<(String, Vec<u32>)> {
    let values = |tensor: Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let bits = |tensor| values(tensor).into_iter().map(f32::to_bits).collect();
    model.tensors().into_iter().map(|(name, tensor)| (name, bits(tensor))).collect()
}

/// A valid file's tensors and metadata, changed and written again.
type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

fn rewritten(change: impl FnOnce(&mut Tensors, &mut HashMap<String, String>)) -> Vec<u8> {
    let bytes = model(1).to_safetensors(&facts()).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let mut metadata = header.metadata().clone().unwrap();
    let mut tensors: Tensors = file
        .iter()
        .map(|(name, view)| (name.into(), (view.dtype(), view.shape().to_vec(), view.data().to_vec())))
        .collect();
    change(&mut tensors, &mut metadata);
    let views = tensors
        .iter()
        .map(|(name, (dtype, shape, data))| (name, TensorView::new(*dtype, shape.clone(), data).unwrap()));
    safetensors::serialize(views, Some(metadata)).unwrap()
}

#[track_caller]
fn problem(bytes: &[u8]) -> TensorProblem {
    let untouched = bits(&model(2));
    let target = model(2);
    let error = target.load_safetensors(bytes, Path::new("file.safetensors")).unwrap_err();
    assert_eq!(bits(&target), untouched, "a refused file must change nothing");
    assert!(error.to_string().starts_with("file.safetensors: "), "{error}");
    let without_candle = Predictor::from_safetensors(bytes, Path::new("file.safetensors")).unwrap_err();
    assert_eq!(without_candle.to_string(), error.to_string());
    match error {
        Error::Weights(error) => error.problem,
        other => panic!("{other}"),
    }
}

#[test]
fn a_predictor_read_without_candle_answers_to_the_bit_as_the_network() {
    let images: Vec<f32> = (0..3 * 784).map(|at| (at % 101) as f32 / 50.0 - 1.0).collect();
    for network in [model(7), IdentityAdder::pretrained(&Device::Cpu).unwrap().0] {
        let bytes = network.to_safetensors(&facts()).unwrap();
        let (read, metadata) = Predictor::from_safetensors(&bytes, Path::new("memory")).unwrap();
        let expected = Predictor::new(&network).unwrap();
        assert_eq!(metadata["recipe"], "notebook");
        let answer = |predictor: &Predictor| predictor.predict_batch(&images, Addends::All).unwrap();
        assert_eq!(answer(&read), answer(&expected));
        let maps = read.feature_maps(&images[..784]).unwrap();
        assert_eq!(maps, expected.feature_maps(&images[..784]).unwrap());
        let reference =
            Predictor::new(&network.on_reference()).unwrap().feature_maps(&images[..784]).unwrap();
        assert_eq!(maps.len(), reference.len());
        for (maps, reference) in maps.iter().zip(&reference) {
            assert_eq!(
                [maps.channels, maps.height, maps.width],
                [reference.channels, reference.height, reference.width]
            );
            for (value, expected) in maps.values.iter().zip(&reference.values) {
                assert!((value - expected).abs() < 1e-4, "{value} against {expected}");
            }
        }
    }
}

#[test]
fn a_round_trip_keeps_every_bit_and_the_facts() {
    let original = model(1);
    // A step in training mode moves the running statistics away from their start.
    let images = Tensor::arange(0f32, 784.0 * 3.0, &Device::Cpu).unwrap().reshape((3, 1, 28, 28)).unwrap();
    let addends = Tensor::new(&[1u32, 2, 3], &Device::Cpu).unwrap();
    original.forward(&images, &addends, Mode::Train { seed: 1, epoch: 0, step: 0 }).unwrap();
    let bytes = original.to_safetensors(&facts()).unwrap();
    let (loaded, metadata) = weights::from_safetensors(&bytes, Path::new("memory"), &Device::Cpu).unwrap();
    assert_eq!(bits(&loaded), bits(&original));
    assert_eq!(loaded.config(), original.config());
    assert_eq!(metadata["recipe"], "notebook");
    assert_eq!(bytes, loaded.to_safetensors(&facts()).unwrap(), "the same network gives the same bytes");
}

#[test]
fn missing_and_unknown_tensors_are_named() {
    let bytes = rewritten(|tensors, _| drop(tensors.remove("hidden.norm.running_var")));
    assert_eq!(problem(&bytes), TensorProblem::Missing("hidden.norm.running_var".into()));
    let bytes = rewritten(|tensors, _| {
        let copy = tensors["digit.weight"].clone();
        tensors.insert("digit.bias".into(), copy);
    });
    assert_eq!(problem(&bytes), TensorProblem::Unknown("digit.bias".into()));
}

#[test]
fn shapes_element_types_and_values_are_checked() {
    let bytes = rewritten(|tensors, _| tensors.get_mut("digit.weight").unwrap().1.reverse());
    let expected = TensorProblem::Mismatch {
        name: "digit.weight".into(),
        expected: "F32 [10, 5]".into(),
        found: "F32 [5, 10]".into(),
    };
    assert_eq!(problem(&bytes), expected);
    let bytes = rewritten(|tensors, _| tensors.get_mut("digit.weight").unwrap().0 = Dtype::I32);
    assert!(matches!(problem(&bytes), TensorProblem::Mismatch { found, .. } if found == "I32 [10, 5]"));
    let bytes = rewritten(|tensors, _| {
        tensors.get_mut("sum.weight").unwrap().2[8..12].copy_from_slice(&f32::NAN.to_le_bytes());
    });
    let expected = TensorProblem::NotFinite { name: "sum.weight".into(), index: 2, value: "NaN".into() };
    assert_eq!(problem(&bytes), expected);
    let variance = |value: f32| {
        rewritten(|tensors, _| {
            tensors.get_mut("hidden.norm.running_var").unwrap().2[4..8].copy_from_slice(&value.to_le_bytes());
        })
    };
    let name = "hidden.norm.running_var".into();
    let expected = TensorProblem::Negative { name, index: 1, value: "-0.001".into() };
    assert_eq!(problem(&variance(-0.001)), expected);
    assert!(model(2).load_safetensors(&variance(0.0), Path::new("file.safetensors")).is_ok());
}

#[test]
fn metadata_is_checked() {
    let bytes = rewritten(|_, metadata| drop(metadata.remove("format")));
    assert!(matches!(problem(&bytes), TensorProblem::Metadata { key: "format", .. }));
    let bytes = rewritten(|_, metadata| drop(metadata.insert("format_version".into(), "99".into())));
    assert!(matches!(problem(&bytes), TensorProblem::Metadata { key: "format_version", .. }));
    for config in ["{", r#"{"widths": [1]}"#, r#"{"channels": []}"#] {
        let bytes = rewritten(|_, metadata| drop(metadata.insert("model".into(), config.into())));
        let error = weights::from_safetensors(&bytes, Path::new("x"), &Device::Cpu).unwrap_err();
        assert!(error.to_string().contains("metadata `model`"), "{error}");
    }
}

#[test]
fn bytes_that_are_no_safetensors_are_refused() {
    let whole = model(1).to_safetensors(&facts()).unwrap();
    let mut absurd = whole.clone();
    absurd[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    for bytes in [&b""[..], b"not a file", &whole[..whole.len() - 1], &whole[..50], &absurd] {
        assert!(matches!(problem(bytes), TensorProblem::Format(_)));
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = weights::load(Path::new("nowhere/x.safetensors"), &Device::Cpu).unwrap_err();
    assert!(error.to_string().starts_with("nowhere/x.safetensors: cannot be read"), "{error}");
}
