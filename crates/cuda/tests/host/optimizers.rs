//! The updates against their formulas in f64.

use adder_cuda::{AdamW, Engine, Muon, OptimizerKind, Settings, UpdateNumbers};

use crate::case::{Block, Case, Sketch, assert_close, wide};
use crate::device::HostDevice;

const STEPS: u64 = 4;

fn case(optimizer: OptimizerKind) -> Case {
    let block = |channels| Block { channels, padding: 1, dropout: 0.0, pool: true };
    let sketch = Sketch {
        input: [1, 8, 8],
        blocks: vec![block(3), block(5)],
        global_average: true,
        hidden: vec![4],
        one_hot: None,
        heads: vec![3],
    };
    let settings = Settings { batch: 4, optimizer, average: true, ..Settings::default() };
    Case::new(sketch.network().unwrap(), 4, settings, 17)
}

/// The state of an optimizer in f64.
struct Expected {
    weights: Vec<f64>,
    first: Vec<f64>,
    second: Vec<f64>,
    average: Vec<f64>,
}

/// Trains for some steps and holds weights, memory and average to what `update` makes of the same gradients. Arguments: the
/// state, the parameter, its gradient behind the limit, whether it decays, and the number of the step.
fn check(
    mut case: Case,
    numbers: impl Fn(u64) -> UpdateNumbers,
    update: impl Fn(&mut Expected, &[f64], &[bool], u64),
) {
    let mut engine = case.engine(2);
    let parameters = case.network.parameters();
    let decays: Vec<bool> = parameters.iter().flat_map(|each| vec![each.decays; each.range.len()]).collect();
    let weights = wide(&case.parameters);
    let zeros = vec![0.0; weights.len()];
    let mut expected = Expected { average: weights.clone(), weights, first: zeros.clone(), second: zeros };
    for number in 0..STEPS {
        case.step.number = number;
        case.step.update = numbers(number);
        case.step.norm_limit = 0.05;
        case.step.average_share = 0.25;
        case.train(&mut engine);
        let gradients = wide(&engine.gradients().unwrap());
        let norm = gradients.iter().map(|value| value * value).sum::<f64>().sqrt();
        let found = engine.metrics(number).unwrap().gradient_norm;
        assert!((found - norm).abs() < 1e-9 * norm, "{found} is not {norm}");
        let factor = if norm > 0.05 { f64::from(0.05f32) / norm } else { 1.0 };
        let limited: Vec<f64> = gradients.iter().map(|value| value * factor).collect();
        update(&mut expected, &limited, &decays, number);
        for (average, weight) in expected.average.iter_mut().zip(&expected.weights) {
            *average += 0.25 * (weight - *average);
        }
        let [state, [first, second]] = [engine.state().unwrap(), engine.moments().unwrap()];
        let average = engine.average().unwrap().unwrap();
        let hold = |found: &[f32], expected: &[f64], what: &str| {
            assert_close(found, [expected, expected], 2e-6, &format!("step {number}: {what}"));
        };
        hold(&state[0], &expected.weights, "weights");
        hold(&average[0], &expected.average, "average");
        hold(&first, &expected.first, "first moments");
        hold(&second, &expected.second, "second moments");
    }
}

#[test]
fn sgd_follows_its_formula() {
    for nesterov in [false, true] {
        let numbers = |_| UpdateNumbers::sgd(0.3, 0.9, 0.02, nesterov);
        check(case(OptimizerKind::Sgd), numbers, |state, gradients, decays, _| {
            for (at, gradient) in gradients.iter().enumerate() {
                let decay = if decays[at] { f64::from(0.02f32) } else { 0.0 };
                let descent = gradient + decay * state.weights[at];
                state.first[at] = f64::from(0.9f32) * state.first[at] + descent;
                let ahead = descent + f64::from(0.9f32) * state.first[at];
                state.weights[at] -= f64::from(0.3f32) * if nesterov { ahead } else { state.first[at] };
            }
        });
    }
}

const ADAMW: AdamW = AdamW { rate: 0.01, betas: [0.9, 0.99], epsilon: 1e-3, weight_decay: 0.2 };

fn adamw(state: &mut Expected, at: usize, gradient: f64, decays: bool, done: u64) {
    let AdamW { rate, betas: [beta1, beta2], epsilon, weight_decay } = ADAMW;
    state.first[at] = beta1 * state.first[at] + (1.0 - beta1) * gradient;
    state.second[at] = beta2 * state.second[at] + (1.0 - beta2) * gradient * gradient;
    let mean = state.first[at] / (1.0 - beta1.powi(done as i32 + 1));
    let square = state.second[at] / (1.0 - beta2.powi(done as i32 + 1));
    let kept = if decays { 1.0 - rate * weight_decay } else { 1.0 };
    state.weights[at] = kept * state.weights[at] - rate * mean / (square.sqrt() + epsilon);
}

#[test]
fn adamw_follows_its_formula() {
    let numbers = |number| UpdateNumbers::adamw(ADAMW, number);
    check(case(OptimizerKind::AdamW), numbers, |state, gradients, decays, done| {
        for (at, &gradient) in gradients.iter().enumerate() {
            adamw(state, at, gradient, decays[at], done);
        }
    });
}

/// Five Newton-Schulz steps of a matrix of so many columns.
fn orthogonalized(values: &[f64], columns: usize) -> Vec<f64> {
    let rows = values.len() / columns;
    let norm = values.iter().map(|value| value * value).sum::<f64>().sqrt().max(1e-7);
    let mut x: Vec<f64> = values.iter().map(|value| value / norm).collect();
    for _ in 0..5 {
        // x := a x + (b G + c G^2) x with G = x * transpose(x).
        let mut gram = vec![0.0; rows * rows];
        for (at, sum) in gram.iter_mut().enumerate() {
            *sum = (0..columns).map(|k| x[at / rows * columns + k] * x[at % rows * columns + k]).sum();
        }
        let square = |at: usize| -> f64 {
            (0..rows).map(|k| gram[at / rows * rows + k] * gram[k * rows + at % rows]).sum()
        };
        let polynomial: Vec<f64> =
            (0..rows * rows).map(|at| -4.775 * gram[at] + 2.0315 * square(at)).collect();
        x = (0..rows * columns)
            .map(|at| {
                let row = &polynomial[at / columns * rows..][..rows];
                let sum: f64 = (0..rows).map(|k| row[k] * x[k * columns + at % columns]).sum();
                3.4445 * x[at] + sum
            })
            .collect();
    }
    x
}

#[test]
fn muon_follows_its_formula() {
    for nesterov in [false, true] {
        let muon = Muon { rate: 0.05, momentum: 0.9, nesterov, weight_decay: 0.3 };
        let case = case(OptimizerKind::Muon);
        // The second convolution alone sees features: [5, 3, 3, 3].
        let filters = case.network.parameters()[3].range.clone();
        let numbers = |number| UpdateNumbers::muon(muon, ADAMW, number);
        check(case, numbers, |state, gradients, decays, done| {
            let mut directions = Vec::new();
            for (at, &gradient) in gradients.iter().enumerate() {
                if !filters.contains(&at) {
                    adamw(state, at, gradient, decays[at], done);
                    continue;
                }
                state.first[at] += 0.1 * (gradient - state.first[at]);
                let ahead = 0.9 * state.first[at] + 0.1 * gradient;
                directions.push(if nesterov { ahead } else { state.first[at] });
            }
            for (at, step) in filters.clone().zip(orthogonalized(&directions, 27)) {
                state.weights[at] = (1.0 - 0.05 * 0.3) * state.weights[at] - 0.05 * 0.2 * 27f64.sqrt() * step;
            }
        });
    }
}

#[test]
fn nothing_moves_from_a_value_on_that_is_not_finite() {
    let mut case = case(OptimizerKind::Sgd);
    case.step.update = UpdateNumbers::sgd(0.1, 0.9, 0.0, false);
    case.step.average_share = 0.5;
    let mut engine = case.engine(4);
    case.step.number = 40;
    case.train(&mut engine);
    let kept = |engine: &mut Engine<HostDevice>| {
        let average = engine.average().unwrap().unwrap();
        let [[weights, _], [velocities, _]] = [engine.state().unwrap(), engine.moments().unwrap()];
        (weights, velocities, average)
    };
    let before = kept(&mut engine);
    let fine = case.images.clone();
    case.images[70] = f32::NAN;
    case.step.number = 41;
    case.train(&mut engine);
    case.images = fine;
    case.step.number = 42;
    case.train(&mut engine);
    let finite = [40, 41].map(|number| engine.metrics(number).unwrap().is_finite());
    assert_eq!(finite, [true, false]);
    assert!(kept(&mut engine) == before);
}
