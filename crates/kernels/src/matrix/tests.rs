use adder_network::naive::dense::linear;
use adder_random::{Purpose, Stream};
use proptest::prelude::*;

use super::*;
use crate::bench::oracle::wide;

fn uniform(stream: &mut Stream, len: usize) -> Vec<f32> {
    (0..len).map(|_| stream.uniform(-1.0, 1.0)).collect()
}

fn matrix(rows: &[f32], columns: usize) -> Matrix {
    let mut matrix = Matrix::new(columns);
    matrix.copy_from(rows, columns);
    matrix
}

fn rows(matrix: &Matrix) -> Vec<f32> {
    let mut rows = vec![f32::NAN; matrix.rows() * matrix.columns()];
    matrix.copy_to(&mut rows, matrix.columns());
    rows
}

#[test]
fn rows_are_padded_with_zeros_and_their_memory_is_kept() {
    let mut matrix = matrix(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3);
    assert_eq!((matrix.rows(), matrix.stride()), (2, 8));
    assert_eq!(
        matrix.values(),
        [1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 4.0, 5.0, 6.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    );
    let address = matrix.values().as_ptr();
    matrix.values_mut().fill(7.0);
    matrix.clear(1);
    assert_eq!((matrix.values(), matrix.values().as_ptr()), (&[0.0; 8][..], address));
}

#[test]
fn only_the_first_columns_of_longer_rows_are_copied() {
    let outside = [1.0, 2.0, -1.0, 3.0, 4.0, -2.0];
    let mut inside = Matrix::new(2);
    inside.copy_from(&outside, 3);
    assert_eq!(rows(&inside), [1.0, 2.0, 3.0, 4.0]);
    let mut back = [0.0; 6];
    inside.copy_to(&mut back, 3);
    assert_eq!(back, [1.0, 2.0, 0.0, 3.0, 4.0, 0.0]);
}

#[test]
fn columns_are_joined_and_split() {
    let mut joined = Matrix::new(3);
    joined.join_columns(2, &[1, 2], &[&[1.0, 4.0], &[2.0, 3.0, 5.0, 6.0]]);
    assert_eq!(rows(&joined), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let (mut left, mut right) = ([0.0; 3], [0.0; 6]);
    joined.split_columns(&[1, 2], 1, &mut [&mut left, &mut right]);
    assert_eq!((left, right), ([0.0, 1.0, 4.0], [0.0, 0.0, 2.0, 3.0, 5.0, 6.0]));
}

#[test]
fn a_transpose_goes_in_and_out() {
    let mut transposed = Matrix::new(2);
    transposed.transpose_from(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3);
    assert_eq!(rows(&transposed), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    // Into the last three of rows of four.
    let mut outside = [0.0; 8];
    transposed.transpose_to(&mut outside[1..], 4);
    assert_eq!(outside, [0.0, 1.0, 2.0, 3.0, 0.0, 4.0, 5.0, 6.0]);
}

proptest! {
    #[test]
    fn products_agree_with_the_naive_loops(
        [m, k, n] in [0usize..18, 1usize..41, 1usize..41],
        seed in any::<u64>(),
    ) {
        let mut stream = Stream::new(seed, Purpose::Test, 0, 0);
        let (left, right) = (uniform(&mut stream, m * k), uniform(&mut stream, k * n));
        let start = uniform(&mut stream, m * n);
        // The oracle wants the right factor transposed.
        let mut right_transposed = Matrix::new(k);
        right_transposed.transpose_from(&right, n);
        let expected = linear(&wide(&left), &wide(&rows(&right_transposed)), [m, k, n]);
        let mut left_transposed = Matrix::new(m.max(1));
        left_transposed.clear(k);
        if m > 0 {
            left_transposed.transpose_from(&left, k);
        }

        let mut first: Option<Vec<f32>> = None;
        for isa in Isa::available() {
            let mut output = matrix(&start, n);
            multiply(isa, &matrix(&left, k), &matrix(&right, n), &mut output);
            for ((found, start), expected) in rows(&output).iter().zip(&start).zip(&expected) {
                prop_assert!((f64::from(found - start) - expected).abs() < 1e-5);
            }
            let bits = first.get_or_insert_with(|| rows(&output));
            prop_assert_eq!(&*bits, &rows(&output));
            let mut output = matrix(&start, n);
            multiply_transposed(isa, &left_transposed, &matrix(&right, n), &mut output);
            prop_assert_eq!(&*bits, &rows(&output));
        }
    }
}
