//! Gradients and states of other parameters.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};

use super::*;

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
