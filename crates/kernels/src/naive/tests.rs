//! The oracles against numbers done by hand. The list of cases holds them to finite differences of themselves.

use super::*;
use crate::fold::EPSILON;

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
