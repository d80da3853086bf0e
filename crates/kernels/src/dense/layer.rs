//! A linear layer, and the batch norm with its ReLU, over the rows of matrices, a column in each lane.
//!
//! Sums over rows have four chains, row `i` in chain `i % 4`, added up as (0 + 1) + (2 + 3): the same bits on every
//! instruction set.

use crate::Isa;
use crate::arch::{Kernel, Lanes};
use crate::fold::EPSILON;
use crate::matrix::{Matrix, WIDTH, multiply, multiply_transposed};

/// The weight of a linear layer, packed for both directions.
#[derive(Debug, Default)]
pub(super) struct Linear {
    /// `[in, out]`.
    by_input: Matrix,
    /// `[out, in]`.
    by_output: Matrix,
    weight_grad: Matrix,
    /// The distance between the rows of the weight outside.
    row_length: usize,
}

impl Linear {
    /// A layer of so many inputs and outputs. A row of its weight has `row_length` values, of which those past the
    /// inputs are columns that one-hot inputs choose.
    pub(super) fn new(inputs: usize, row_length: usize, outputs: usize) -> Self {
        Self {
            by_input: Matrix::new(outputs),
            by_output: Matrix::new(inputs),
            weight_grad: Matrix::new(inputs),
            row_length,
        }
    }

    /// Packs a weight, `[out, row_length]`.
    pub(super) fn pack(&mut self, weight: &[f32]) {
        self.by_input.transpose_from(weight, self.row_length);
        self.by_output.copy_from(weight, self.row_length);
    }

    /// The column of the weight, padded, that one-hot input `class` chooses.
    pub(super) fn column(&self, class: usize) -> &[f32] {
        self.by_input.row(self.by_output.columns() + class)
    }

    /// Adds the layer's outputs to `output`, `[b, out]`.
    pub(super) fn forward(&self, isa: Isa, input: &Matrix, output: &mut Matrix) {
        multiply(isa, input, &self.by_input, output);
    }

    /// Writes the gradient of the inputs, `[b, in]`, for that of the outputs, `[b, out]`.
    pub(super) fn input_gradient(&self, isa: Isa, grad_output: &Matrix, grad_input: &mut Matrix) {
        grad_input.clear(grad_output.rows());
        multiply(isa, grad_output, &self.by_output, grad_input);
    }

    /// Writes the gradient of the weight, `[out, row_length]`, but for the columns of one-hot inputs.
    pub(super) fn weight_gradient(
        &mut self,
        isa: Isa,
        input: &Matrix,
        grad_output: &Matrix,
        grad_weight: &mut [f32],
    ) {
        self.weight_grad.clear(grad_output.columns());
        multiply_transposed(isa, grad_output, input, &mut self.weight_grad);
        self.weight_grad.copy_to(grad_weight, self.row_length);
    }
}

const CHAINS: usize = 4;

/// A norm with the ReLU after it: its parameters, and what its backward pass needs of the forward pass.
#[derive(Debug, Default)]
pub(super) struct Norm {
    /// Input of the forward pass; after it, the normalized input without gamma and beta.
    pub(super) values: Matrix,
    /// relu(gamma * values + beta).
    pub(super) output: Matrix,
    /// One value for each column, padded like a row: the mean of the batch,
    mean: Vec<f32>,
    /// its biased variance,
    variance: Vec<f32>,
    /// 1 / sqrt(variance + epsilon), and the parameters.
    inverse_deviation: Vec<f32>,
    gamma: Vec<f32>,
    beta: Vec<f32>,
}

/// The gradients of a norm's parameters, padded like a row.
#[derive(Debug, Default)]
pub(super) struct AffineGradients {
    pub(super) gamma: Vec<f32>,
    pub(super) beta: Vec<f32>,
}

/// The statistics with which a norm normalized a batch, one value for each of its units; zeros for an empty batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormStatistics<'a> {
    /// The means.
    pub mean: &'a [f32],
    /// The biased variances.
    pub variance: &'a [f32],
}

impl Norm {
    pub(super) fn new(columns: usize) -> Self {
        Self { values: Matrix::new(columns), output: Matrix::new(columns), ..Self::default() }
    }

    /// Normalizes `values` with their own statistics. `gamma` and `beta` have one value for each column.
    pub(super) fn forward(&mut self, isa: Isa, gamma: &[f32], beta: &[f32]) {
        let stride = self.values.stride();
        self.output.clear(self.values.rows());
        for (padded, given) in [(&mut self.gamma, gamma), (&mut self.beta, beta)] {
            padded.clear();
            padded.extend_from_slice(given);
            padded.resize(stride, 0.0);
        }
        for statistic in [&mut self.mean, &mut self.variance, &mut self.inverse_deviation] {
            statistic.resize(stride, 0.0);
        }
        isa.run(WIDTH, Forward(self));
    }

    /// Turns the gradient of the output into that of the input. Writes those of the parameters.
    pub(super) fn backward(&self, isa: Isa, grad: &mut Matrix, params: &mut AffineGradients) {
        params.gamma.resize(grad.stride(), 0.0);
        params.beta.resize(grad.stride(), 0.0);
        isa.run(WIDTH, Backward { norm: self, grad, params });
    }

    pub(super) fn statistics(&self) -> NormStatistics<'_> {
        let columns = self.values.columns();
        NormStatistics { mean: &self.mean[..columns], variance: &self.variance[..columns] }
    }

    /// One over the number of rows; for an empty batch, whose sums are zero, it does not matter.
    fn inverse_count(&self) -> f32 {
        1.0 / self.values.rows().max(1) as f32
    }
}

struct Forward<'a>(&'a mut Norm);

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let norm = self.0;
        let (rows, stride) = (norm.values.rows(), norm.values.stride());
        let inverse_count = lanes.splat(norm.inverse_count());
        for column in (0..stride).step_by(L::LANES) {
            let values = norm.values.values_mut();
            let mean = sum_rows(lanes, rows, |row| lanes.load(&values[row * stride + column..]));
            let mean = lanes.mul(mean, inverse_count);
            let squares = sum_rows(lanes, rows, |row| {
                let centered = lanes.sub(lanes.load(&values[row * stride + column..]), mean);
                lanes.mul(centered, centered)
            });
            lanes.store(mean, &mut norm.mean[column..]);
            lanes.store(lanes.mul(squares, inverse_count), &mut norm.variance[column..]);
            for at in column..column + L::LANES {
                norm.inverse_deviation[at] = 1.0 / (norm.variance[at] + EPSILON as f32).sqrt();
            }

            let inverse_deviation = lanes.load(&norm.inverse_deviation[column..]);
            let (gamma, beta) = (lanes.load(&norm.gamma[column..]), lanes.load(&norm.beta[column..]));
            let output = norm.output.values_mut();
            for at in (column..values.len()).step_by(stride) {
                let standard = lanes.mul(lanes.sub(lanes.load(&values[at..]), mean), inverse_deviation);
                lanes.store(standard, &mut values[at..]);
                let affine = lanes.fma(gamma, standard, beta);
                // A NaN must not become 0: max takes its second operand then.
                lanes.store(lanes.max(lanes.splat(0.0), affine), &mut output[at..]);
            }
        }
    }
}

struct Backward<'a> {
    norm: &'a Norm,
    grad: &'a mut Matrix,
    params: &'a mut AffineGradients,
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { norm, grad, params } = self;
        let (rows, stride) = (grad.rows(), grad.stride());
        let (values, output, grad) = (norm.values.values(), norm.output.values(), grad.values_mut());
        let zero = lanes.splat(0.0);
        let inverse_count = norm.inverse_count();
        for column in (0..stride).step_by(L::LANES) {
            for at in (column..grad.len()).step_by(stride) {
                let active = lanes.gt(lanes.load(&output[at..]), zero);
                lanes.store(lanes.zero_unless(active, lanes.load(&grad[at..])), &mut grad[at..]);
            }
            let beta = sum_rows(lanes, rows, |row| lanes.load(&grad[row * stride + column..]));
            let gamma = sum_rows(lanes, rows, |row| {
                let at = row * stride + column;
                lanes.mul(lanes.load(&grad[at..]), lanes.load(&values[at..]))
            });
            lanes.store(beta, &mut params.beta[column..]);
            lanes.store(gamma, &mut params.gamma[column..]);

            // gamma / deviation * (grad - mean of grad - standard * mean of grad * standard), as two fused steps.
            let scale =
                lanes.mul(lanes.load(&norm.gamma[column..]), lanes.load(&norm.inverse_deviation[column..]));
            let share = lanes.mul(scale, lanes.splat(-inverse_count));
            let (shift, slope) = (lanes.mul(share, beta), lanes.mul(share, gamma));
            for at in (column..grad.len()).step_by(stride) {
                let centered = lanes.fma(slope, lanes.load(&values[at..]), shift);
                lanes.store(lanes.fma(scale, lanes.load(&grad[at..]), centered), &mut grad[at..]);
            }
        }
    }
}

/// The sum of `term` over all rows.
#[inline(always)]
fn sum_rows<L: Lanes>(lanes: L, rows: usize, term: impl Fn(usize) -> L::F) -> L::F {
    let mut chains = [lanes.splat(0.0); CHAINS];
    for first in (0..rows).step_by(CHAINS) {
        for (chain, row) in chains.iter_mut().zip(first..rows) {
            *chain = lanes.add(*chain, term(row));
        }
    }
    lanes.add(lanes.add(chains[0], chains[1]), lanes.add(chains[2], chains[3]))
}
