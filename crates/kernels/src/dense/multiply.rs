//! Products of matrices, `output += left * right` with `left` as it is or transposed.
//!
//! The lanes are columns of `right`, and each output adds its products one after the other, in the order of the depth:
//! the same bits on every instruction set.

use super::matrix::{Matrix, WIDTH};
use crate::Isa;
use crate::arch::{Kernel, Lanes};

/// Rows of a tile and vectors in each of its rows: twelve sums are as many as AVX2 has registers for, and hide the
/// latency of an `fma` on two ports. A step of the notebook's head takes 67 us with 4x3, 70 with 4x2, 74 with 6x2, 86
/// with 2x4.
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
