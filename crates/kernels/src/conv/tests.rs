use proptest::prelude::*;

use super::*;
use crate::Error;
use crate::bench::cases::{Case, Operation};

/// Values near the oracle's, and the same bits on every instruction set.
fn check_against_oracle(shape: &ConvShape) {
    let case = Case::new(Operation::Conv2d(*shape), 11);
    let expected = case.run(Isa::SCALAR);
    assert_eq!(case.verify(&expected, 1.0), Ok(()));
    for isa in Isa::available() {
        assert!(case.run(isa) == expected, "{isa} and scalar code differ for {shape:?}");
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
