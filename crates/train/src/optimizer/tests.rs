use std::collections::BTreeMap;

use candle_core::{Device, Tensor};

use serde::Deserialize;

use super::*;
use adder_model::accelerators;
use adder_model::tensor_file::TensorProblem;

const SHAPES: [(&str, &[usize]); 5] = [
    ("weight", &[3, 4]),
    ("scale", &[5]),
    ("filters", &[4, 2, 2, 2]),
    ("pointwise", &[6, 2, 1, 1]),
    ("first", &[2, 1, 2, 2]),
];

/// The configured rate times `rate_factor`, whatever the step.
fn at(rate_factor: f64) -> Settings {
    Settings { rate_factor, momentum: None }
}

type Values = BTreeMap<String, Vec<f32>>;

/// See `tests/golden/optimizers.py`.
#[derive(Deserialize)]
struct Golden {
    start: Values,
    gradients: Vec<Values>,
    runs: Vec<GoldenRun>,
}

#[derive(Deserialize)]
struct GoldenRun {
    setting: OptimizerConfig,
    weights: Vec<Recorded>,
}

/// The weights after `done` steps.
#[derive(Deserialize)]
struct Recorded {
    done: usize,
    values: Values,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../tests/golden/optimizers.json")).unwrap()
}

fn tensors(values: &Values, device: &Device) -> Vec<Tensor> {
    SHAPES.iter().map(|&(name, shape)| Tensor::from_slice(&values[name], shape, device).unwrap()).collect()
}

/// The golden parameters on the CPU, of which all but `scale` decay.
fn parameters(values: &Values) -> Vec<Parameter> {
    parameters_on(&Device::Cpu, values)
}

fn parameters_on(device: &Device, values: &Values) -> Vec<Parameter> {
    let parameter = |(&(name, _), tensor): (&(&str, _), _)| Parameter {
        name: name.into(),
        var: Var::from_tensor(&tensor).unwrap(),
        decays: name != "scale",
    };
    SHAPES.iter().zip(tensors(values, device)).map(parameter).collect()
}

/// Gradients that are `values`, through a real backward pass: d(sum(w * c))/dw = c.
fn gradients(parameters: &[Parameter], values: &Values) -> Gradients {
    let loss = |(parameter, constant): (&Parameter, Tensor)| {
        (parameter.var.as_tensor() * constant).unwrap().sum_all().unwrap()
    };
    let constants = tensors(values, parameters[0].var.device());
    let losses: Vec<_> = parameters.iter().zip(constants).map(loss).collect();
    let loss = Tensor::stack(&losses, 0).unwrap().sum_all().unwrap();
    Gradients::take(loss.backward().unwrap(), parameters).unwrap()
}

fn bits(var: &Var) -> Vec<u32> {
    var.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
}

#[test]
fn twenty_steps_are_pytorchs() {
    twenty_steps_on(&Device::Cpu);
    for device in accelerators().into_iter().filter_map(|(_, device)| device.ok()) {
        twenty_steps_on(&device);
    }
}

fn twenty_steps_on(device: &Device) {
    let golden = golden();
    for run in &golden.runs {
        let parameters = parameters_on(device, &golden.start);
        let mut optimizer = Optimizer::new(&parameters, run.setting).unwrap();
        let mut recorded = run.weights.iter().peekable();
        for (done, step) in golden.gradients.iter().enumerate() {
            optimizer.step(&gradients(&parameters, step), at(1.0), done as u64).unwrap();
            let Some(expected) = recorded.next_if(|weights| weights.done == done + 1) else { continue };
            for parameter in &parameters {
                let found: Vec<f32> = parameter.var.flatten_all().unwrap().to_vec1().unwrap();
                for (found, expected) in found.iter().zip(&expected.values[&parameter.name]) {
                    let tolerance = 1e-6 * expected.abs().max(1.0);
                    assert!(
                        (found - expected).abs() <= tolerance,
                        "{} under {:?} on {:?}: {found} is not {expected}",
                        parameter.name,
                        run.setting,
                        device.location()
                    );
                }
            }
        }
        assert!(recorded.next().is_none(), "every record was compared");
    }
}

#[test]
fn the_composition_agrees_with_the_update_in_place() {
    let golden = golden();
    for run in &golden.runs {
        let [in_place, composed] = [(); 2].map(|()| parameters(&golden.start));
        let mut optimizer = Optimizer::new(&in_place, run.setting).unwrap();
        let other = Optimizer::new(&composed, run.setting).unwrap();
        for (done, step) in (0..).zip(&golden.gradients) {
            optimizer.step(&gradients(&in_place, step), at(1.0), done).unwrap();
            for (slot, gradient) in other.slots.iter().zip(tensors(step, &Device::Cpu)) {
                let Slot { parameter: Parameter { var, decays, .. }, memory } = slot;
                match memory {
                    Memory::Sgd { velocity } => other.sgd(at(1.0), *decays).compose(var, velocity, &gradient),
                    Memory::Adamw { moments } => {
                        other.adamw(at(1.0), *decays, done).compose(var, moments, &gradient)
                    }
                    Memory::Muon { velocity } => {
                        other.muon(at(1.0), *decays).compose(var, velocity, &gradient)
                    }
                }
                .unwrap();
            }
        }
        for (a, b) in in_place.iter().zip(&composed) {
            for (a, b) in bits(&a.var).into_iter().zip(bits(&b.var)) {
                // SGD has the same bits; in AdamW a division is ordered otherwise, in Muon products are.
                let apart = (f32::from_bits(a) - f32::from_bits(b)).abs();
                let bound = if run.setting.kind == OptimizerKind::Sgd { 0.0 } else { 1e-5 };
                assert!(apart <= bound, "{apart} under {:?}", run.setting);
            }
        }
    }
}

#[test]
fn the_schedule_scales_the_rate() {
    let golden = golden();
    let config = OptimizerConfig { learning_rate: 0.5, momentum: 0.0, ..OptimizerConfig::default() };
    let [halved, plain] =
        [(0.5, config), (1.0, OptimizerConfig { learning_rate: 0.25, ..config })].map(|(factor, config)| {
            let parameters = parameters(&golden.start);
            let mut optimizer = Optimizer::new(&parameters, config).unwrap();
            optimizer.step(&gradients(&parameters, &golden.gradients[0]), at(factor), 0).unwrap();
            bits(&parameters[0].var)
        });
    assert_eq!(halved, plain);
}

#[test]
fn a_saved_optimizer_resumes_with_the_same_bits() {
    let golden = golden();
    let run = |config: OptimizerConfig, stop: Option<u64>| {
        let parameters = parameters(&golden.start);
        let mut optimizer = Optimizer::new(&parameters, config).unwrap();
        for (done, step) in (0..).zip(&golden.gradients) {
            if stop == Some(done) {
                let facts = BTreeMap::from([("steps".to_owned(), "11".to_owned())]);
                let bytes = optimizer.to_safetensors(&facts).unwrap();
                optimizer = Optimizer::new(&parameters, config).unwrap();
                assert_eq!(optimizer.load_safetensors(&bytes, Path::new("x")).unwrap(), facts);
            }
            optimizer.step(&gradients(&parameters, step), at(1.0), done).unwrap();
        }
        parameters.iter().map(|parameter| bits(&parameter.var)).collect::<Vec<_>>()
    };
    for golden in &golden.runs {
        assert_eq!(run(golden.setting, None), run(golden.setting, Some(11)));
    }
}

#[test]
fn gradients_add_up_and_scale() {
    let golden = golden();
    let parameters = parameters(&golden.start);
    let [a, b] = [0, 1].map(|step| gradients(&parameters, &golden.gradients[step]));
    let sum = a.plus(&b).unwrap().scaled(0.5).unwrap();
    for (tensor, (name, _)) in sum.tensors().iter().zip(SHAPES) {
        let found: Vec<f32> = tensor.flatten_all().unwrap().to_vec1().unwrap();
        let [a, b] = [0, 1].map(|step| &golden.gradients[step][name]);
        for (found, (a, b)) in found.iter().zip(a.iter().zip(b)) {
            assert!((found - (a + b) / 2.0).abs() < 1e-6);
        }
    }
}

#[test]
fn the_norm_is_taken_over_all_gradients() {
    let golden = golden();
    let parameters = parameters(&golden.start);
    let step = &golden.gradients[0];
    let expected = step.values().flatten().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
    let found = gradients(&parameters, step).norm().unwrap();
    assert!((found - expected).abs() < 1e-12 * expected, "{found} is not {expected}");

    let mut broken = step.clone();
    broken.get_mut("scale").unwrap()[2] = f32::NAN;
    assert!(!gradients(&parameters, &broken).norm().unwrap().is_finite());
}

#[test]
fn a_parameter_without_a_gradient_is_named() {
    let parameters = parameters(&golden().start);
    let loss = parameters[0].var.sum_all().unwrap();
    let error = Gradients::take(loss.backward().unwrap(), &parameters).unwrap_err();
    assert!(matches!(error, OptimizerError::MissingGradient(name) if name == "scale"));
}

#[test]
fn gradients_of_other_parameters_are_refused() {
    let golden = golden();
    let parameters = parameters(&golden.start);
    let gradients = gradients(&parameters, &golden.gradients[0]);
    let swapped: Vec<_> = parameters.into_iter().rev().collect();
    let before: Vec<_> = swapped.iter().map(|parameter| bits(&parameter.var)).collect();
    let error = Optimizer::new(&swapped, OptimizerConfig::default())
        .unwrap()
        .step(&gradients, at(1.0), 0)
        .unwrap_err();
    assert!(matches!(error, OptimizerError::Mismatch { name, .. } if name == "first"));
    assert_eq!(before, swapped.iter().map(|parameter| bits(&parameter.var)).collect::<Vec<_>>());
}

#[test]
fn a_state_of_other_parameters_is_refused_and_changes_nothing() {
    let golden = golden();
    let parameters = parameters(&golden.start);
    let path = Path::new("optimizer.safetensors");
    let bytes_of = |parameters: &[Parameter]| {
        Optimizer::new(parameters, OptimizerConfig::default())
            .unwrap()
            .to_safetensors(&BTreeMap::new())
            .unwrap()
    };
    let whole = bytes_of(&parameters);
    let mut optimizer = Optimizer::new(&parameters, OptimizerConfig::default()).unwrap();
    optimizer.step(&gradients(&parameters, &golden.gradients[0]), at(1.0), 0).unwrap();
    let before = optimizer.state().iter().map(|(_, var)| bits(var)).collect::<Vec<_>>();
    let mut problem_of = |bytes: &[u8]| optimizer.load_safetensors(bytes, path).unwrap_err().problem;

    assert!(matches!(problem_of(&whole[..whole.len() - 3]), TensorProblem::Format(_)));
    assert!(matches!(problem_of(b"not tensors"), TensorProblem::Format(_)));
    assert!(
        matches!(problem_of(&bytes_of(&parameters[..1])), TensorProblem::Missing(name) if name == "velocity.scale")
    );
    let mut renamed = parameters.clone();
    renamed[1].name = "shift".into();
    assert!(
        matches!(problem_of(&bytes_of(&renamed)), TensorProblem::Unknown(name) if name == "velocity.shift")
    );
    let mut misshapen = parameters.clone();
    misshapen[1].var = Var::zeros(4, candle_core::DType::F32, &Device::Cpu).unwrap();
    assert!(
        matches!(problem_of(&bytes_of(&misshapen)), TensorProblem::Mismatch { name, .. } if name == "velocity.scale")
    );
    let mut infinite = whole.clone();
    let last = infinite.len() - 4;
    infinite[last..].copy_from_slice(&f32::INFINITY.to_le_bytes());
    assert!(matches!(problem_of(&infinite), TensorProblem::NotFinite { .. }));

    assert_eq!(before, optimizer.state().iter().map(|(_, var)| bits(var)).collect::<Vec<_>>());
}
