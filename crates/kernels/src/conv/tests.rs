use adder_random::{Purpose, Stream};
use proptest::prelude::*;

use super::*;
use crate::{Error, naive};

fn uniform(len: usize, index: u64) -> Vec<f32> {
    let mut stream = Stream::new(11, Purpose::Test, 0, index);
    (0..len).map(|_| stream.uniform(-1.0, 1.0)).collect()
}

/// Fails where a value is further from the oracle's than rounding explains. A sum of `terms` products of numbers below 1
/// grows like the square root of their count, and so do its rounding errors: together, in proportion to the count.
fn assert_close(found: &[f32], expected: &[f64], terms: usize, what: &str) {
    let tolerance = 2e-7 * terms as f64 + 1e-6;
    for (index, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let near = (f64::from(found) - expected).abs() <= tolerance;
        assert!(near, "{what}: {found} where {expected} is right, at {index}");
    }
}

/// Output, input gradient and weight gradient.
fn all_three(isa: Isa, shape: &ConvShape) -> [Vec<f32>; 3] {
    let input = uniform(shape.input_len(), 0);
    let weight = uniform(shape.weight_len(), 1);
    let grad_output = uniform(shape.output_len(), 2);
    // What is not written stays a NaN, which is near nothing.
    let [mut output, mut grad_input, mut grad_weight] =
        [shape.output_len(), shape.input_len(), shape.weight_len()].map(|len| vec![f32::NAN; len]);
    conv2d(isa, shape, &input, &weight, &mut output).unwrap();
    conv2d_input_gradient(isa, shape, &weight, &grad_output, &mut grad_input).unwrap();
    conv2d_weight_gradient(isa, shape, &input, &grad_output, &mut grad_weight).unwrap();
    [output, grad_input, grad_weight]
}

fn oracle(shape: &ConvShape) -> [Vec<f64>; 3] {
    let lengths = [shape.input_len(), shape.weight_len(), shape.output_len()];
    let [input, weight, grad_output] = [0, 1, 2].map(|tensor| {
        let values = uniform(lengths[tensor], tensor as u64);
        values.into_iter().map(f64::from).collect::<Vec<_>>()
    });
    [
        naive::conv::conv2d(&input, &weight, shape),
        naive::conv::conv2d_input_gradient(&weight, &grad_output, shape),
        naive::conv::conv2d_weight_gradient(&input, &grad_output, shape),
    ]
}

fn check_against_oracle(shape: &ConvShape) {
    let [output, grad_input, grad_weight] = oracle(shape);
    let reference = all_three(Isa::SCALAR, shape);
    for isa in Isa::available() {
        let found = all_three(isa, shape);
        let taps = shape.kernel * shape.kernel;
        assert_close(&found[0], &output, shape.in_channels * taps, "output");
        assert_close(&found[1], &grad_input, shape.out_channels * taps, "input gradient");
        assert_close(&found[2], &grad_weight, shape.output_len() / shape.out_channels, "weight gradient");
        assert!(found == reference, "{isa} and scalar code differ for {shape:?}");
    }
}

/// Channels around the widths of lanes and channel blocks, and wide ones. Miri runs a thousand times slower and gets a few.
const CHANNELS: &[usize] = if cfg!(miri) { &[1, 9, 17] } else { &[1, 2, 3, 7, 8, 9, 15, 16, 17, 24, 32, 40] };

#[test]
fn every_pair_of_channel_counts_agrees_with_the_oracle() {
    for &in_channels in CHANNELS {
        for &out_channels in CHANNELS {
            check_against_oracle(&ConvShape {
                batch: 2,
                in_channels,
                out_channels,
                height: 5,
                width: 6,
                kernel: 3,
                padding: 1,
            });
        }
    }
}

#[test]
fn every_size_up_to_33_agrees_with_the_oracle() {
    for size in (1..=33).step_by(if cfg!(miri) { 8 } else { 1 }) {
        for (kernel, padding) in [(1, 0), (3, 0), (3, 1), (5, 2)] {
            let (height, width) = (size, 34 - size);
            let shape =
                ConvShape { batch: 1, in_channels: 3, out_channels: 18, height, width, kernel, padding };
            if shape.check().is_ok() {
                check_against_oracle(&shape);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 1 } else { 48 }, ..ProptestConfig::default() })]

    #[test]
    fn random_shapes_agree_with_the_oracle(
        batch in 0usize..=17,
        in_channels in 1usize..=40,
        out_channels in 1usize..=40,
        height in 3usize..=33,
        width in 3usize..=33,
        (kernel, padding) in prop_oneof![Just((3, 0)), Just((3, 1)), Just((1, 0)), Just((5, 2))],
    ) {
        // The scalar code and the oracle do a million products in some milliseconds.
        let work = batch * in_channels * out_channels * height * width * kernel * kernel;
        let batch = if work > 4_000_000 { batch.min(2) } else { batch };
        prop_assume!(height + 2 * padding >= kernel && width + 2 * padding >= kernel);
        check_against_oracle(&ConvShape { batch, in_channels, out_channels, height, width, kernel, padding });
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let shape =
        ConvShape { batch: 37, in_channels: 8, out_channels: 16, height: 9, width: 9, kernel: 3, padding: 1 };
    let with_threads = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| all_three(Isa::best(), &shape))
    };
    let one = with_threads(1);
    for threads in [2, 3] {
        assert!(with_threads(threads) == one, "{threads} threads");
    }
}

#[test]
fn sizes_that_make_no_convolution_are_refused() {
    let good =
        ConvShape { batch: 1, in_channels: 1, out_channels: 1, height: 4, width: 5, kernel: 3, padding: 1 };
    assert_eq!(good.check(), Ok(()));
    let refused = |shape: ConvShape| match shape.check() {
        Err(Error::Dimension { argument, .. } | Error::TooLarge { argument, .. }) => argument,
        other => panic!("{shape:?} gave {other:?}"),
    };
    assert_eq!(refused(ConvShape { in_channels: 0, ..good }), "in_channels");
    assert_eq!(refused(ConvShape { out_channels: 0, ..good }), "out_channels");
    assert_eq!(refused(ConvShape { height: 0, ..good }), "height");
    assert_eq!(refused(ConvShape { width: 0, ..good }), "width");
    assert_eq!(refused(ConvShape { kernel: 0, padding: 0, ..good }), "kernel");
    assert_eq!(refused(ConvShape { padding: 3, ..good }), "padding");
    assert_eq!(refused(ConvShape { kernel: 7, ..good }), "kernel");
    assert_eq!(refused(ConvShape { height: usize::MAX / 2, ..good }), "input");
    assert_eq!(refused(ConvShape { out_channels: usize::MAX, ..good }), "output");
}

#[test]
fn slices_that_do_not_fit_are_refused() {
    let shape =
        ConvShape { batch: 1, in_channels: 1, out_channels: 2, height: 4, width: 4, kernel: 3, padding: 0 };
    let mut output = [f32::NAN; 8];
    let result = conv2d(Isa::SCALAR, &shape, &[0.0; 15], &[0.0; 18], &mut output);
    assert_eq!(result, Err(Error::Length { argument: "input", expected: 16, found: 15 }));
    let result = conv2d(Isa::SCALAR, &shape, &[0.0; 16], &[0.0; 17], &mut output);
    assert_eq!(result, Err(Error::Length { argument: "weight", expected: 18, found: 17 }));
    let result = conv2d_input_gradient(Isa::SCALAR, &shape, &[0.0; 18], &[0.0; 9], &mut [0.0; 16]);
    assert_eq!(result, Err(Error::Length { argument: "grad_output", expected: 8, found: 9 }));
    let result = conv2d_weight_gradient(Isa::SCALAR, &shape, &[0.0; 16], &[0.0; 8], &mut [0.0; 19]);
    assert_eq!(result, Err(Error::Length { argument: "grad_weight", expected: 18, found: 19 }));
    assert!(output.iter().all(|value| value.is_nan()), "nothing is written where an argument is refused");
}
