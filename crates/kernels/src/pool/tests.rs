use adder_network::naive::pool as naive;
use adder_random::{Purpose, Stream};
use proptest::prelude::*;

use super::*;
use crate::Error;
use crate::Isa;
use crate::bench::layers::LayerOperation;
use crate::bench::oracle::wide;

/// Equality under which a NaN equals a NaN.
fn same(left: &[f32], right: &[f64]) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .all(|(&left, &right)| f64::from(left) == right || left.is_nan() && right.is_nan())
}

/// Pools with the fast kernel on every instruction set: the output and the gradient of the input.
fn pool(input: &[f32], shape @ [b, c, h, w]: [usize; 4], grad_output: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let on = |isa| {
        let mut output = vec![f32::NAN; b * c * (h / 2) * (w / 2)];
        let mut grad_input = vec![f32::NAN; input.len()];
        max_pool2d(isa, input, shape, &mut output).unwrap();
        max_pool2d_backward(isa, input, shape, grad_output, &mut grad_input).unwrap();
        (output, grad_input)
    };
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    let (output, grad) = on(Isa::SCALAR);
    for isa in Isa::available() {
        let (output_there, grad_there) = on(isa);
        assert_eq!((bits(&output_there), bits(&grad_there)), (bits(&output), bits(&grad)), "{isa}");
    }
    (output, grad)
}

#[test]
fn equal_values_and_nans_win_in_wide_rows_as_in_a_window() {
    // Each window of four levels, one of them a NaN, at every place of rows that fill lanes and do not.
    let levels = [f32::NAN, -1.0, 0.0, 2.0];
    let windows: Vec<[f32; 4]> =
        (0..256).map(|window| [0, 2, 4, 6].map(|shift| levels[window >> shift & 3])).collect();
    for (columns, lone) in [(256, 0), (19, 1), (8, 0), (3, 1)] {
        for row in windows.chunks_exact(columns) {
            let part = |first: usize| -> Vec<f32> {
                let values = row.iter().flat_map(|window| [window[first], window[first + 1]]);
                values.chain(vec![9.0; lone]).collect()
            };
            let input = [part(0), part(2)].concat();
            let grads: Vec<f32> = (1..=columns).map(|grad| grad as f32).collect();
            let shape = [1, 1, 2, 2 * columns + lone];
            let (output, grad) = pool(&input, shape, &grads);
            for (at, window) in row.iter().enumerate() {
                let (alone, place) = pool(window, [1, 1, 2, 2], &grads[at..=at]);
                assert!(same(&output[at..=at], &wide(&alone)));
                let width = shape[3];
                let there = [2 * at, 2 * at + 1, width + 2 * at, width + 2 * at + 1].map(|at| grad[at]);
                assert_eq!(there[..], place, "{window:?}");
            }
        }
    }
}

#[test]
fn of_equal_values_the_first_wins() {
    let (output, grad) = pool(&[1.0, 3.0, 3.0, 3.0], [1, 1, 2, 2], &[7.0]);
    assert_eq!(output, [3.0]);
    assert_eq!(grad, [0.0, 7.0, 0.0, 0.0]);
}

#[test]
fn a_window_of_negative_infinities_sends_its_gradient_to_the_first() {
    let (output, grad) = pool(&[f32::NEG_INFINITY; 4], [1, 1, 2, 2], &[7.0]);
    assert_eq!(output, [f32::NEG_INFINITY]);
    assert_eq!(grad, [7.0, 0.0, 0.0, 0.0]);
}

#[test]
fn a_nan_beats_every_number_and_the_last_nan_wins() {
    let (output, grad) = pool(&[f32::NAN, 2.0, f32::NAN, f32::INFINITY], [1, 1, 2, 2], &[7.0]);
    assert!(output[0].is_nan());
    assert_eq!(grad, [0.0, 0.0, 7.0, 0.0]);
}

#[test]
fn an_odd_last_row_and_column_are_left_out() {
    let input: Vec<f32> = (0..15).map(|value| value as f32).collect();
    let (output, grad) = pool(&input, [1, 1, 3, 5], &[1.0, 2.0]);
    assert_eq!(output, [6.0, 8.0]);
    let mut expected = [0.0; 15];
    (expected[6], expected[8]) = (1.0, 2.0);
    assert_eq!(grad, expected);
}

#[test]
fn a_plane_without_a_window_has_no_output_and_no_gradient() {
    for shape in [[2, 3, 1, 4], [2, 3, 4, 1], [2, 3, 0, 4], [0, 3, 4, 4], [2, 0, 4, 4]] {
        let len = shape.iter().product();
        let (output, grad) = pool(&vec![1.0; len], shape, &[]);
        assert!(output.is_empty());
        assert_eq!(grad, vec![0.0; len]);
    }
}

#[test]
fn a_slice_of_the_wrong_length_is_named() {
    let shape = [1, 2, 4, 4];
    let error = max_pool2d(Isa::best(), &[0.0; 31], shape, &mut [0.0; 8]).unwrap_err();
    assert_eq!(error, Error::Length { argument: "input", expected: 32, found: 31 });
    let error = max_pool2d(Isa::best(), &[0.0; 32], shape, &mut [0.0; 9]).unwrap_err();
    assert_eq!(error, Error::Length { argument: "output", expected: 8, found: 9 });
    let error = max_pool2d_backward(Isa::best(), &[0.0; 32], shape, &[0.0; 7], &mut [0.0; 32]).unwrap_err();
    assert_eq!(error, Error::Length { argument: "grad_output", expected: 8, found: 7 });
    let error = max_pool2d_backward(Isa::best(), &[0.0; 32], shape, &[0.0; 8], &mut [0.0; 33]).unwrap_err();
    assert_eq!(error, Error::Length { argument: "grad_input", expected: 32, found: 33 });
}

#[test]
fn a_shape_too_large_to_count_is_an_error() {
    let error = max_pool2d(Isa::best(), &[], [0, usize::MAX, 2, 2], &mut []).unwrap_err();
    assert!(matches!(error, Error::TooLarge { argument: "input", .. }));
}

proptest! {
    #[test]
    fn agrees_with_the_naive_loops(
        shape in [0usize..17, 1usize..41, 0usize..34, 0usize..34],
        seed in any::<u64>(),
    ) {
        let [b, c, h, w] = shape;
        let mut stream = Stream::new(seed, Purpose::Test, 0, 0);
        // Few different values, so that most windows have ties; one in fifty is a NaN.
        let input: Vec<f32> = (0..b * c * h * w)
            .map(|_| if stream.below(50) == 0 { f32::NAN } else { stream.below(4) as f32 - 1.5 })
            .collect();
        let grad_output: Vec<f32> = (0..b * c * (h / 2) * (w / 2)).map(|_| stream.uniform(-1.0, 1.0)).collect();
        let (output, grad) = pool(&input, shape, &grad_output);
        let windows = naive::Pool::halving(shape);
        prop_assert!(same(&output, &naive::max_pool2d(&wide(&input), &windows)));
        prop_assert!(same(&grad, &naive::max_pool2d_backward(&wide(&input), &windows, &wide(&grad_output))));
    }
}

proptest! {
    #[test]
    fn any_windows_agree_with_the_naive_loops(
        [batch, channels] in [0usize..4, 1usize..4],
        size in [1usize..15, 1usize..15],
        kernel in [1usize..6, 1usize..6],
        stride in [1usize..5, 1usize..5],
        padding in [0usize..3, 0usize..3],
        seed in any::<u64>(),
    ) {
        let padding = [padding[0].min(kernel[0] / 2), padding[1].min(kernel[1] / 2)];
        let windows = Windows { batch, channels, size, kernel, stride, padding };
        prop_assume!(windows.check().is_ok());
        let [rows, columns] = windows.output_size();
        let mut stream = Stream::new(seed, Purpose::Test, 0, 0);
        let ties: Vec<f32> = (0..batch * channels * size[0] * size[1])
            .map(|_| match stream.below(50) {
                0 => f32::NAN,
                1..5 => f32::NEG_INFINITY,
                _ => stream.below(4) as f32 - 1.5,
            })
            .collect();
        let grad_output: Vec<f32> =
            (0..batch * channels * rows * columns).map(|_| stream.below(64) as f32 / 64.0).collect();
        let (mut output, mut grad) = (vec![7.0; grad_output.len()], vec![7.0; ties.len()]);
        max_pool2d_windows(Isa::best(), &windows, &ties, &mut output).unwrap();
        max_pool2d_windows_backward(Isa::best(), &windows, &ties, &grad_output, &mut grad).unwrap();
        let (wide_ties, wide_grad) = (wide(&ties), wide(&grad_output));
        let operation = LayerOperation::MaxPool(windows);
        prop_assert!(same(&output, &operation.oracle_outputs(std::slice::from_ref(&wide_ties))[0]));
        prop_assert!(same(&grad, &operation.oracle_grads(&[wide_ties], &wide_grad)[0]));
    }
}

#[test]
fn windows_that_cannot_be_are_refused() {
    let good =
        Windows { batch: 1, channels: 1, size: [5; 2], kernel: [3; 2], stride: [2; 2], padding: [1; 2] };
    assert_eq!(good.check(), Ok(()));
    for (argument, windows) in [
        ("kernel", Windows { kernel: [3, 0], ..good }),
        ("stride", Windows { stride: [0, 1], ..good }),
        ("padding", Windows { padding: [2, 1], ..good }),
        ("size", Windows { size: [5, 0], ..good }),
        ("size", Windows { kernel: [8, 3], ..good }),
        ("size", Windows { size: [0, 1], kernel: [2, 1], padding: [1, 0], ..good }),
    ] {
        let error = windows.check().unwrap_err();
        assert!(matches!(&error, Error::Dimension { argument: found, .. } if *found == argument), "{error}");
        assert_eq!(max_pool2d_windows(Isa::best(), &windows, &[], &mut []), Err(error.clone()));
        assert_eq!(avg_pool2d_backward(&windows, &[], &mut []), Err(error));
    }
    for windows in [
        Windows { batch: 0, channels: usize::MAX, ..good },
        Windows { kernel: [usize::MAX; 2], padding: [usize::MAX / 2; 2], ..good },
    ] {
        assert!(matches!(windows.check(), Err(Error::TooLarge { argument: "input", .. })));
    }
    let error = avg_pool2d(&good, &[0.0; 25], &mut [0.0; 8]).unwrap_err();
    assert_eq!(error, Error::Length { argument: "output", expected: 9, found: 8 });
    let error =
        max_pool2d_windows_backward(Isa::best(), &good, &[0.0; 25], &[0.0; 9], &mut [0.0; 24]).unwrap_err();
    assert_eq!(error, Error::Length { argument: "grad_input", expected: 25, found: 24 });
}
