//! Small matrices and their products: what dense layers are made of.

use crate::Isa;
use crate::arch::{Kernel, Lanes, Width};

/// The lanes of the kernels over matrices. Sixteen gain nothing here: most layers are narrow, and the multiple of
/// sixteen above 20 is 32.
pub(crate) const WIDTH: Width = Width::Eight;

/// The columns that a row of so many is stored with.
const fn padded(columns: usize) -> usize {
    columns.next_multiple_of(WIDTH.lanes())
}

/// Rows of `f32`, each padded to a multiple of eight. Its memory is kept when it is resized.
#[derive(Clone, Debug, Default)]
pub(crate) struct Matrix {
    columns: usize,
    values: Vec<f32>,
}

impl Matrix {
    /// An empty matrix of so many columns.
    pub(crate) fn new(columns: usize) -> Self {
        Self { columns, values: Vec::new() }
    }

    /// The number of columns, padding not counted.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// The distance between two rows, padding included.
    pub(crate) fn stride(&self) -> usize {
        padded(self.columns)
    }

    /// The number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.values.len() / self.stride()
    }

    /// One row with its padding.
    pub(crate) fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.stride()..][..self.stride()]
    }

    /// One row with its padding.
    pub(crate) fn row_mut(&mut self, row: usize) -> &mut [f32] {
        let stride = self.stride();
        &mut self.values[row * stride..][..stride]
    }

    /// All rows with their padding.
    pub(crate) fn values(&self) -> &[f32] {
        &self.values
    }

    /// All rows with their padding.
    pub(crate) fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// Makes it `rows` rows of zeros.
    pub(crate) fn clear(&mut self, rows: usize) {
        self.values.clear();
        self.values.resize(rows * self.stride(), 0.0);
    }

    /// Makes it a copy of rows without padding that lie `distance` apart, the first columns of each.
    pub(crate) fn copy_from(&mut self, rows: &[f32], distance: usize) {
        self.clear(rows.len() / distance);
        let stride = self.stride();
        for (to, from) in self.values.chunks_exact_mut(stride).zip(rows.chunks_exact(distance)) {
            to[..self.columns].copy_from_slice(&from[..self.columns]);
        }
    }

    /// Makes it the transpose of rows without padding, each as long as this matrix is to have rows.
    pub(crate) fn transpose_from(&mut self, rows: &[f32], length: usize) {
        self.clear(length);
        let stride = self.stride();
        for (column, row) in rows.chunks_exact(length).enumerate() {
            for (to, &value) in self.values[column..].iter_mut().step_by(stride).zip(row) {
                *to = value;
            }
        }
    }

    /// Writes its transpose into the first values of rows that lie `distance` apart; the last may be cut short.
    pub(crate) fn transpose_to(&self, rows: &mut [f32], distance: usize) {
        for (column, to) in rows.chunks_mut(distance).take(self.columns).enumerate() {
            for (to, from) in to.iter_mut().zip(self.values.chunks_exact(self.stride())) {
                *to = from[column];
            }
        }
    }

    /// Makes it the rows of several matrices, of `widths` columns and without padding, side by side.
    pub(crate) fn join_columns(&mut self, rows: usize, widths: &[usize], parts: &[&[f32]]) {
        self.clear(rows);
        let mut first = 0;
        for (&width, part) in widths.iter().zip(parts) {
            for (row, from) in part.chunks_exact(width).enumerate() {
                self.row_mut(row)[first..first + width].copy_from_slice(from);
            }
            first += width;
        }
    }

    /// Copies its columns to several matrices, of `widths` columns and without padding, into their rows from `row` on.
    pub(crate) fn split_columns(&self, widths: &[usize], row: usize, parts: &mut [&mut [f32]]) {
        let mut first = 0;
        for (&width, part) in widths.iter().zip(parts) {
            let rows = part.chunks_exact_mut(width).skip(row);
            for (to, from) in rows.zip(self.values.chunks_exact(self.stride())) {
                to.copy_from_slice(&from[first..first + width]);
            }
            first += width;
        }
    }

    /// Copies its rows without their padding to rows that lie `distance` apart.
    pub(crate) fn copy_to(&self, rows: &mut [f32], distance: usize) {
        for (to, from) in rows.chunks_mut(distance).zip(self.values.chunks_exact(self.stride())) {
            to[..self.columns].copy_from_slice(&from[..self.columns]);
        }
    }
}

// Products add to their output, with the left factor as it is or transposed. The lanes are columns of the right factor, and
// each output adds its products one after the other, in the order of the depth: the same bits on every instruction set.

/// Rows of a tile and vectors in each of its rows: twelve sums are as many as AVX2 has registers for, and hide the
/// latency of an `fma` on two ports. Forward and backward of layers of 20 and 64 units take 67 us with 4x3, 70 with 4x2,
/// 74 with 6x2, 86 with 2x4.
const ROWS: usize = 4;
const VECTORS: usize = 3;

/// `output += left * right`: `[m, k]`, `[k, n]` and `[m, n]`. Rows of `right` past `left`'s columns are left out.
pub(crate) fn multiply(isa: Isa, left: &Matrix, right: &Matrix, output: &mut Matrix) {
    let (row_step, depth_step, depth) = (left.stride(), 1, left.columns());
    isa.run(WIDTH, Product { left, row_step, depth_step, depth, right, output });
}

/// `output += transpose(left) * right`: `[k, m]`, `[k, n]` and `[m, n]`.
pub(crate) fn multiply_transposed(isa: Isa, left: &Matrix, right: &Matrix, output: &mut Matrix) {
    let (row_step, depth_step, depth) = (1, left.stride(), left.rows());
    isa.run(WIDTH, Product { left, row_step, depth_step, depth, right, output });
}

struct Product<'a> {
    /// The factor for row `m` and depth `k` lies at `m * row_step + k * depth_step`.
    left: &'a Matrix,
    row_step: usize,
    depth_step: usize,
    depth: usize,
    right: &'a Matrix,
    output: &'a mut Matrix,
}

impl Kernel for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        if self.depth == 0 {
            return;
        }
        let (rows, columns) = (self.output.rows(), self.output.stride());
        let (tiled_rows, tiled_columns) = (rows - rows % ROWS, columns - columns % (VECTORS * L::LANES));
        for row in (0..tiled_rows).step_by(ROWS) {
            for column in (0..tiled_columns).step_by(VECTORS * L::LANES) {
                self.tile::<L, ROWS, VECTORS>(lanes, row, column);
            }
            for column in (tiled_columns..columns).step_by(L::LANES) {
                self.tile::<L, ROWS, 1>(lanes, row, column);
            }
        }
        for row in tiled_rows..rows {
            for column in (0..columns).step_by(L::LANES) {
                self.tile::<L, 1, 1>(lanes, row, column);
            }
        }
    }
}

impl Product<'_> {
    /// Adds to the `R` rows and `V` vectors of the output at `row` and `column`.
    #[inline(always)]
    fn tile<L: Lanes, const R: usize, const V: usize>(&mut self, lanes: L, row: usize, column: usize) {
        let stride = self.output.stride();
        let output = &mut self.output.values_mut()[row * stride + column..];
        let mut sums = [[lanes.splat(0.0); V]; R];
        for r in 0..R {
            for v in 0..V {
                sums[r][v] = lanes.load(&output[r * stride + v * L::LANES..]);
            }
        }
        let left = &self.left.values()[row * self.row_step..];
        for (k, right) in self.right.values().chunks_exact(stride).take(self.depth).enumerate() {
            let right = &right[column..][..V * L::LANES];
            for r in 0..R {
                let factor = lanes.splat(left[r * self.row_step + k * self.depth_step]);
                for v in 0..V {
                    sums[r][v] = lanes.fma(factor, lanes.load(&right[v * L::LANES..]), sums[r][v]);
                }
            }
        }
        for r in 0..R {
            for v in 0..V {
                lanes.store(sums[r][v], &mut output[r * stride + v * L::LANES..]);
            }
        }
    }
}

#[cfg(test)]
mod tests;
