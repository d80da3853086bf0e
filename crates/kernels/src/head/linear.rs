//! A linear layer without bias over the rows of matrices.

use crate::Isa;
use crate::dense::{Matrix, multiply, multiply_transposed};

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
