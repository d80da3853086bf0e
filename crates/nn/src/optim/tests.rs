use std::collections::{BTreeMap, HashMap};

use candle_core::backprop::GradStore;
use candle_core::{D, DType, Device, Tensor, Var};
use candle_nn::{Init, Module, VarBuilder, VarMap, batch_norm, linear};
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
fn gradients_of_other_parameters_are_refused() {
    let golden = golden();
    let parameters = parameters(&golden.start);
    let gradients = gradients(&parameters, &golden.gradients[0]);
    let swapped: Vec<_> = parameters.iter().rev().cloned().collect();
    let before: Vec<_> = swapped.iter().map(|parameter| bits(&parameter.var)).collect();
    let mut optimizer = Setting::default().build(&swapped, true);
    let error = optimizer.step_with(&gradients, at(1.0)).unwrap_err();
    assert!(matches!(error, OptimizerError::Mismatch { name, .. } if name == "first"));
    assert_eq!(before, swapped.iter().map(|parameter| bits(&parameter.var)).collect::<Vec<_>>());
    assert_eq!(optimizer.steps(), 0);

    let one =
        Gradients::take(parameters[0].var.sum_all().unwrap().backward().unwrap(), &parameters[..1]).unwrap();
    let error = Setting::default().build(&parameters, true).step_with(&one, at(1.0)).unwrap_err();
    assert!(matches!(error, OptimizerError::MissingGradient(name) if name == "scale"));
}

#[test]
fn two_parameters_of_one_name_are_refused() {
    let mut parameters = parameters(&golden().start);
    parameters[3].name = "weight".into();
    let error = SGD::with_parameters(parameters, 0.1.into()).unwrap_err();
    assert!(matches!(error, OptimizerError::DuplicateName(name) if name == "weight"));
}

#[test]
fn a_state_of_other_parameters_is_refused_and_changes_nothing() {
    let golden = golden();
    let parameters = parameters(&golden.start);
    let mut optimizer = Setting::default().build(&parameters, true);
    optimizer.step_with(&gradients(&parameters, &golden.gradients[0]), at(1.0)).unwrap();
    let before = optimizer.state().iter().map(|(_, var)| bits(var)).collect::<Vec<_>>();
    let whole: HashMap<_, _> = copied(&Setting::default().build(&parameters, true).state());
    let mut error_of = |change: &dyn Fn(&mut HashMap<String, Tensor>)| {
        let mut state = whole.clone();
        change(&mut state);
        optimizer.load_state(&state).unwrap_err()
    };
    let name = "velocity.scale";
    let with = |tensor: candle_core::Result<Tensor>| {
        let tensor = tensor.unwrap();
        move |state: &mut HashMap<String, Tensor>| drop(state.insert(name.into(), tensor.clone()))
    };
    let missing = error_of(&|state| drop(state.remove(name)));
    assert!(matches!(missing, StateError::Missing(found) if found == name));
    let unknown = error_of(&|state| {
        let tensor = state[name].clone();
        state.insert("velocity.shift".into(), tensor);
    });
    assert!(matches!(unknown, StateError::Unknown(found) if found == "velocity.shift"));
    let misshapen = error_of(&with(Tensor::zeros(4, DType::F32, &Device::Cpu)));
    assert!(matches!(misshapen, StateError::Mismatch { name: found, .. } if found == name));
    let double = error_of(&with(Tensor::zeros(5, DType::F64, &Device::Cpu)));
    assert!(matches!(double, StateError::Mismatch { found, .. } if found == "f64 [5]"));
    for value in [f32::NAN, f32::INFINITY] {
        let infinite = error_of(&with(Tensor::new(&[0.0, 0.0, value, 0.0, 0.0], &Device::Cpu)));
        assert!(matches!(infinite, StateError::NotFinite(found) if found == name));
    }
    assert_eq!(before, optimizer.state().iter().map(|(_, var)| bits(var)).collect::<Vec<_>>());
}

#[test]
fn parameters_of_a_map_are_sorted_and_grouped() {
    let varmap = VarMap::new();
    let vars = VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu);
    linear(3, 2, vars.pp("b")).unwrap();
    linear(3, 2, vars.pp("a")).unwrap();
    batch_norm(2, 1e-5, vars.pp("norm")).unwrap();
    varmap.data().lock().unwrap().insert("count".into(), Var::new(1u32, &Device::Cpu).unwrap());
    let parameters = super::parameters(&varmap);
    let listed: Vec<_> = parameters.iter().map(|p| (&p.name[..], p.decays)).collect();
    let expected = [
        ("a.bias", false),
        ("a.weight", true),
        ("b.bias", false),
        ("b.weight", true),
        ("norm.bias", false),
        ("norm.weight", false),
    ];
    assert_eq!(listed, expected);
}

/// A loop in candle's style over a small regression; the loss at its end.
fn descend<O: Optimizer>(varmap: &VarMap, mut optimizer: O) -> f32 {
    let vars = VarBuilder::from_varmap(varmap, DType::F32, &Device::Cpu);
    let layer = linear(2, 1, vars.pp("layer")).unwrap();
    let x = Tensor::new(&[[0f32, 1.0], [1.0, 0.0], [1.0, 1.0], [-1.0, 2.0]], &Device::Cpu).unwrap();
    let y = Tensor::new(&[[2f32], [4.0], [5.0], [0.0]], &Device::Cpu).unwrap();
    let loss = || (layer.forward(&x).unwrap() - &y).unwrap().sqr().unwrap().mean_all().unwrap();
    for _ in 0..500 {
        optimizer.backward_step(&loss()).unwrap();
    }
    loss().to_scalar().unwrap()
}

#[test]
fn loops_of_candles_users_train() {
    let map = || {
        let varmap = VarMap::new();
        let vars = VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu);
        vars.pp("layer").get_with_hints((1, 2), "weight", Init::Const(0.5)).unwrap();
        vars.pp("layer").get_with_hints(1, "bias", Init::Const(0.0)).unwrap();
        (varmap.all_vars(), varmap)
    };
    let (vars, varmap) = map();
    assert!(descend(&varmap, AdamW::new_lr(vars, 0.05).unwrap()) < 1e-3);
    let (vars, varmap) = map();
    assert!(descend(&varmap, SGD::new(vars, 0.1).unwrap()) < 1e-3);
    let (vars, varmap) = map();
    let params = ParamsSGD { lr: 0.02, momentum: 0.9, nesterov: true, weight_decay: 0.0 };
    assert!(descend(&varmap, SGD::new(vars, params).unwrap()) < 1e-3);
    let (vars, varmap) = map();
    assert!(descend(&varmap, <SGD as Optimizer>::new(vars, 0.1).unwrap()) < 1e-3);
    let (vars, varmap) = map();
    assert!(descend(&varmap, Muon::new(vars, ParamsMuon { lr: 0.05, ..Default::default() }).unwrap()) < 1e-3);
}

#[test]
fn adamw_follows_candles_own() {
    let golden = golden();
    let params = ParamsAdamW { lr: 0.05, weight_decay: 0.03, ..ParamsAdamW::default() };
    let [ours, candles] = [(); 2].map(|()| parameters(&golden.start));
    let vars = |parameters: &[Parameter]| parameters.iter().map(|p| p.var.clone()).collect::<Vec<_>>();
    let mut optimizer = AdamW::new(vars(&ours), params.clone()).unwrap();
    let mut other = candle_nn::AdamW::new(vars(&candles), params).unwrap();
    for step in &golden.gradients {
        optimizer.step(&store(&ours, step)).unwrap();
        other.step(&store(&candles, step)).unwrap();
    }
    for (a, b) in ours.iter().zip(&candles) {
        for (a, b) in bits(&a.var).into_iter().zip(bits(&b.var)) {
            assert!((f32::from_bits(a) - f32::from_bits(b)).abs() < 1e-5);
        }
    }
}

#[test]
fn what_the_loss_does_not_depend_on_stays() {
    let used = Var::new(&[1f32, 2.0], &Device::Cpu).unwrap();
    let unused = Var::new(&[3f32], &Device::Cpu).unwrap();
    let whole = Var::new(&[1u32], &Device::Cpu).unwrap();
    let params = ParamsSGD { lr: 0.5, momentum: 0.5, weight_decay: 0.1, ..ParamsSGD::default() };
    let mut optimizer = SGD::new(vec![unused.clone(), whole, used.clone()], params).unwrap();
    assert_eq!(optimizer.state().len(), 2);
    optimizer.backward_step(&used.sum_all().unwrap()).unwrap();
    assert_eq!(unused.to_vec1::<f32>().unwrap(), [3.0]);
    assert_eq!(used.to_vec1::<f32>().unwrap(), [0.45, 1.4]);
    assert_eq!(optimizer.steps(), 1);
}

#[test]
fn a_loop_in_candles_style_follows_the_schedule() {
    let run = |scheduled: bool| {
        let var = Var::new(&[1f32, 2.0], &Device::Cpu).unwrap();
        let mut optimizer = SGD::new(vec![var.clone()], ParamsSGD { momentum: 0.5, ..0.5.into() }).unwrap();
        for step in 0..3 {
            if scheduled {
                optimizer.set_settings(Settings { rate_factor: 0.5, momentum: Some(0.25) });
            } else if step == 0 {
                optimizer.set_params(ParamsSGD { momentum: 0.25, ..0.5.into() });
                optimizer.set_learning_rate(0.25);
            }
            optimizer.backward_step(&var.sqr().unwrap().sum_all().unwrap()).unwrap();
        }
        (bits(&var), optimizer.learning_rate())
    };
    let ((scheduled, rate), (plain, _)) = (run(true), run(false));
    assert_eq!((scheduled, rate), (plain, 0.5));
}

#[test]
fn a_gradient_may_be_the_variable_itself_or_lie_transposed() {
    let var = Var::new(&[[1f32, 2.0], [3.0, 4.0]], &Device::Cpu).unwrap();
    let mut grads = var.sum_all().unwrap().backward().unwrap();
    grads.insert(&var, var.as_tensor().clone());
    let mut optimizer = SGD::new(vec![var.clone()], 0.5).unwrap();
    optimizer.step(&grads).unwrap();
    assert_eq!(var.to_vec2::<f32>().unwrap(), [[0.5, 1.0], [1.5, 2.0]]);
    let gradient = Tensor::new(&[[1f32, 2.0], [3.0, 4.0]], &Device::Cpu).unwrap().t().unwrap();
    grads.insert(&var, gradient);
    optimizer.step(&grads).unwrap();
    assert_eq!(var.to_vec2::<f32>().unwrap(), [[0.0, -0.5], [0.5, 0.0]]);
}

/// See `tests/golden/clip.py`.
#[derive(Deserialize)]
struct Clip {
    gradients: Values,
    max_norm: f64,
    norm: f64,
    clipped: Values,
}

#[test]
fn clipping_is_pytorchs() {
    let cases: Vec<Clip> = serde_json::from_str(include_str!("../../tests/golden/clip.json")).unwrap();
    for Clip { gradients, max_norm, norm, clipped } in cases {
        let vars: Vec<_> =
            gradients.values().map(|values| Var::new(&values[..], &Device::Cpu).unwrap()).collect();
        let unused = Var::new(1f32, &Device::Cpu).unwrap();
        let mut grads = unused.sqr().unwrap().backward().unwrap();
        grads.remove(&unused);
        for (var, gradient) in vars.iter().zip(gradients.values()) {
            grads.insert(var, Tensor::new(&gradient[..], &Device::Cpu).unwrap());
        }
        let all: Vec<_> = vars.iter().chain([&unused]).cloned().collect();
        let found = clip_grad_norm(&mut grads, &all, max_norm).unwrap();
        assert!((found - norm).abs() <= 1e-6 * norm, "{found} is not {norm}");
        for (var, expected) in vars.iter().zip(clipped.values()) {
            for (found, expected) in grads.get(var).unwrap().to_vec1::<f32>().unwrap().iter().zip(expected) {
                assert!((found - expected).abs() <= 1e-6 * expected.abs(), "{found} is not {expected}");
            }
        }
    }
}
