//! Loops in candle's style.

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::{Init, Module, VarBuilder, VarMap, batch_norm, linear};
use serde::Deserialize;

use super::*;
use crate::optim;

#[test]
fn parameters_of_a_map_are_sorted_and_grouped() {
    let varmap = VarMap::new();
    let vars = VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu);
    linear(3, 2, vars.pp("b")).unwrap();
    linear(3, 2, vars.pp("a")).unwrap();
    batch_norm(2, 1e-5, vars.pp("norm")).unwrap();
    varmap.data().lock().unwrap().insert("count".into(), Var::new(1u32, &Device::Cpu).unwrap());
    let parameters = optim::parameters(&varmap);
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
    let cases: Vec<Clip> = serde_json::from_str(include_str!("../../../tests/golden/clip.json")).unwrap();
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
