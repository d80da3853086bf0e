//! The network against PyTorch: logits, losses, every gradient, running statistics and ten steps of training.
//!
//! `golden/model.py` made the numbers and says what each is. Their own noise (float32 against float64 in PyTorch) is the
//! scale of the tolerances.

use std::collections::HashMap;
use std::path::Path;

use adder_kernels::Isa;
use adder_model::{IdentityAdder, Mode, ModelConfig, Targets, accelerators};
use adder_nn::ops::max_pool2d;
use candle_core::{DType, Device, Tensor, Var};

const TRAIN: Mode = Mode::Train { seed: 0, epoch: 0, step: 0 };

struct Golden(HashMap<String, Tensor>);

impl Golden {
    fn open(file: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
        Self(candle_core::safetensors::load(path, &Device::Cpu).unwrap())
    }

    fn get(&self, name: &str) -> &Tensor {
        self.0.get(name).unwrap_or_else(|| panic!("no golden tensor {name}"))
    }

    /// Batch `batch` of ten on `device`: images, normalized, with their addends, digits and sums.
    fn batch(&self, batch: usize, device: &Device) -> [Tensor; 4] {
        let pixels = self.get("batch.images").get(batch).unwrap().to_dtype(DType::F32).unwrap();
        let images = ((pixels / 255.0).unwrap() - 0.1307).unwrap() / 0.3081;
        let classes = |name: &str| self.get(name).get(batch).unwrap().to_dtype(DType::U32).unwrap();
        let (addends, digits) = (classes("batch.addends"), classes("batch.digits"));
        let sums = (&addends + &digits).unwrap();
        [images.unwrap().unsqueeze(1).unwrap(), addends, digits, sums]
            .map(|part| part.to_device(device).unwrap())
    }

    /// Networks with dropout off that hold the tensors under `initial`: one on candle's own operations on the CPU and on
    /// each accelerator that the build has and that answers, and one for each instruction set of this machine. They
    /// share nothing.
    fn models(&self) -> Vec<(String, Device, IdentityAdder)> {
        let mut models =
            vec![("reference".to_string(), Device::Cpu, self.model(&Device::Cpu).on_reference())];
        for isa in Isa::available() {
            let model = self.model(&Device::Cpu).on_kernels(isa).unwrap();
            models.push((isa.to_string(), Device::Cpu, model));
        }
        for (name, device) in accelerators() {
            let Ok(device) = device else { continue };
            let model = self.model(&device);
            models.push((name.to_string(), device, model));
        }
        models
    }

    fn model(&self, device: &Device) -> IdentityAdder {
        let config = ModelConfig { dropout: 0.0, ..ModelConfig::default() };
        let model = IdentityAdder::new(&config, 1, device).unwrap();
        let initial = |name: &str| self.get(&format!("initial.{name}")).to_device(device).unwrap();
        for parameter in model.parameters() {
            parameter.var.set(&initial(&parameter.name)).unwrap();
        }
        for (name, buffer) in model.buffers() {
            buffer.set(&initial(&name)).unwrap();
        }
        model
    }
}

fn largest(x: &Tensor) -> f64 {
    let values = x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    values.iter().fold(0f64, |largest, value| largest.max(f64::from(value.abs())))
}

/// The largest distance, as a share of the largest golden value.
fn distance(ours: &Tensor, golden: &Tensor) -> f64 {
    assert_eq!(ours.dims(), golden.dims());
    let ours = ours.to_device(golden.device()).unwrap();
    largest(&(ours - golden).unwrap()) / largest(golden).max(1e-6)
}

#[track_caller]
fn assert_close(what: &str, ours: &Tensor, golden: &Tensor, tolerance: f64) {
    let distance = distance(ours, golden);
    assert!(distance <= tolerance, "{what}: distance {distance:e}, allowed {tolerance:e}");
}

#[test]
fn evaluation_gives_pytorchs_logits() {
    let golden = Golden::open("model.safetensors");
    for (path, device, model) in golden.models() {
        let [images, addends, ..] = golden.batch(0, &device);
        let close = |what: &str, ours: &Tensor| {
            assert_close(&format!("{path}: {what}"), ours, golden.get(&format!("eval.{what}")), 1e-5);
        };
        close("embedding", &model.embed(&images, Mode::Evaluate).unwrap());
        let logits = model.forward(&images, &addends, Mode::Evaluate).unwrap();
        close("digit_logits", &logits.digit);
        close("sum_logits", &logits.sum);
    }
}

#[test]
fn a_training_pass_gives_pytorchs_logits_losses_and_statistics() {
    let golden = Golden::open("model.safetensors");
    let scalar = |name: &str| f64::from(golden.get(name).to_scalar::<f32>().unwrap());
    for (path, device, model) in golden.models() {
        let [images, addends, ..] = golden.batch(0, &device);
        let logits = model.forward(&images, &addends, TRAIN).unwrap();
        assert_close(&path, &logits.digit, golden.get("train.digit_logits"), 2e-5);
        assert_close(&path, &logits.sum, golden.get("train.sum_logits"), 2e-5);
    }
    for (path, device, model) in golden.models() {
        let [images, addends, digits, sums] = golden.batch(0, &device);
        let metrics =
            model.loss(&images, &addends, Targets::labels(&digits, &sums), TRAIN).unwrap().tally.metrics();
        assert!((metrics.digit.loss - scalar("train.digit_loss")).abs() < 1e-5, "{path}");
        assert!((metrics.sum.loss - scalar("train.sum_loss")).abs() < 1e-5, "{path}");
        for (name, buffer) in model.buffers() {
            assert_close(&format!("{path}: {name}"), buffer, golden.get(&format!("after.{name}")), 1e-5);
        }
    }
}

#[test]
fn every_parameter_gets_pytorchs_gradient() {
    let golden = Golden::open("model.safetensors");
    for (path, device, model) in golden.models() {
        let [images, addends, digits, sums] = golden.batch(0, &device);
        let step = model.loss(&images, &addends, Targets::labels(&digits, &sums), TRAIN).unwrap();
        let grads = step.loss.backward().unwrap();
        for parameter in model.parameters() {
            let name = &parameter.name;
            let grad = grads.get(&parameter.var).unwrap_or_else(|| panic!("{path}: {name} has no gradient"));
            if name == "block6.norm.bias" {
                // A constant added here is taken away again by the embedding's norm: the gradient is zero but for rounding.
                let scale = largest(golden.get("grad.block6.norm.weight"));
                assert!(largest(grad) < 1e-5 * scale, "{path}: {name}: {grad}");
                continue;
            }
            assert_close(&format!("{path}: {name}"), grad, golden.get(&format!("grad.{name}")), 2e-5);
        }
    }
}

#[test]
fn ten_steps_of_momentum_follow_pytorchs_curve() {
    let golden = Golden::open("model.safetensors");
    let [digit_curve, sum_curve] =
        ["curve.digit_loss", "curve.sum_loss"].map(|name| golden.get(name).to_vec1::<f32>().unwrap());
    for (path, device, model) in golden.models() {
        let mut velocity: Vec<Option<Tensor>> = vec![None; model.parameters().len()];
        for batch in 0..10 {
            let [images, addends, digits, sums] = golden.batch(batch, &device);
            let step = model.loss(&images, &addends, Targets::labels(&digits, &sums), TRAIN).unwrap();
            let metrics = step.tally.metrics();
            for (ours, theirs) in
                [(metrics.digit.loss, digit_curve[batch]), (metrics.sum.loss, sum_curve[batch])]
            {
                assert!((ours - f64::from(theirs)).abs() < 2e-5, "{path}, step {batch}: {ours}, {theirs}");
            }
            let grads = step.loss.backward().unwrap();
            for (parameter, velocity) in model.parameters().iter().zip(&mut velocity) {
                let grad = grads.get(&parameter.var).unwrap().clone();
                let moved = match velocity.take() {
                    Some(velocity) => ((velocity * 0.9).unwrap() + grad).unwrap(),
                    None => grad,
                };
                parameter.var.set(&(parameter.var.as_tensor() - (&moved * 0.001).unwrap()).unwrap()).unwrap();
                *velocity = Some(moved);
            }
        }
        for (name, tensor) in model.tensors() {
            assert_close(&format!("{path}: {name}"), &tensor, golden.get(&format!("final.{name}")), 2e-4);
        }
    }
}

#[test]
fn pooling_follows_pytorch_through_ties_and_odd_sides() {
    let golden = Golden::open("pool.safetensors");
    let others = accelerators().into_iter().filter_map(|(_, device)| device.ok());
    for device in std::iter::once(Device::Cpu).chain(others) {
        for case in ["even", "odd"] {
            let get = |name: &str| golden.get(&format!("{case}.{name}"));
            let on = |name: &str| get(name).to_device(&device).unwrap();
            let what = format!("{case} on {:?}", device.location());
            let input = Var::from_tensor(&on("input")).unwrap();
            let output = max_pool2d(&input, 2).unwrap();
            assert_close(&what, &output, get("output"), 0.0);
            let grads = (output * on("upstream")).unwrap().sum_all().unwrap().backward().unwrap();
            assert_close(&what, grads.get(&input).unwrap(), get("gradient"), 0.0);
        }
    }
}
