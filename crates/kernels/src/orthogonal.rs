//! The nearest orthonormal matrix, roughly: the step of the optimizer Muon.

use crate::matrix::{Matrix, multiply, multiply_transposed};
use crate::shape::{check_len, volume};
use crate::{Isa, Result};

/// Newton-Schulz steps that [`orthogonalize`] takes.
pub const STEPS: usize = 5;

/// The polynomial `a * s + b * s^3 + c * s^5` that a step applies to every singular value `s`: coefficients of Jordan
/// (2024), of the steepest slope at zero, which bring values near 1 fast rather than exactly.
pub const COEFFICIENTS: [f32; 3] = [3.4445, -4.7750, 2.0315];

/// A smaller norm counts as this, so that nothing is divided by zero. PyTorch's value.
pub const LEAST_NORM: f32 = 1e-7;

/// Replaces a matrix of `[rows, columns]` by about `U * transpose(V)` of its singular value decomposition `U * S *
/// transpose(V)`: singular values end between about 0.7 and 1.2, but for those that were far below the largest.
///
/// The steps are those of PyTorch's `torch.optim.Muon`, in `f32`. The bits are the same on every instruction set.
///
/// # Errors
/// [`Error::Length`](crate::Error::Length) where `values` is not of `rows * columns`.
pub fn orthogonalize(isa: Isa, values: &mut [f32], [rows, columns]: [usize; 2]) -> Result<()> {
    check_len("values", values, volume("values", &[rows, columns])?)?;
    if values.is_empty() {
        return Ok(());
    }
    // Tall, so that the square matrices are the smaller ones.
    let (tall, narrow) = (rows >= columns, rows.min(columns));
    let mut x = Matrix::new(narrow);
    if tall {
        x.copy_from(values, columns)
    } else {
        x.transpose_from(values, columns)
    }
    let norm = (norm(values) as f32).max(LEAST_NORM);
    x.values_mut().iter_mut().for_each(|value| *value /= norm);
    let [mut gram, mut polynomial] = [Matrix::new(narrow), Matrix::new(narrow)];
    for _ in 0..STEPS {
        step(isa, &mut x, &mut gram, &mut polynomial);
    }
    if tall {
        x.copy_to(values, columns)
    } else {
        x.transpose_to(values, columns)
    }
    Ok(())
}

/// `x := a * x + x * (b * G + c * G^2)` with `G = transpose(x) * x`.
fn step(isa: Isa, x: &mut Matrix, gram: &mut Matrix, polynomial: &mut Matrix) {
    let [a, b, c] = COEFFICIENTS;
    gram.clear(x.columns());
    multiply_transposed(isa, x, x, gram);
    polynomial.clear(x.columns());
    multiply(isa, gram, gram, polynomial);
    for (value, gram) in polynomial.values_mut().iter_mut().zip(gram.values()) {
        *value = b * gram + c * *value;
    }
    let mut next = x.clone();
    next.values_mut().iter_mut().for_each(|value| *value *= a);
    multiply(isa, x, polynomial, &mut next);
    *x = next;
}

/// The Frobenius norm.
fn norm(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Error;
    use crate::bench::cases::{Case, Operation};

    fn orthogonal(isa: Isa, values: &[f32], shape: [usize; 2]) -> Vec<f32> {
        let mut values = values.to_vec();
        orthogonalize(isa, &mut values, shape).unwrap();
        values
    }

    proptest! {
        #[test]
        fn matrices_of_any_shape_agree_with_the_naive_loops(
            [rows, columns] in [1usize..40, 1usize..40],
            seed in any::<u64>(),
        ) {
            let case = Case::new(Operation::Orthogonalize([rows, columns]), seed);
            let expected = case.run(Isa::SCALAR);
            prop_assert_eq!(case.verify(&expected, 1.0), Ok(()));
            for isa in Isa::available() {
                prop_assert_eq!(&case.run(isa), &expected, "{}", isa);
            }
        }
    }

    #[test]
    fn a_matrix_with_orthogonal_rows_keeps_their_directions() {
        // Singular values 3 and 4, each of a norm of 5: 0.6 and 0.8 go through the polynomial five times.
        let through = |mut s: f64| {
            let [a, b, c] = COEFFICIENTS.map(f64::from);
            for _ in 0..STEPS {
                s = a * s + b * s.powi(3) + c * s.powi(5);
            }
            s
        };
        let found = orthogonal(Isa::SCALAR, &[0.0, 3.0, 0.0, -4.0, 0.0, 0.0], [2, 3]);
        let expected = [0.0, through(0.6), 0.0, -through(0.8), 0.0, 0.0];
        for (found, expected) in found.iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 1e-5, "{found} is not {expected}");
        }
        assert!(through(0.6) > 0.6 && through(0.8) > 0.6);
    }

    #[test]
    fn nothing_stays_nothing() {
        assert_eq!(orthogonal(Isa::SCALAR, &[0.0; 6], [2, 3]), [0.0; 6]);
        assert!(orthogonal(Isa::SCALAR, &[], [0, 3]).is_empty());
    }

    #[test]
    fn a_wrong_length_is_refused() {
        let error = orthogonalize(Isa::SCALAR, &mut [0.0; 5], [2, 3]).unwrap_err();
        assert_eq!(error, Error::Length { argument: "values", expected: 6, found: 5 });
    }
}
