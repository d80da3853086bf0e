use super::*;
use crate::Error;

const SHAPE: [usize; 3] = [2, 2, 3];

fn statistics() -> Statistics {
    Statistics { mean: vec![0.0; 2], variance: vec![1.0; 2] }
}

#[test]
fn a_mean_far_from_zero_costs_no_digits() {
    // Eight values a channel, 1e6 +- 1: a sum of squares about zero would leave nothing of the variance.
    for shape in [[8, 1, 1], [2, 1, 4], [1, 1, 8]] {
        let x: Vec<f32> = (0..8).map(|at| 1e6 + if at % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let found = batch_statistics(Isa::best(), &x, shape).unwrap();
        assert_eq!(found, Statistics { mean: vec![1e6], variance: vec![1.0] }, "{shape:?}");
    }
}

/// The mean lies between two numbers of 32 bits, which at a million are a sixteenth apart.
#[test]
fn what_rounding_takes_from_the_mean_is_given_back() {
    let x = [1e6, 1e6, 1e6, 1e6 + 0.0625];
    for shape in [[4, 1, 1], [2, 1, 2], [1, 1, 4]] {
        let found = batch_statistics(Isa::best(), &x, shape).unwrap();
        let variance = 3.0 / 16.0 * 0.0625 * 0.0625;
        assert_eq!(found, Statistics { mean: vec![1e6 + 0.015625], variance: vec![variance] }, "{shape:?}");
    }
}

#[test]
fn planes_of_other_means_add_their_distance() {
    let x = [0.0, 2.0, 10.0, 12.0];
    let found = batch_statistics(Isa::best(), &x, [2, 1, 2]).unwrap();
    assert_eq!(found, Statistics { mean: vec![6.0], variance: vec![26.0] });
}

#[test]
fn a_nan_stays_in_its_channel() {
    let mut x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0];
    x[4] = f32::NAN;
    let found = batch_statistics(Isa::best(), &x, SHAPE).unwrap();
    assert!(found.mean[1].is_nan() && found.variance[1].is_nan());
    assert!(found.mean[0].is_finite() && found.variance[0].is_finite());
    let norm =
        BatchNorm { shape: SHAPE, statistics: &found, gamma: &[1.0; 2], beta: &[0.0; 2], epsilon: 1e-5 };
    let mut output = [0.0; 12];
    norm.forward(Isa::best(), &x, After::Relu, &mut output).unwrap();
    let nans = output.map(f32::is_nan);
    assert_eq!(nans, [false, false, false, true, true, true, false, false, false, true, true, true]);
}

#[test]
fn an_empty_batch_has_no_gradient() {
    for shape in [[0, 2, 3], [0, 2, 1], [3, 2, 0]] {
        let empty = batch_statistics(Isa::best(), &[], shape).unwrap();
        let norm = BatchNorm { shape, statistics: &empty, gamma: &[1.0; 2], beta: &[0.0; 2], epsilon: 1e-5 };
        norm.forward(Isa::best(), &[], After::Nothing, &mut []).unwrap();
        let (mut gamma, mut beta) = ([7.0; 2], [7.0; 2]);
        let grads =
            BatchNormGradients { x: Some(&mut []), residual: None, gamma: &mut gamma, beta: &mut beta };
        let pass = BatchNormPass { x: &[], rectified: None, grad_output: &[], of_batch: true };
        norm.backward(Isa::best(), &pass, grads).unwrap();
        assert_eq!([gamma, beta], [[0.0; 2]; 2]);
    }
}

#[test]
fn a_slice_of_the_wrong_length_is_named() {
    let statistics = statistics();
    let norm =
        BatchNorm { shape: SHAPE, statistics: &statistics, gamma: &[1.0; 2], beta: &[0.0; 2], epsilon: 1e-5 };
    let (isa, x) = (Isa::best(), [0.0; 12]);
    let wrong = |argument, expected, found| Err(Error::Length { argument, expected, found });
    assert_eq!(batch_statistics(isa, &x[1..], SHAPE).map(drop), wrong("x", 12, 11));
    assert_eq!(norm.forward(isa, &x, After::Nothing, &mut [0.0; 11]), wrong("output", 12, 11));
    assert_eq!(norm.forward(isa, &x, After::AddRelu(&x[..3]), &mut [0.0; 12]), wrong("residual", 12, 3));
    let short = BatchNorm { gamma: &[1.0], ..norm };
    assert_eq!(short.forward(isa, &x, After::Nothing, &mut [0.0; 12]), wrong("gamma", 2, 1));
    let pass = BatchNormPass { x: &x, rectified: Some(&x[2..]), grad_output: &x, of_batch: true };
    let (mut gamma, mut beta) = ([0.0; 2], [0.0; 2]);
    let grads = BatchNormGradients { x: None, residual: None, gamma: &mut gamma, beta: &mut beta };
    assert_eq!(norm.backward(isa, &pass, grads), wrong("rectified", 12, 10));
}
