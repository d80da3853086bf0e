//! The oracles against numbers done by hand and finite differences of themselves.

use adder_random::{Purpose, Stream};

use super::*;
use crate::{ClassCode, Head, HeadKind, Layer, Network};

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
fn a_convolution_with_stride_by_hand() {
    let conv = conv::Conv {
        batch: 1,
        in_channels: 1,
        out_channels: 1,
        height: 3,
        width: 4,
        kernel: 2,
        stride: 2,
        padding: 1,
    };
    let input: Vec<f64> = (1..=12).map(f64::from).collect();
    // Windows of the padded image begin at rows -1 and 1, columns -1, 1 and 3.
    let expected = [4.0, 6.0 + 12.0, 12.0, 10.0 + 36.0, 6.0 + 14.0 + 30.0 + 44.0, 8.0 + 36.0];
    let found = conv::conv2d(&input, &[1.0, 2.0, 3.0, 4.0], &conv);
    assert_eq!(found, expected);
}

#[test]
fn a_norm_by_hand() {
    // Two images, two channels, two pixels; the second channel is constant.
    let input = [1.0, 3.0, 5.0, 5.0, 5.0, 7.0, 5.0, 5.0];
    let normalized = norm::batch_norm(&input, [2, 2, 2], &[2.0, 1.0], &[0.5, -3.0]);
    assert_eq!((normalized.mean, normalized.variance), (vec![4.0, 5.0], vec![5.0, 0.0]));
    let unit = 2.0 / (5.0 + crate::EPSILON).sqrt();
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
}

#[test]
fn the_gradient_of_a_cross_entropy_agrees_with_finite_differences() {
    let mut stream = Stream::new(4, Purpose::Test, 0, 0);
    let logits = uniform(&mut stream, 4 * 3);
    let soft: Vec<f64> = uniform(&mut stream, 4 * 3).iter().map(|value| value.exp()).collect();
    let soft: Vec<f64> =
        soft.chunks(3).flat_map(|row| row.iter().map(|value| value / row.iter().sum::<f64>())).collect();
    for (smoothing, weight) in [(0.0, None), (0.1, None), (0.1, Some(0.6)), (0.0, Some(1.0))] {
        let targets = loss::targets(3, &[2, 0, 1, 1], smoothing, weight.map(|weight| (&soft[..], weight)));
        let total = |logits: &[f64]| loss::cross_entropy(logits, 3, &targets).iter().sum::<f64>();
        assert_gradient(total, &logits, &loss::cross_entropy_backward(&logits, 3, &targets), "logit");
    }
}

#[test]
fn pools_by_hand() {
    assert_eq!(pool::global_average_pool(&[1.0, 2.0, 3.0, 6.0, 0.0, 0.0, 0.0, 2.0], 4), [3.0, 0.5]);
    assert_eq!(
        pool::global_average_pool_backward(4, &[4.0, -8.0]),
        [1.0, 1.0, 1.0, 1.0, -2.0, -2.0, -2.0, -2.0]
    );
    // Windows of three rows and columns, one apart: they overlap.
    let overlapping = pool::Pool { planes: 1, height: 3, width: 4, kernel: 3, stride: 1 };
    let input = [1.0, 2.0, 3.0, 9.0, 5.0, 8.0, 5.0, 8.0, 8.0, 8.0, 5.0, 0.0];
    assert_eq!(pool::max_pool2d(&input, &overlapping), [8.0, 9.0]);
    let mut to_first = [0.0; 12];
    (to_first[5], to_first[3]) = (2.0, 3.0);
    assert_eq!(pool::max_pool2d_backward(&input, &overlapping, &[2.0, 3.0]), to_first);
    assert_eq!(pool::avg_pool2d(&input, &overlapping), [45.0 / 9.0, 48.0 / 9.0]);
    let shares = pool::avg_pool2d_backward(&overlapping, &[9.0, 18.0]);
    assert_eq!(shares, [1.0, 3.0, 3.0, 2.0, 1.0, 3.0, 3.0, 2.0, 1.0, 3.0, 3.0, 2.0]);
}

/// Every kind of layer at least once.
fn every_kind() -> Network {
    let body =
        vec![Layer::conv2d(3, 3).padding(1).bias(), Layer::batch_norm(), Layer::relu(), Layer::dropout(0.5)];
    let layers = vec![
        Layer::conv2d(3, 3).stride(2).padding(1),
        Layer::batch_norm(),
        Layer::relu(),
        Layer::residual(body),
        Layer::max_pool2d(2).stride(1),
        Layer::avg_pool2d(2),
        Layer::flatten(),
        Layer::linear(5).bias(),
        Layer::leaky_relu(0.2),
        Layer::dropout(0.25),
        Layer::one_hot("class", 4),
        Layer::coded("scalar", 3, ClassCode::Scalar),
        Layer::coded("thermometer", 5, ClassCode::Thermometer),
        Layer::linear(6),
        Layer::batch_norm(),
        Layer::relu(),
    ];
    Network::new([2, 9, 7], layers, every_head()).unwrap()
}

/// Every kind of head, with bias and without.
fn every_head() -> Vec<Head> {
    vec![
        Head::new("a", 3).bias(),
        Head::new("b", 2),
        Head::new("c", 4).bias().kind(HeadKind::Ordinal),
        Head::new("d", 5).kind(HeadKind::Regression),
    ]
}

/// Classes for each one-hot input of [`every_kind`].
const CLASSES: [&[u8]; 3] = [&[0, 3, 1, 2], &[2, 0, 1, 1], &[4, 0, 2, 3]];

/// The first three of each.
fn three() -> [&'static [u8]; 3] {
    CLASSES.map(|classes| &classes[..3])
}

#[test]
fn a_networks_gradients_agree_with_finite_differences() {
    let network = every_kind();
    let batch = 3;
    let mut stream = Stream::new(2, Purpose::Test, 0, 0);
    let images = uniform(&mut stream, batch * 2 * 9 * 7);
    let params = uniform(&mut stream, network.parameter_count());
    let masks = [3 * 5 * 4, 5].map(|len| -> Option<Vec<f64>> {
        Some((0..batch * len).map(|_| if stream.below(2) == 0 { 0.0 } else { 2.0 }).collect())
    });
    let mode = Mode::Train { masks: &masks };
    let labels: [&[u8]; 4] = [&[2, 0, 1], &[0, 1, 1], &[3, 0, 2], &[1, 4, 0]];
    let targets: Vec<Vec<f64>> = network
        .classes()
        .zip(labels)
        .map(|(classes, labels)| loss::targets(classes, labels, 0.1, None))
        .collect();
    let one_hot = three();
    let run = |images: &[f64], params: &[f64]| {
        forward(&network, params, Inputs { images, one_hot: &one_hot }, mode)
    };
    let objective = |images: &[f64], params: &[f64]| -> f64 {
        head::losses(&network, &run(images, params).outputs, &targets).0.iter().sum::<f64>() / 64.0
    };
    let pass = run(&images, &params);
    assert_eq!(pass.outputs.iter().map(Vec::len).collect::<Vec<_>>(), [9, 6, 9, 3]);
    assert_eq!(pass.logits.iter().map(Vec::len).collect::<Vec<_>>(), [9, 6, 12, 15]);
    let (_, mut grad_outputs) = head::losses(&network, &pass.outputs, &targets);
    // Small enough a loss that its rounding is below the bound.
    grad_outputs.iter_mut().flatten().for_each(|gradient| *gradient /= 64.0);
    let grads = backward(&network, &params, &pass, mode, &grad_outputs);
    assert_gradient(|images| objective(images, &params), &images, &grads.images, "image");
    assert_gradient(|params| objective(&images, params), &params, &grads.params, "parameter");
}

#[test]
fn heads_by_hand() {
    use HeadKind::{Ordinal, Regression};
    // Thresholds with the odds 3:1 and 1:1.
    let outputs = [3f64.ln(), 0.0];
    assert_eq!(head::decode(Ordinal, 3, &outputs), [0.0, 3f64.ln(), 3f64.ln()]);
    let (losses, gradient) = head::loss(Ordinal, 3, &outputs, &loss::targets(3, &[1], 0.0, None));
    // Above the first threshold with 3/4, not above the second with 1/2.
    assert!((losses[0] - ((4f64 / 3.0).ln() + 2f64.ln())).abs() < 1e-12);
    assert!((gradient[0] + 0.25).abs() < 1e-12 && (gradient[1] - 0.5).abs() < 1e-12, "{gradient:?}");
    // In the middle of five classes, one unit of output is one class.
    let (_, gradient) = head::loss(Regression, 5, &[0.0], &loss::targets(5, &[3], 0.0, None));
    let pull = -1.0 / (crate::REGRESSION_WIDTH * crate::REGRESSION_WIDTH);
    assert!((gradient[0] - pull).abs() < 1e-12, "{gradient:?} is the difference over the variance");
}

#[test]
fn evaluation_with_a_batchs_own_statistics_is_training() {
    let network = every_kind();
    let mut stream = Stream::new(3, Purpose::Test, 0, 0);
    let images = uniform(&mut stream, 4 * 2 * 9 * 7);
    let params = uniform(&mut stream, network.parameter_count());
    let inputs = Inputs { images: &images, one_hot: &CLASSES };
    let train = forward(&network, &params, inputs, Mode::Train { masks: &[None, None] });
    let norms = [&train.nodes[1], &train.nodes[3].body[1], &train.nodes[14]];
    let statistics = norms.map(|pass| {
        let norm = pass.norm.as_ref().unwrap();
        [norm.mean.clone(), norm.variance.clone()]
    });
    let evaluated = forward(&network, &params, inputs, Mode::Evaluate { statistics: &statistics });
    for (found, expected) in evaluated.logits.concat().iter().zip(train.logits.concat()) {
        assert!((found - expected).abs() < 1e-9, "{found} against {expected}");
    }
}
