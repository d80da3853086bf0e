//! Layer normalization of rows, `[rows, width]`.

use rayon::prelude::*;

use super::sums::{TASK_VALUES, WIDTH, mean_square, moments, products};
use crate::arch::{Kernel, Lanes};
use crate::reduce::{CHUNK, PartialSums};
use crate::shape::{check_len, volume};
use crate::{Error, Isa, Result};

/// A layer norm: `gamma * (x - mean) / sqrt(variance + epsilon) + beta` of each row, with the row's own mean and biased
/// variance. Without its mean it is an RMS norm: `gamma * x / sqrt(mean of x^2 + epsilon) + beta`.
#[derive(Clone, Copy, Debug)]
pub struct LayerNorm<'a> {
    /// Values of a row, at least 1.
    pub width: usize,
    /// The factor of each place in a row, `[width]`.
    pub gamma: &'a [f32],
    /// The offset of each place in a row, `[width]`; zero where there is none.
    pub beta: Option<&'a [f32]>,
    /// Added to the variance.
    pub epsilon: f64,
    /// Whether the mean is subtracted.
    pub remove_mean: bool,
}

/// Where the gradients are written.
#[derive(Debug)]
pub struct LayerNormGradients<'a> {
    /// That of the input, `[rows, width]`.
    pub x: &'a mut [f32],
    /// That of gamma, `[width]`.
    pub gamma: &'a mut [f32],
    /// That of beta, `[width]`, the sum over the rows of the gradient at the output.
    pub beta: &'a mut [f32],
}

impl LayerNorm<'_> {
    /// Normalizes each row of `x`, `[rows, width]`, into `output` of the same shape.
    ///
    /// # Errors
    /// [`Error::Dimension`] for a width of zero, and [`Error::Length`] for slices that do not fit.
    pub fn forward(&self, isa: Isa, x: &[f32], output: &mut [f32]) -> Result<()> {
        self.check(x)?;
        check_len("output", output, x.len())?;
        let task = self.rows_a_task() * self.width;
        output
            .par_chunks_mut(task)
            .zip(x.par_chunks(task))
            .for_each(|(output, x)| isa.run(WIDTH, Forward { norm: self, x, output }));
        Ok(())
    }

    /// Writes the gradients of [`forward`](Self::forward) over `grads`: `x` is that of the forward pass, `grad_output`,
    /// `[rows, width]`, the gradient at the output. Statistics are taken again, so that nothing is kept.
    ///
    /// # Errors
    /// As for [`forward`](Self::forward).
    pub fn backward(
        &self,
        isa: Isa,
        x: &[f32],
        grad_output: &[f32],
        grads: LayerNormGradients<'_>,
    ) -> Result<()> {
        self.check(x)?;
        check_len("grad_output", grad_output, x.len())?;
        check_len("grads.x", grads.x, x.len())?;
        check_len("grads.gamma", grads.gamma, self.width)?;
        check_len("grads.beta", grads.beta, self.width)?;
        let rows_a_task = self.rows_a_task();
        let tasks = (x.len() / self.width).div_ceil(rows_a_task);
        let mut sums = PartialSums::<f32>::default();
        let rows = grads.x.par_chunks_mut(rows_a_task * self.width);
        let inputs =
            x.par_chunks(rows_a_task * self.width).zip(grad_output.par_chunks(rows_a_task * self.width));
        sums.start(tasks * CHUNK, 2 * self.width).zip(rows).zip(inputs).for_each(
            |((sums, grad_x), (x, grad))| isa.run(WIDTH, Backward { norm: self, x, grad, grad_x, sums }),
        );
        let mut totals = vec![0.0; 2 * self.width];
        sums.add_up(&mut totals);
        let (gamma, beta) = totals.split_at(self.width);
        grads.gamma.copy_from_slice(gamma);
        grads.beta.copy_from_slice(beta);
        Ok(())
    }

    fn check(&self, x: &[f32]) -> Result<()> {
        if self.width == 0 {
            return Err(Error::Dimension { argument: "width", found: 0, expected: "at least 1".into() });
        }
        check_len("gamma", self.gamma, self.width)?;
        if let Some(beta) = self.beta {
            check_len("beta", beta, self.width)?;
        }
        check_len("x", x, volume("x", &[x.len() / self.width, self.width])?)
    }

    fn rows_a_task(&self) -> usize {
        TASK_VALUES.div_ceil(self.width)
    }

    /// The value that is subtracted from a row, and one over its deviation, exact.
    #[inline(always)]
    fn statistics<L: Lanes>(&self, lanes: L, row: &[f32]) -> [f64; 2] {
        let [mean, variance] = if self.remove_mean {
            let [mean, squares] = moments(lanes, row);
            // Rounding may leave less than nothing; a NaN stays.
            [mean, if squares < 0.0 { 0.0 } else { squares / row.len() as f64 }]
        } else {
            [0.0, mean_square(lanes, row)]
        };
        [mean, 1.0 / (variance + self.epsilon).sqrt()]
    }
}

struct Forward<'a> {
    norm: &'a LayerNorm<'a>,
    x: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { norm, x, output } = self;
        for (x, output) in x.chunks_exact(norm.width).zip(output.chunks_exact_mut(norm.width)) {
            let [mean, inverse_deviation] = norm.statistics(lanes, x);
            let (pivot, scale) = (mean as f32, inverse_deviation as f32);
            // What rounding took from the mean is given back.
            let shift = (-(mean - f64::from(pivot)) * inverse_deviation) as f32;
            let values = output.iter_mut().zip(x).zip(norm.gamma);
            match norm.beta {
                Some(beta) => values.zip(beta).for_each(|(((output, x), gamma), beta)| {
                    *output = ((x - pivot) * scale + shift) * gamma + beta;
                }),
                None => {
                    values.for_each(|((output, x), gamma)| *output = ((x - pivot) * scale + shift) * gamma)
                }
            }
        }
    }
}

struct Backward<'a> {
    norm: &'a LayerNorm<'a>,
    x: &'a [f32],
    grad: &'a [f32],
    grad_x: &'a mut [f32],
    /// The sums of gamma's gradients, then of beta's.
    sums: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { norm, x, grad, grad_x, sums } = self;
        let width = norm.width;
        let (of_gamma, of_beta) = sums.split_at_mut(width);
        let rows = x.chunks_exact(width).zip(grad.chunks_exact(width)).zip(grad_x.chunks_exact_mut(width));
        for ((x, grad), grad_x) in rows {
            let [mean, inverse_deviation] = norm.statistics(lanes, x);
            let (pivot, scale) = (mean as f32, inverse_deviation as f32);
            let rest = mean - f64::from(pivot);
            let shift = (-rest * inverse_deviation) as f32;
            let values = grad_x.iter_mut().zip(x).zip(grad).zip(norm.gamma);
            for ((((grad_x, x), grad), gamma), (of_gamma, of_beta)) in
                values.zip(of_gamma.iter_mut().zip(&mut *of_beta))
            {
                *of_gamma += grad * ((x - pivot) * scale + shift);
                *of_beta += grad;
                *grad_x = grad * gamma;
            }
            // Moving one value moves the row's mean and variance too: what they take back is linear in the value.
            let [sum, product] = products(lanes, grad_x, x, pivot);
            let count = width as f64;
            let slope =
                -inverse_deviation * inverse_deviation * inverse_deviation * (product - rest * sum) / count;
            let mean_grad = if norm.remove_mean { sum / count } else { 0.0 };
            let rounded = mean_grad as f32;
            let constant = -inverse_deviation * (mean_grad - f64::from(rounded)) - slope * rest;
            let (slope, constant) = (slope as f32, constant as f32);
            for (grad_x, x) in grad_x.iter_mut().zip(x) {
                *grad_x = scale * (*grad_x - rounded) + (slope * (x - pivot) + constant);
            }
        }
    }
}

#[cfg(test)]
mod tests;
