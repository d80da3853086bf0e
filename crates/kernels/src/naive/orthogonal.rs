//! Orthogonalization by Newton-Schulz steps, as its formula reads.

use crate::orthogonal::{COEFFICIENTS, LEAST_NORM, STEPS};

/// `x := a * x + b * (x * transpose(x)) * x + c * (x * transpose(x))^2 * x`, five times, from `values` `[rows, columns]`
/// over its Frobenius norm.
pub fn orthogonalize(values: &[f64], [rows, columns]: [usize; 2]) -> Vec<f64> {
    let [a, b, c] = COEFFICIENTS.map(f64::from);
    let norm = values.iter().map(|value| value * value).sum::<f64>().sqrt().max(f64::from(LEAST_NORM));
    let mut x: Vec<f64> = values.iter().map(|value| value / norm).collect();
    for _ in 0..STEPS {
        let mut gram = vec![0.0; rows * rows];
        for i in 0..rows {
            for j in 0..rows {
                gram[i * rows + j] = (0..columns).map(|k| x[i * columns + k] * x[j * columns + k]).sum();
            }
        }
        let cubed = product(&gram, &x, [rows, rows, columns]);
        let fifth = product(&gram, &cubed, [rows, rows, columns]);
        for ((x, cubed), fifth) in x.iter_mut().zip(cubed).zip(fifth) {
            *x = a * *x + b * cubed + c * fifth;
        }
    }
    x
}

fn product(left: &[f64], right: &[f64], [m, k, n]: [usize; 3]) -> Vec<f64> {
    let mut output = vec![0.0; m * n];
    for i in 0..m {
        for j in 0..n {
            output[i * n + j] = (0..k).map(|l| left[i * k + l] * right[l * n + j]).sum();
        }
    }
    output
}
