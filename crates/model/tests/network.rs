//! Promises of the network beyond PyTorch's numbers: shapes, seeds, dropout, and inference for all ten addends.

use adder_model::{Addends, IdentityAdder, Mode, ModelConfig, Predictor, Targets};
use adder_random::{Purpose, Stream};
use candle_core::{Device, Tensor};

const TRAIN: Mode = Mode::Train { seed: 3, epoch: 1, step: 4 };

fn images(batch: usize) -> Tensor {
    let mut stream = Stream::new(1, Purpose::Test, 0, 0);
    let pixels: Vec<f32> = (0..batch * 784).map(|_| stream.uniform(-0.4, 2.8)).collect();
    Tensor::from_vec(pixels, (batch, 1, 28, 28), &Device::Cpu).unwrap()
}

fn classes(classes: &[u32]) -> Tensor {
    Tensor::new(classes, &Device::Cpu).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn model(dropout: f32) -> IdentityAdder {
    let config = ModelConfig { dropout, ..ModelConfig::default() };
    IdentityAdder::new(&config, 7, &Device::Cpu).unwrap()
}

#[test]
fn initial_weights_follow_the_seed_and_pytorchs_bounds() {
    let (a, b) = (model(0.1), model(0.1));
    let other = IdentityAdder::new(&ModelConfig::default(), 8, &Device::Cpu).unwrap();
    let mut total = 0;
    for ((a, b), other) in a.parameters().iter().zip(b.parameters()).zip(other.parameters()) {
        total += a.var.elem_count();
        assert_eq!(values(&a.var), values(&b.var), "{}", a.name);
        if !a.decays {
            let expected = if a.name.ends_with("weight") { 1.0 } else { 0.0 };
            assert!(values(&a.var).iter().all(|&value| value == expected), "{}", a.name);
            continue;
        }
        assert_ne!(values(&a.var), values(&other.var), "{}", a.name);
        let fan_in: usize = a.var.dims()[1..].iter().product();
        let bound = 1.0 / (fan_in as f32).sqrt();
        let largest = values(&a.var).iter().fold(0f32, |largest, value| largest.max(value.abs()));
        assert!(largest <= bound && largest > 0.85 * bound, "{}: {largest} of {bound}", a.name);
    }
    assert_eq!(total, 13_136);
}

#[test]
fn every_parameter_moves() {
    let model = model(0.1);
    let step = model.loss(
        &images(8),
        &classes(&[0, 1, 2, 3, 4, 5, 6, 7]),
        Targets::labels(&classes(&[1; 8]), &classes(&[1, 2, 3, 4, 5, 6, 7, 8])),
        TRAIN,
    );
    let grads = step.unwrap().loss.backward().unwrap();
    for parameter in model.parameters() {
        let grad = grads.get(&parameter.var).unwrap_or_else(|| panic!("{} has no gradient", parameter.name));
        assert!(values(grad).iter().any(|&value| value != 0.0), "{}", parameter.name);
    }
}

#[test]
fn dropout_is_a_function_of_seed_epoch_and_step() {
    let embed = |mode| values(&model(0.5).embed(&images(4), mode).unwrap());
    let base = embed(TRAIN);
    assert_eq!(base, embed(TRAIN));
    for mode in [
        Mode::Train { seed: 4, epoch: 1, step: 4 },
        Mode::Train { seed: 3, epoch: 2, step: 4 },
        Mode::Train { seed: 3, epoch: 1, step: 5 },
    ] {
        assert_ne!(base, embed(mode));
    }
    let without = |mode| values(&model(0.0).embed(&images(4), mode).unwrap());
    assert_eq!(without(TRAIN), without(Mode::Train { seed: 9, epoch: 9, step: 9 }));
}

#[test]
fn evaluation_changes_nothing_and_training_moves_the_statistics() {
    let model = model(0.1);
    let buffers = |model: &IdentityAdder| -> Vec<f32> {
        model.buffers().iter().flat_map(|(_, buffer)| values(buffer)).collect()
    };
    let before = buffers(&model);
    let addends = classes(&[1, 2]);
    let first = values(&model.forward(&images(2), &addends, Mode::Evaluate).unwrap().digit);
    assert_eq!(first, values(&model.forward(&images(2), &addends, Mode::Evaluate).unwrap().digit));
    assert_eq!(before, buffers(&model));
    model.forward(&images(2), &addends, TRAIN).unwrap();
    assert!(before.iter().zip(buffers(&model)).all(|(before, after)| *before != after));
}

/// The predictors of both paths.
fn predictors(model: &IdentityAdder) -> [Predictor; 2] {
    [model.clone(), model.clone().on_reference()].map(|model| Predictor::new(&model).unwrap())
}

fn close(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 2e-5)
}

#[test]
fn predictors_give_the_networks_logits() {
    let model = model(0.1);
    let addends = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5];
    let numbers = addends.map(u32::from);
    // A pass in training mode moves the running statistics away from where they do nothing.
    model.forward(&images(11), &classes(&numbers), TRAIN).unwrap();
    let logits = model.forward(&images(11), &classes(&numbers), Mode::Evaluate).unwrap();
    for predictor in predictors(&model) {
        let prediction = predictor.predict_batch(&values(&images(11)), Addends::Each(&addends)).unwrap();
        assert!(
            close(&prediction.digit, &values(&logits.digit)) && close(&prediction.sum, &values(&logits.sum))
        );
    }
}

#[test]
fn a_predictor_does_not_follow_its_model() {
    let model = model(0.1);
    for predictor in predictors(&model) {
        let answer = || predictor.predict_batch(&values(&images(2)), Addends::All).unwrap();
        let before = answer();
        for _ in 0..3 {
            model.forward(&images(8), &classes(&[5; 8]), TRAIN).unwrap();
        }
        assert_eq!(before, answer());
    }
}

#[test]
fn all_ten_addends_equal_ten_single_ones() {
    let model = model(0.1);
    model.forward(&images(16), &classes(&[5; 16]), TRAIN).unwrap();
    let pixels = values(&images(3));
    for predictor in predictors(&model) {
        let all = predictor.predict_batch(&pixels, Addends::All).unwrap();
        assert_eq!((all.digit.len(), all.sum.len()), (3 * 10 * 10, 3 * 10 * 19));
        for addend in 0..10 {
            let one = predictor.predict_batch(&pixels, Addends::Each(&[addend; 3])).unwrap();
            for image in 0..3 {
                let pair = image * 10 + usize::from(addend);
                assert!(close(&all.digit[pair * 10..][..10], &one.digit[image * 10..][..10]));
                assert!(close(&all.sum[pair * 19..][..19], &one.sum[image * 19..][..19]));
            }
        }
    }
}

#[test]
fn wrong_shapes_and_addends_are_errors() {
    let model = model(0.1);
    let short = Tensor::zeros((2, 1, 28, 27), candle_core::DType::F32, &Device::Cpu).unwrap();
    let error = model.forward(&short, &classes(&[1, 2]), Mode::Evaluate).unwrap_err();
    assert_eq!(error.to_string(), "images: expected [b, 1, 28, 28], found [2, 1, 28, 27]");
    assert!(model.forward(&images(2), &classes(&[1]), Mode::Evaluate).is_err());
    assert!(model.forward(&images(1), &classes(&[10]), Mode::Evaluate).is_err());
    for predictor in predictors(&model) {
        assert!(predictor.predict_batch(&[0.0; 783], Addends::All).is_err());
        assert!(predictor.predict_batch(&[0.0; 784], Addends::Each(&[10])).is_err());
        assert!(predictor.predict_batch(&[0.0; 784], Addends::Each(&[1, 2])).is_err());
        assert!(predictor.predict_batch(&[], Addends::All).unwrap().digit.is_empty());
    }
}

#[test]
fn a_wider_network_is_one_line() {
    let config = ModelConfig { channels: vec![16, 16, 32, 32, 32, 32], ..ModelConfig::default() };
    let model = IdentityAdder::new(&config, 1, &Device::Cpu).unwrap();
    let parameters: usize = model.parameters().iter().map(|parameter| parameter.var.elem_count()).sum();
    assert_eq!(parameters, config.network().unwrap().summary().parameters);
    assert_eq!(model.forward(&images(2), &classes(&[0, 9]), TRAIN).unwrap().sum.dims(), [2, 19]);
}
