//! The oracles against numbers done by hand and finite differences of themselves.

use adder_random::{Purpose, Stream};

use super::*;
use crate::dense::{DenseSpec, OneHotInput};
use crate::fold::EPSILON;
use crate::loss::{SoftTargets, Targets, softmax};

fn uniform(stream: &mut Stream, len: usize) -> Vec<f64> {
    (0..len).map(|_| f64::from(stream.uniform(-1.0, 1.0))).collect()
}

/// Holds `grad` against central differences of `objective` at `point`, value by value.
fn assert_gradient(objective: impl Fn(&[f64]) -> f64, point: &[f64], grad: &[f64], what: &str) {
    let step = 1e-6;
    assert_eq!(point.len(), grad.len());
    for index in 0..point.len() {
        let mut moved = point.to_vec();
        moved[index] = point[index] + step;
        let above = objective(&moved);
        moved[index] = point[index] - step;
        let difference = (above - objective(&moved)) / (2.0 * step);
        assert!(
            (difference - grad[index]).abs() < 1e-8,
            "{what} {index}: {difference} against {}",
            grad[index]
        );
    }
}

#[test]
fn a_linear_layer_by_hand() {
    let (input, weight) = ([1.0, 2.0, 3.0, 4.0], [10.0, 1.0, -1.0, 0.5, 0.0, 2.0]);
    assert_eq!(dense::linear(&input, &weight, [2, 2, 3]), [12.0, 0.0, 4.0, 34.0, -1.0, 8.0]);
}

#[test]
fn a_norm_by_hand() {
    // Two images, two channels, two pixels; the second channel is constant.
    let input = [1.0, 3.0, 5.0, 5.0, 5.0, 7.0, 5.0, 5.0];
    let normalized = norm::batch_norm(&input, [2, 2, 2], &[2.0, 1.0], &[0.5, -3.0]);
    assert_eq!((normalized.mean, normalized.variance), (vec![4.0, 5.0], vec![5.0, 0.0]));
    let unit = 2.0 / (5.0 + EPSILON).sqrt();
    let expected = [-3.0, -1.0, 0.0, 0.0, 1.0, 3.0, 0.0, 0.0];
    for (at, (output, expected)) in normalized.output.iter().zip(expected).enumerate() {
        let expected = if at / 2 % 2 == 0 { 0.5 + unit * expected } else { -3.0 };
        assert!((output - expected).abs() < 1e-12, "value {at}: {output} against {expected}");
    }
    let params = [&[2.0, 1.0][..], &[0.5, -3.0], &[4.0, 5.0], &[5.0, 0.0]];
    assert_eq!(norm::batch_norm_with(&input, [2, 2, 2], params), normalized.output);
}

#[test]
fn a_cross_entropy_by_hand() {
    let logits = [0.0, 3f64.ln(), 0.0, 2f64.ln(), 2f64.ln(), 0.0];
    let close = |found: Vec<f64>, expected: [f64; 2]| {
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?} {expected:?}");
    };
    let loss = |smoothing, soft| loss::cross_entropy(&logits, 3, &loss::targets(3, &[1, 2], smoothing, soft));
    close(loss(0.0, None), [(5f64 / 3.0).ln(), 5f64.ln()]);
    // A smoothing of 0.3 gives targets of 0.8 and 0.1.
    let first = 0.2 * 5f64.ln() + 0.8 * (5f64 / 3.0).ln();
    let second = 0.2 * 2.5f64.ln() + 0.8 * 5f64.ln();
    close(loss(0.3, None), [first, second]);
    // Half of the label, half of an even distribution.
    let even = [1.0 / 3.0; 6];
    let of_even = [(2.0 * 5f64.ln() + (5f64 / 3.0).ln()) / 3.0, (2.0 * 2.5f64.ln() + 5f64.ln()) / 3.0];
    close(loss(0.0, Some((&even, 1.0))), of_even);
    let labels = [(5f64 / 3.0).ln(), 5f64.ln()];
    close(loss(0.0, Some((&even, 0.5))), [0, 1].map(|row| (labels[row] + of_even[row]) / 2.0));
    assert_eq!(logits.chunks(3).map(loss::top1).collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn an_average_pool_by_hand() {
    let shape = [1, 2, 1, 4];
    assert_eq!(pool::global_average_pool(&[1.0, 2.0, 3.0, 6.0, 0.0, 0.0, 0.0, 2.0], shape), [3.0, 0.5]);
    assert_eq!(
        pool::global_average_pool_backward(shape, &[4.0, -8.0]),
        [1.0, 1.0, 1.0, 1.0, -2.0, -2.0, -2.0, -2.0]
    );
}

#[test]
fn the_norms_gradients_agree_with_finite_differences() {
    let shape @ [b, c, pixels] = [3, 2, 4];
    let mut stream = Stream::new(1, Purpose::Test, 0, 0);
    let input = uniform(&mut stream, b * c * pixels);
    let (gamma, beta) = (uniform(&mut stream, c), uniform(&mut stream, c));
    let grad_output = uniform(&mut stream, input.len());
    let objective = |input: &[f64], gamma: &[f64], beta: &[f64]| -> f64 {
        let output = norm::batch_norm(input, shape, gamma, beta).output;
        output.iter().zip(&grad_output).map(|(output, grad)| output * grad).sum()
    };
    let grads = norm::batch_norm_backward(&input, shape, &gamma, &grad_output);
    assert_gradient(|input| objective(input, &gamma, &beta), &input, &grads.input, "input");
    assert_gradient(|gamma| objective(&input, gamma, &beta), &gamma, &grads.gamma, "gamma");
    assert_gradient(|beta| objective(&input, &gamma, beta), &beta, &grads.beta, "beta");
}

#[test]
fn the_gradients_of_dense_layers_agree_with_finite_differences() {
    let one_hot = Some(OneHotInput { layer: 1, classes: 4 });
    let spec = DenseSpec { inputs: 3, layers: vec![5, 6], one_hot, heads: vec![3, 7] };
    let mut stream = Stream::new(2, Purpose::Test, 0, 0);
    let inputs = uniform(&mut stream, 6 * 3);
    let params = uniform(&mut stream, spec.parameters());
    let one_hot = [0, 1, 2, 3, 1, 1];
    let soft: Vec<Vec<f32>> = spec
        .heads
        .iter()
        .map(|&classes| {
            let mut values: Vec<f32> = (0..6 * classes).map(|_| stream.unit()).collect();
            softmax(&mut values, classes);
            values
        })
        .collect();
    let labels = [[2, 1, 0, 2, 2, 1], [2, 2, 2, 5, 3, 6]];
    let targets = [0, 1].map(|head| Targets {
        labels: &labels[head],
        label_smoothing: 0.1,
        soft: Some(SoftTargets { probabilities: &soft[head], weight: 0.6 }),
    });
    let objective = |inputs: &[f64], params: &[f64]| {
        dense::loss(&spec, &dense::forward(&spec, inputs, &one_hot, params), &targets)
    };
    let pass = dense::forward(&spec, &inputs, &one_hot, &params);
    let (grad_inputs, grad_params) = dense::backward(&spec, &pass, &params, &targets);
    assert_gradient(|inputs| objective(inputs, &params), &inputs, &grad_inputs, "input");
    assert_gradient(|params| objective(&inputs, params), &params, &grad_params, "parameter");
}
