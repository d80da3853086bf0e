//! The module's answers, compiled for this machine, against the network on candle.

use adder_data::{Labeled, Source, normalize};
use adder_model::tensor_file::Metadata;
use adder_model::{Addends, IdentityAdder, ModelConfig, Predictor};
use adder_wasm::{Part, Recognition, Recognizer, adder_answer, adder_load, adder_look, adder_reserve};
use candle_core::Device;

fn mnist() -> std::sync::Arc<Labeled> {
    adder_data::load(&Source::Embedded, &mut |_| ()).unwrap().evaluation
}

/// The answers for the one digit of a canvas of 112x112.
fn one(network: &Recognizer, canvas: Vec<u8>) -> Part {
    match network.recognize(112, 112, canvas, false).unwrap() {
        Recognition::Digit(part) => part,
        other => panic!("{other:?}"),
    }
}

/// An image of MNIST as a canvas would hold it, dark ink on light, each pixel four by four of the canvas's.
fn canvas(image: &[u8; 784]) -> Vec<u8> {
    let pixel = |x: usize, y: usize| 255 - image[y / 4 * 28 + x / 4];
    let places = (0..112).flat_map(|y| (0..112).map(move |x| (x, y)));
    places.flat_map(|(x, y)| [pixel(x, y), pixel(x, y), pixel(x, y), 255]).collect()
}

#[test]
fn a_look_holds_what_the_network_says_of_what_it_saw() {
    let network = Recognizer::pretrained().unwrap();
    let (model, _) = IdentityAdder::pretrained(&Device::Cpu).unwrap();
    let reference = Predictor::new(&model.on_reference()).unwrap();
    let data = mnist();
    for index in 0..20 {
        let recognition = one(&network, canvas(data.image(index)));
        let image: Vec<f32> = recognition.seen.iter().map(|&byte| normalize(f32::from(byte))).collect();
        let expected = reference.predict_batch(&image, Addends::All).unwrap().by_image().next().unwrap();
        assert_eq!(recognition.answers.digit, expected.digit, "image {index}");
        for (found, expected) in recognition.answers.sums.iter().zip(&expected.sums) {
            let shares = found.answer.sum_probabilities.iter().zip(&expected.answer.sum_probabilities);
            assert!(shares.clone().all(|(found, expected)| (found - expected).abs() < 1e-4), "image {index}");
        }
        let maps = reference.feature_maps(&image).unwrap();
        let shapes: Vec<_> = maps.iter().map(|maps| [maps.channels, maps.height, maps.width]).collect();
        let found: Vec<_> =
            recognition.feature_maps.iter().map(|maps| [maps.channels, maps.height, maps.width]).collect();
        assert_eq!(found, shapes);
    }
}

#[test]
fn the_digits_of_mnist_are_read_from_a_canvas() {
    let (network, data) = (Recognizer::pretrained().unwrap(), mnist());
    let right = |index: &u32| {
        let recognition = one(&network, canvas(data.image(*index)));
        recognition.answers.digit == data.label(*index)
            && recognition.answers.sums[7].answer.sum == data.label(*index) + 7
    };
    let count = (0..200).filter(right).count();
    assert!(count >= 196, "{count} of 200");
}

#[test]
fn a_picture_that_cannot_be_is_refused_in_the_servers_form() {
    let network = Recognizer::pretrained().unwrap();
    for (width, height, bytes) in [(112, 112, 5), (4, 4, 64), (0, 0, 0), (20_000, 1, 80_000)] {
        let refusal = network.recognize(width, height, vec![0; bytes], true).unwrap_err();
        let refusal = serde_json::to_value(&refusal).unwrap();
        assert_eq!(refusal["error"]["code"], "bad_request");
        let message = refusal["error"]["message"].as_str().unwrap();
        assert!(message.contains(&format!("found {width}x{height} and {bytes} bytes")), "{message}");
    }
}

#[test]
fn each_is_asked_for_or_one() {
    let (network, data) = (Recognizer::pretrained().unwrap(), mnist());
    let canvas = canvas(data.image(0));
    let each = network.recognize(112, 112, canvas.clone(), true).unwrap();
    assert_eq!(each, Recognition::Parts { parts: vec![one(&network, canvas)] });
    let said = serde_json::to_value(&each).unwrap();
    assert_eq!((&said["status"], &said["parts"][0]["digit"]), (&"parts".into(), &data.label(0).into()));
    assert!(
        said["parts"][0]["box"]["width"].as_u64().is_some_and(|width| (20..112).contains(&width)),
        "{said}"
    );
}

#[test]
fn an_empty_canvas_has_no_digit_and_no_answer() {
    for each in [false, true] {
        let recognition = Recognizer::pretrained().unwrap().recognize(100, 100, vec![255; 40_000], each);
        let said = serde_json::to_value(recognition.unwrap()).unwrap();
        assert_eq!(said["status"], "nothing");
        assert!(said["reason"].as_str().unwrap().contains("no digit found"), "{said}");
        assert_eq!(said.as_object().unwrap().len(), 2, "{said}");
    }
}

#[test]
fn a_network_of_any_size_takes_the_built_in_ones_place() {
    let config = ModelConfig { channels: vec![3, 40, 7, 5, 4, 6], ..ModelConfig::default() };
    let model = IdentityAdder::new(&config, 3, &Device::Cpu).unwrap();
    let weights = model.to_safetensors(&Metadata::default()).unwrap();
    let network = Recognizer::from_safetensors(&weights).unwrap();
    let reference = Predictor::new(&model.on_reference()).unwrap();
    let (data, built_in) = (mnist(), Recognizer::pretrained().unwrap());
    for index in 0..5 {
        let found = one(&network, canvas(data.image(index)));
        let image: Vec<f32> = found.seen.iter().map(|&byte| normalize(f32::from(byte))).collect();
        let expected = reference.predict_batch(&image, Addends::All).unwrap().by_image().next().unwrap();
        let shares =
            |answers: &adder_model::AllPredictions| answers.sums[7].answer.sum_probabilities.to_vec();
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(near(&shares(&found.answers), &shares(&expected)), "image {index}");
        let channels: Vec<_> = found.feature_maps.iter().map(|maps| maps.channels).collect();
        assert_eq!(channels, config.channels);
        let other = one(&built_in, canvas(data.image(index)));
        assert!(!near(&shares(&found.answers), &shares(&other.answers)), "image {index}");
    }
}

#[test]
fn weights_that_are_none_are_refused_with_what_is_wrong() {
    let weights =
        IdentityAdder::pretrained(&Device::Cpu).unwrap().0.to_safetensors(&Metadata::default()).unwrap();
    for bytes in [&[][..], b"weights", &weights[..weights.len() - 1]] {
        let refusal = serde_json::to_value(Recognizer::from_safetensors(bytes).unwrap_err()).unwrap();
        assert_eq!(refusal["error"]["code"], "bad_request");
        assert!(refusal["error"]["message"].as_str().unwrap().contains("weights"), "{refusal}");
    }
}

/// The exports as JavaScript uses them, but for writing and reading through their pointers: without the pixels the picture is
/// black, and its answer has the length of that.
#[test]
fn the_exports_lead_from_room_to_answer() {
    assert!(!adder_reserve(4 * 50 * 60).is_null());
    let expected = Recognizer::pretrained().unwrap().recognize(50, 60, vec![0; 4 * 50 * 60], true).unwrap();
    assert_eq!(adder_look(50, 60, 1), serde_json::to_vec(&expected).unwrap().len());
    assert!(!adder_answer().is_null());
    // The room is used up, and what is asked without it is refused.
    let refusal = serde_json::to_vec(
        &Recognizer::pretrained().unwrap().recognize(50, 60, Vec::new(), true).unwrap_err(),
    )
    .unwrap();
    assert_eq!(adder_look(50, 60, 1), refusal.len());
    // Weights that are no such are refused in the same form, and what was there stays.
    adder_reserve(100);
    assert_eq!(
        adder_load(),
        serde_json::to_vec(&Recognizer::from_safetensors(&[0; 100]).unwrap_err()).unwrap().len()
    );
    adder_reserve(4 * 50 * 60);
    assert_eq!(adder_look(50, 60, 1), serde_json::to_vec(&expected).unwrap().len());
}
