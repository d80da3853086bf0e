//! Optimizers against PyTorch, against candle's operations, and through their saved state.

mod loops;
mod refusals;

use std::collections::{BTreeMap, HashMap};

use candle_core::backprop::GradStore;
use candle_core::{D, DType, Device, Tensor, Var};
use serde::Deserialize;

use super::*;

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
    setting: Setting,
    weights: Vec<Recorded>,
}

/// The setting of a run; what a kind does not know, it leaves out.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default)]
struct Setting {
    kind: Kind,
    learning_rate: f64,
    momentum: f64,
    nesterov: bool,
    betas: [f64; 2],
    epsilon: f64,
    adamw_factor: f64,
    weight_decay: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Sgd,
    Adamw,
    Muon,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            kind: Kind::Sgd,
            learning_rate: 0.01,
            momentum: 0.9,
            nesterov: false,
            betas: [0.9, 0.999],
            epsilon: 1e-8,
            adamw_factor: 1.0,
            weight_decay: 0.0,
        }
    }
}

impl Setting {
    /// The optimizer of this setting, in place or by candle's operations.
    fn build(self, parameters: &[Parameter], in_place: bool) -> Box<dyn AnyOptimizer> {
        fn boxed<P>(parameters: &[Parameter], params: P, in_place: bool) -> Box<dyn AnyOptimizer>
        where
            P: rule::Rule + Send + Sync + 'static,
            P::Memory: Send + Sync,
        {
            let mut optimizer = Optim::with_parameters(parameters.to_vec(), params).unwrap();
            optimizer.isa = optimizer.isa.filter(|_| in_place);
            Box::new(optimizer)
        }
        let Self { learning_rate: lr, momentum, nesterov, weight_decay, adamw_factor, .. } = self;
        let ([beta1, beta2], eps) = (self.betas, self.epsilon);
        match self.kind {
            Kind::Sgd => boxed(parameters, ParamsSGD { lr, momentum, nesterov, weight_decay }, in_place),
            Kind::Adamw => boxed(parameters, ParamsAdamW { lr, beta1, beta2, eps, weight_decay }, in_place),
            Kind::Muon => boxed(
                parameters,
                ParamsMuon { lr, momentum, nesterov, weight_decay, adamw_factor, beta1, beta2, eps },
                in_place,
            ),
        }
    }
}

/// The weights after `done` steps.
#[derive(Deserialize)]
struct Recorded {
    done: usize,
    values: Values,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../../tests/golden/optimizers.json")).unwrap()
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
    Gradients::take(store(parameters, values), parameters).unwrap()
}

fn store(parameters: &[Parameter], values: &Values) -> GradStore {
    let loss = |(parameter, constant): (&Parameter, Tensor)| {
        let constant = constant.to_dtype(parameter.var.dtype()).unwrap();
        (parameter.var.as_tensor() * constant).unwrap().sum_all().unwrap()
    };
    let constants = tensors(values, parameters[0].var.device());
    let losses: Vec<_> = parameters.iter().zip(constants).map(loss).collect();
    Tensor::stack(&losses, 0).unwrap().sum_all().unwrap().backward().unwrap()
}

fn bits(var: &Var) -> Vec<u32> {
    var.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
}

#[test]
fn twenty_steps_are_pytorchs() {
    twenty_steps_on(&Device::Cpu);
    for device in [Device::new_cuda(0), Device::new_metal(0)].into_iter().flatten() {
        twenty_steps_on(&device);
    }
}

fn twenty_steps_on(device: &Device) {
    let golden = golden();
    for run in &golden.runs {
        let parameters = parameters_on(device, &golden.start);
        let mut optimizer = run.setting.build(&parameters, true);
        let mut recorded = run.weights.iter().peekable();
        for (done, step) in golden.gradients.iter().enumerate() {
            optimizer.step_with(&gradients(&parameters, step), at(1.0)).unwrap();
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
        let [mut optimizer, mut other] = [(&in_place, true), (&composed, false)]
            .map(|(parameters, way)| run.setting.build(parameters, way));
        for step in &golden.gradients {
            optimizer.step_with(&gradients(&in_place, step), at(1.0)).unwrap();
            other.step_with(&gradients(&composed, step), at(1.0)).unwrap();
        }
        for (a, b) in in_place.iter().zip(&composed) {
            for (a, b) in bits(&a.var).into_iter().zip(bits(&b.var)) {
                // SGD has the same bits; in AdamW a division is ordered otherwise, in Muon products are.
                let apart = (f32::from_bits(a) - f32::from_bits(b)).abs();
                let bound = if run.setting.kind == Kind::Sgd { 0.0 } else { 1e-5 };
                assert!(apart <= bound, "{apart} under {:?}", run.setting);
            }
        }
    }
}

#[test]
fn other_element_types_are_updated_too() {
    let golden = golden();
    for run in &golden.runs {
        let narrow = parameters(&golden.start);
        let mut wide = parameters(&golden.start);
        for parameter in &mut wide {
            parameter.var = Var::from_tensor(&parameter.var.to_dtype(DType::F64).unwrap()).unwrap();
        }
        let [mut optimizer, mut other] =
            [&narrow, &wide].map(|parameters| run.setting.build(parameters, true));
        for step in &golden.gradients {
            optimizer.step_with(&gradients(&narrow, step), at(1.0)).unwrap();
            other.step_with(&gradients(&wide, step), at(1.0)).unwrap();
        }
        for (narrow, wide) in narrow.iter().zip(&wide) {
            let apart = (narrow.var.to_dtype(DType::F64).unwrap() - wide.var.as_tensor()).unwrap();
            let apart = apart.abs().unwrap().flatten_all().unwrap().max(D::Minus1).unwrap();
            assert!(apart.to_scalar::<f64>().unwrap() < 1e-5, "{apart} under {:?}", run.setting);
        }
    }
}

#[test]
fn the_schedule_scales_the_rate_and_moves_the_momentum() {
    let golden = golden();
    let end = |mut optimizer: Box<dyn AnyOptimizer>, parameters: &[Parameter], settings| {
        for step in &golden.gradients[..3] {
            optimizer.step_with(&gradients(parameters, step), settings).unwrap();
        }
        parameters.iter().map(|parameter| bits(&parameter.var)).collect::<Vec<_>>()
    };
    for kind in [Kind::Sgd, Kind::Adamw, Kind::Muon] {
        let base = Setting {
            kind,
            learning_rate: 0.5,
            momentum: 0.875,
            betas: [0.875, 0.999],
            ..Setting::default()
        };
        let moved = Settings { rate_factor: 0.5, momentum: Some(0.5) };
        let plain = Setting { learning_rate: 0.25, momentum: 0.5, betas: [0.5, 0.999], ..base };
        let [moved, plain] = [(base, moved), (plain, at(1.0))].map(|(setting, settings)| {
            let parameters = parameters(&golden.start);
            end(setting.build(&parameters, true), &parameters, settings)
        });
        assert_eq!(moved, plain, "{kind:?}");
    }
}

#[test]
fn a_saved_optimizer_resumes_with_the_same_bits() {
    let golden = golden();
    let run = |setting: Setting, stop: Option<usize>| {
        let parameters = parameters(&golden.start);
        let mut optimizer = setting.build(&parameters, true);
        for (done, step) in golden.gradients.iter().enumerate() {
            if stop == Some(done) {
                let (state, steps) = (copied(&optimizer.state()), optimizer.steps());
                optimizer = setting.build(&parameters, true);
                optimizer.load_state(&state).unwrap();
                optimizer.set_steps(steps);
            }
            optimizer.step_with(&gradients(&parameters, step), at(1.0)).unwrap();
        }
        parameters.iter().map(|parameter| bits(&parameter.var)).collect::<Vec<_>>()
    };
    for golden in &golden.runs {
        assert_eq!(run(golden.setting, None), run(golden.setting, Some(11)), "{:?}", golden.setting);
    }
}

/// Values of their own, as a file holds them.
fn copied(state: &[(String, Var)]) -> HashMap<String, Tensor> {
    state.iter().map(|(name, var)| (name.clone(), var.copy().unwrap().detach())).collect()
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
fn threads_change_no_bit() {
    let bits_on = |threads: usize, kind: Kind, in_place: bool| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        // Odd, and more than two parts of what a thread takes at least.
        let count = (5 << 14) + 13;
        let values =
            |scale: f32| (0..count).map(|i| scale * ((i * 7919 % 1009) as f32 - 500.0)).collect::<Vec<_>>();
        let var = Var::from_vec(values(0.01), count, &Device::Cpu).unwrap();
        let parameters = [Parameter { name: "w".into(), var: var.clone(), decays: true }];
        let setting = Setting { kind, weight_decay: 0.1, ..Setting::default() };
        let mut optimizer = setting.build(&parameters, in_place);
        pool.install(|| {
            for step in 1..4 {
                let mut grads = var.sum_all().unwrap().backward().unwrap();
                grads.insert(&var, Tensor::from_vec(values(step as f32), count, &Device::Cpu).unwrap());
                optimizer.step_with(&Gradients::take(grads, &parameters).unwrap(), at(1.0)).unwrap();
            }
        });
        let state = optimizer.state().into_iter().map(|(_, var)| bits(&var));
        [bits(&var)].into_iter().chain(state).collect::<Vec<_>>()
    };
    assert_eq!(bits_on(1, Kind::Sgd, true), bits_on(1, Kind::Sgd, false), "the parts are put together");
    for kind in [Kind::Sgd, Kind::Adamw] {
        let one = bits_on(1, kind, true);
        assert!(one.iter().all(|bits| bits.len() == (5 << 14) + 13));
        assert_eq!(one, bits_on(3, kind, true), "{kind:?}");
    }
}
