use proptest::prelude::*;

use super::*;
use crate::bench::cases::{Case, Operation};
use crate::{Error, Isa};

/// Values near the oracle's, and the same bits on every instruction set, by both algorithms.
fn check_against_oracle(shape: &ConvShape, batch: usize) {
    let channels = [shape.in_channels, shape.out_channels];
    for algorithm in [Algorithm::Direct, Algorithm::Winograd] {
        if algorithm == Algorithm::Winograd
            && !algorithm.is_winograd([shape.kernel, shape.stride], channels, shape.output_size())
        {
            continue;
        }
        let case = Case::new(Operation::Conv2d(*shape, batch, algorithm), 11);
        let expected = case.run(Isa::SCALAR);
        assert_eq!(case.verify(&expected, 1.0), Ok(()), "{algorithm:?} {shape:?}");
        for isa in Isa::available() {
            assert!(case.run(isa) == expected, "{isa} and scalar code differ for {algorithm:?} {shape:?}");
        }
    }
}

/// Channels around the widths of lanes and channel blocks, and wide ones. Miri runs a thousand times slower and gets a few.
const CHANNELS: &[usize] = if cfg!(miri) { &[1, 9, 17] } else { &[1, 2, 3, 7, 8, 9, 15, 16, 17, 24, 32, 40] };

#[test]
fn every_pair_of_channel_counts_agrees_with_the_oracle() {
    for &in_channels in CHANNELS {
        for &out_channels in CHANNELS {
            for stride in [1, 2] {
                let (height, width, kernel, padding) = (5, 6, 3, 1);
                let shape = ConvShape { in_channels, out_channels, height, width, kernel, stride, padding };
                check_against_oracle(&shape, 2);
            }
        }
    }
}

#[test]
fn every_size_up_to_33_agrees_with_the_oracle() {
    for size in (1..=33).step_by(if cfg!(miri) { 8 } else { 1 }) {
        for (kernel, stride, padding) in [(1, 1, 0), (3, 1, 0), (3, 1, 1), (5, 1, 2), (3, 2, 1), (2, 2, 0)] {
            let (height, width, in_channels, out_channels) = (size, 34 - size, 3, 18);
            let shape = ConvShape { in_channels, out_channels, height, width, kernel, stride, padding };
            if shape.check().is_ok() {
                check_against_oracle(&shape, 1);
            }
        }
    }
}

/// Images down to a pixel and rows shorter than the four pixels that layouts are changed in, with channels that fill their lanes.
#[test]
fn the_smallest_images_agree_with_the_oracle() {
    let sizes = if cfg!(miri) { 3..=4 } else { 1..=5 };
    for (height, width) in sizes.clone().flat_map(|height| sizes.clone().map(move |width| (height, width))) {
        for [in_channels, out_channels] in [[8, 16], [16, 8], [2, 1]] {
            for (kernel, stride, padding) in [(1, 1, 0), (1, 2, 3), (2, 1, 1), (3, 2, 0), (4, 1, 4)] {
                let shape = ConvShape { in_channels, out_channels, height, width, kernel, stride, padding };
                if shape.check().is_ok() {
                    check_against_oracle(&shape, 1);
                }
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
        height in 1usize..=33,
        width in 1usize..=33,
        kernel in 1usize..=11,
        stride in 1usize..=2,
        padding in 0usize..=12,
    ) {
        // The scalar code and the oracle do a million products in some milliseconds.
        let work = batch * in_channels * out_channels * (height + 2 * padding) * (width + 2 * padding) * kernel * kernel;
        let batch = if work > 4_000_000 { batch.min(1) } else { batch };
        prop_assume!(work < 400_000_000);
        prop_assume!(height + 2 * padding >= kernel && width + 2 * padding >= kernel);
        check_against_oracle(&ConvShape { in_channels, out_channels, height, width, kernel, stride, padding }, batch);
    }
}

#[test]
fn sizes_that_make_no_convolution_are_refused() {
    let good =
        ConvShape { in_channels: 1, out_channels: 1, height: 4, width: 5, kernel: 3, stride: 1, padding: 1 };
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
    assert_eq!(refused(ConvShape { stride: 0, ..good }), "stride");
    assert_eq!(refused(ConvShape { stride: 3, ..good }), "stride");
    assert_eq!(refused(ConvShape { padding: usize::MAX / 3, ..good }), "input");
    assert_eq!(refused(ConvShape { kernel: 7, ..good }), "kernel");
    // As many values as a `usize` counts, and memory does not address.
    assert_eq!(refused(ConvShape { height: usize::MAX / 256, ..good }), "input");
    assert_eq!(refused(ConvShape { height: usize::MAX / 2, ..good }), "input");
    assert_eq!(refused(ConvShape { out_channels: usize::MAX, ..good }), "output");
}

/// Sizes out of a file may be anything: they are refused or planned for, without a panic, at once and in little memory.
#[test]
fn sizes_of_any_magnitude_are_planned_or_refused() {
    const SIZES: [usize; 8] = [1, 3, 1000, 65_537, 1 << 20, 1 << 31, 1 << 59, usize::MAX];
    let mut planned = 0;
    for &height in &SIZES {
        for &width in &SIZES {
            for &kernel in &SIZES {
                for &padding in &SIZES {
                    for &in_channels in &[1, 17, 1 << 40] {
                        let (out_channels, stride) = (in_channels, 1 + kernel % 2);
                        let shape =
                            ConvShape { in_channels, out_channels, height, width, kernel, stride, padding };
                        let plan = Conv2d::new(shape, Isa::best());
                        assert_eq!(plan.is_ok(), shape.check().is_ok());
                        planned += usize::from(plan.is_ok());
                    }
                }
            }
        }
    }
    assert!(planned > 100, "{planned}");
}

#[test]
fn slices_that_do_not_fit_are_refused() {
    let shape =
        ConvShape { in_channels: 1, out_channels: 2, height: 4, width: 4, kernel: 3, stride: 1, padding: 0 };
    let conv = Conv2d::new(shape, Isa::SCALAR).unwrap();
    let length = |argument, expected, found| Err(Error::Length { argument, expected, found });
    assert_eq!(conv.pack(&[0.0; 17]).map(drop), length("weight", 18, 17));
    let weight = conv.pack(&[0.0; 18]).unwrap();
    let mut output = [f32::NAN; 8];
    assert_eq!(conv.forward(&[0.0; 15], &weight, None, &mut output), length("input", 16, 15));
    assert_eq!(conv.forward(&[0.0; 32], &weight, None, &mut output), length("output", 16, 8));
    assert_eq!(conv.forward(&[0.0; 16], &weight, Some(&[0.0]), &mut output), length("bias", 2, 1));
    let other = Conv2d::new(ConvShape { in_channels: 9, ..shape }, Isa::SCALAR).unwrap();
    let of_other = other.pack(&[0.0; 162]).unwrap();
    let refused = conv.forward(&[0.0; 16], &of_other, None, &mut output);
    assert!(matches!(refused, Err(Error::Length { argument: "weight", .. })));
    assert_eq!(conv.input_gradient(&[0.0; 18], &[0.0; 9], &mut [0.0; 16]), length("grad_output", 16, 9));
    let refused = conv.weight_gradient(&[0.0; 16], &[0.0; 8], &mut [0.0; 19], None);
    assert_eq!(refused, length("grad_weight", 18, 19));
    assert!(output.iter().all(|value| value.is_nan()), "nothing is written where an argument is refused");
}

#[test]
fn an_image_alone_is_as_in_a_batch() {
    let shape =
        ConvShape { in_channels: 3, out_channels: 40, height: 9, width: 6, kernel: 3, stride: 2, padding: 1 };
    let case = Case::new(Operation::Conv2d(shape, 5, Algorithm::Direct), 3);
    let [input, weight, bias] = &case.inputs[..] else { unreachable!("a convolution has three inputs") };
    let conv = Conv2d::new(shape, Isa::best()).unwrap();
    let weight = conv.pack(weight).unwrap();
    let mut batch = vec![0.0; 5 * shape.output_len()];
    conv.forward(input, &weight, Some(bias), &mut batch).unwrap();
    let mut alone = vec![0.0; shape.output_len()];
    for (input, batch) in input.chunks_exact(shape.input_len()).zip(batch.chunks_exact(alone.len())) {
        conv.forward(input, &weight, Some(bias), &mut alone).unwrap();
        assert_eq!(alone, batch);
    }
}

/// The largest difference from the sums in `f64`, each algorithm's in all three passes: that of Winograd's is at most four times the
/// other's, whose rounding is that of a sum. (Barabasz and others, 2018, bound it by the norms of the transforms: 4.5 and 9.)
#[test]
fn winograds_algorithm_rounds_at_most_four_times_as_much() {
    for (channels, size) in [(32, 28), (64, 14), (128, 7), (96, 9)] {
        let [in_channels, out_channels, height, width] = [channels, channels, size, size];
        let shape = ConvShape { in_channels, out_channels, height, width, kernel: 3, stride: 1, padding: 1 };
        let errors = [Algorithm::Direct, Algorithm::Winograd].map(|algorithm| {
            let case = Case::new(Operation::Conv2d(shape, 2, algorithm), 5);
            case.errors(&case.run(Isa::best()))
        });
        for (pass, (direct, winograd)) in
            ["output", "input", "weight"].iter().zip(errors[0].iter().zip(&errors[1]))
        {
            assert!(winograd <= &(4.0 * direct), "{channels} channels, {pass}: {direct:e} and {winograd:e}");
        }
    }
}
