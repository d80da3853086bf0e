//! The linear layer, `y = x * transpose(w) + b`, of any number of rows: forward, input gradient and weight gradient.
//!
//! All three are products of matrices, and a product is a convolution with a kernel of one pixel: rows of the result are
//! pixels, the inner dimension is its input channels, columns are its output channels and so the lanes. A task computes
//! one block of 16 columns: it packs what all rows need of the right matrix, and runs the tiles of [`crate::conv`].

use rayon::prelude::*;

use crate::aligned::Aligned;
use crate::arch::{Kernel, Lanes};
use crate::buffer_pool::BufferPool;
use crate::conv::Convolution;
use crate::conv::layout::{BlockedLayout, ChannelBlock, Channels};
use crate::shape::{check_len, volume};
use crate::{Error, Isa, Result};

/// A linear layer with the memory that it works in, which is kept from call to call.
///
/// ```
/// use adder_kernels::Isa;
/// use adder_kernels::linear::Linear;
///
/// let linear = Linear::new([2, 3], Isa::best())?;
/// let weight = [1.0, 0.0, 0.0, 1.0, 1.0, 1.0];
/// let mut output = [0.0; 3];
/// linear.forward(&[2.0, 5.0], &weight, Some(&[0.5; 3]), &mut output)?;
/// assert_eq!(output, [2.5, 5.5, 7.5]);
/// # Ok::<(), adder_kernels::Error>(())
/// ```
#[derive(Debug)]
pub struct Linear {
    isa: Isa,
    inputs: usize,
    outputs: usize,
    left: BufferPool<Aligned>,
    scratch: BufferPool<[Aligned; 2]>,
}

impl Linear {
    /// A layer from so many inputs to so many outputs, `[inputs, outputs]`.
    ///
    /// # Errors
    /// [`Error::Dimension`] where one of them is zero, [`Error::TooLarge`] where memory cannot address so many weights.
    pub fn new([inputs, outputs]: [usize; 2], isa: Isa) -> Result<Self> {
        for (argument, found) in [("inputs", inputs), ("outputs", outputs)] {
            if found == 0 {
                return Err(Error::Dimension { argument, found, expected: "at least 1".into() });
            }
        }
        volume("weight", &[inputs.saturating_add(15), outputs.saturating_add(15)])?;
        Ok(Self { isa, inputs, outputs, left: BufferPool::default(), scratch: BufferPool::default() })
    }

    /// The instruction set that it runs on.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The number of outputs of a row.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Writes `input`, `[rows, inputs]`, times the transpose of `weight`, `[outputs, inputs]`, plus `bias`, `[outputs]`, to
    /// `output`, `[rows, outputs]`.
    ///
    /// # Errors
    /// [`Error::Length`] where a slice has another size.
    pub fn forward(
        &self,
        input: &[f32],
        weight: &[f32],
        bias: Option<&[f32]>,
        output: &mut [f32],
    ) -> Result<()> {
        let rows = self.rows("input", input.len(), self.inputs)?;
        check_len("weight", weight, self.inputs * self.outputs)?;
        check_len("output", output, rows * self.outputs)?;
        if let Some(bias) = bias {
            check_len("bias", bias, self.outputs)?;
        }
        let (left, right) = (Matrix::rows(input), Matrix::columns(weight));
        self.product([rows, self.inputs, self.outputs], left, right, bias, output);
        Ok(())
    }

    /// The gradient with respect to the input, written over `grad_input`, `[rows, inputs]`.
    ///
    /// `weight` is `[outputs, inputs]`, `grad_output` is `[rows, outputs]`.
    ///
    /// # Errors
    /// [`Error::Length`] where a slice has another size.
    pub fn input_gradient(&self, weight: &[f32], grad_output: &[f32], grad_input: &mut [f32]) -> Result<()> {
        let rows = self.rows("grad_output", grad_output.len(), self.outputs)?;
        check_len("weight", weight, self.inputs * self.outputs)?;
        check_len("grad_input", grad_input, rows * self.inputs)?;
        let (left, right) = (Matrix::rows(grad_output), Matrix::rows(weight));
        self.product([rows, self.outputs, self.inputs], left, right, None, grad_input);
        Ok(())
    }

    /// The gradients with respect to the weight, written over `grad_weight`, `[outputs, inputs]`, and to the bias, written
    /// over `grad_bias`, `[outputs]`, where it is given.
    ///
    /// `input` is `[rows, inputs]`, `grad_output` is `[rows, outputs]`.
    ///
    /// # Errors
    /// [`Error::Length`] where a slice has another size.
    pub fn weight_gradient(
        &self,
        input: &[f32],
        grad_output: &[f32],
        grad_weight: &mut [f32],
        grad_bias: Option<&mut [f32]>,
    ) -> Result<()> {
        let rows = self.rows("input", input.len(), self.inputs)?;
        check_len("grad_output", grad_output, rows * self.outputs)?;
        check_len("grad_weight", grad_weight, self.inputs * self.outputs)?;
        if let Some(grad_bias) = grad_bias {
            check_len("grad_bias", grad_bias, self.outputs)?;
            let mut sums = vec![0f64; self.outputs];
            for row in grad_output.chunks_exact(self.outputs) {
                sums.iter_mut().zip(row).for_each(|(sum, &grad)| *sum += f64::from(grad));
            }
            grad_bias.iter_mut().zip(sums).for_each(|(grad, sum)| *grad = sum as f32);
        }
        let (left, right) = (Matrix::columns(grad_output), Matrix::rows(input));
        self.product([self.outputs, rows, self.inputs], left, right, None, grad_weight);
        Ok(())
    }

    /// The number of rows that `len` values are.
    fn rows(&self, argument: &'static str, len: usize, of_row: usize) -> Result<usize> {
        let rows = len / of_row;
        if rows * of_row != len {
            return Err(Error::Length { argument, expected: (rows + 1) * of_row, found: len });
        }
        volume(argument, &[rows.saturating_add(15), self.inputs.max(self.outputs).saturating_add(15)])?;
        Ok(rows)
    }

    /// Writes the product of `left`, m by k, and `right`, k by n, to `output`, `[m, n]`, plus a bias for each column.
    ///
    /// Each value is the sum over k in order, one fused multiply-add after the other.
    fn product(
        &self,
        [m, k, n]: [usize; 3],
        left: Matrix<'_>,
        right: Matrix<'_>,
        bias: Option<&[f32]>,
        output: &mut [f32],
    ) {
        if m == 0 {
            return;
        }
        let map = |channels| BlockedLayout { channels, height: 1, width: m, border: 0 };
        let from = map(Channels::computed(k));
        let mut packed_left = self.left.take(Aligned::default);
        packed_left.fit(from.len());
        let parts = packed_left.par_chunks_mut(16 * m).zip(from.channels.blocks().collect::<Vec<_>>());
        parts.for_each(|(packed, block)| left.pack_left(self.isa, [m, k], block, packed));

        let columns = Channels::computed(n).blocks().collect::<Vec<_>>();
        let plans = [16, 8].map(|lanes| Convolution::new(self.isa, 1, from, map(Channels::computed(lanes))));
        let output = Columns { values: output.as_mut_ptr(), row: n };
        columns.into_par_iter().for_each(|block| {
            let plan = if block.channels == 16 { &plans[0] } else { &plans[1] };
            let mut scratch = self.scratch.take(Default::default);
            let [weights, values] = &mut *scratch;
            weights.fit(from.channels.stored * block.channels);
            values.fit(m * block.channels);
            right.pack_right(self.isa, [k, n], block, weights);
            let present = block.channels.min(n - block.first);
            let mut biases = [0.0; 16];
            if let Some(bias) = bias {
                biases[..present].copy_from_slice(&bias[block.first..][..present]);
            }
            plan.run_with_bias(&packed_left, weights, &biases[..block.channels], values);
            // SAFETY: each task writes columns of its own, of the `m` rows of `n` values that the output has.
            unsafe { output.write(block, present, values) };
        });
    }
}

/// A matrix to be written by tasks that each have columns of their own.
#[derive(Clone, Copy)]
struct Columns {
    values: *mut f32,
    row: usize,
}

// SAFETY: tasks write disjoint columns, as `write` asks of its callers.
unsafe impl Send for Columns {}
// SAFETY: as above.
unsafe impl Sync for Columns {}

impl Columns {
    /// Writes the first `present` columns of a block, whose rows are `values`.
    ///
    /// # Safety
    /// The matrix must have these columns and as many rows as `values`, and nobody else may touch them meanwhile.
    unsafe fn write(&self, block: ChannelBlock, present: usize, values: &[f32]) {
        for (index, row) in values.chunks_exact(block.channels).enumerate() {
            // SAFETY: as the caller vouches for. A constant number of values is copied without a call.
            unsafe {
                let target = self.values.add(index * self.row + block.first);
                match present {
                    16 => std::ptr::copy_nonoverlapping(row.as_ptr(), target, 16),
                    _ => std::ptr::copy_nonoverlapping(row.as_ptr(), target, present),
                }
            }
        }
    }
}

/// A matrix in one of two orders.
#[derive(Clone, Copy)]
struct Matrix<'a> {
    values: &'a [f32],
    /// Whether the columns and not the rows lie one after the other.
    transposed: bool,
}

impl<'a> Matrix<'a> {
    fn rows(values: &'a [f32]) -> Self {
        Self { values, transposed: false }
    }

    fn columns(values: &'a [f32]) -> Self {
        Self { values, transposed: true }
    }

    /// Packs the columns of a block of a matrix of `m` by `k`: `[row][column of the block]`, zeros beyond the last column.
    fn pack_left(self, isa: Isa, [m, k]: [usize; 2], block: ChannelBlock, packed: &mut [f32]) {
        match self.transposed {
            false => copy_rows(self.values, [m, k], block, packed),
            true => transpose(isa, self.values, [m, k], block, packed),
        }
    }

    /// Packs the columns of a block of a matrix of `k` by `n`: `[row][column of the block]`, zeros beyond the last column
    /// and, as far as `packed` goes, beyond the last row.
    fn pack_right(self, isa: Isa, [k, n]: [usize; 2], block: ChannelBlock, packed: &mut [f32]) {
        let (rows, beyond) = packed.split_at_mut(k * block.channels);
        match self.transposed {
            false => copy_rows(self.values, [k, n], block, rows),
            true => transpose(isa, self.values, [k, n], block, rows),
        }
        beyond.fill(0.0);
    }
}

/// Copies the columns of a block out of `rows` rows of `row` values.
fn copy_rows(values: &[f32], [rows, row]: [usize; 2], block: ChannelBlock, packed: &mut [f32]) {
    let present = block.channels.min(row - block.first);
    let sources = values.chunks_exact(row).take(rows);
    if present == 16 {
        // A constant number of values is copied without a call.
        for (packed, source) in packed.as_chunks_mut::<16>().0.iter_mut().zip(sources) {
            packed.copy_from_slice(&source[block.first..][..16]);
        }
        return;
    }
    for (packed, source) in packed.chunks_exact_mut(block.channels).zip(sources) {
        packed[..present].copy_from_slice(&source[block.first..][..present]);
        packed[present..].fill(0.0);
    }
}

/// Copies the columns of a block out of a matrix of `rows` by `columns` whose columns lie one after the other.
fn transpose(isa: Isa, values: &[f32], [rows, columns]: [usize; 2], block: ChannelBlock, packed: &mut [f32]) {
    let present = block.channels.min(columns - block.first);
    let values = &values[block.first * rows..][..present * rows];
    isa.run(block.width(), Transpose { values, rows, present, packed });
}

/// Copies columns of `rows` values to rows of as many values as there are lanes.
struct Transpose<'a> {
    values: &'a [f32],
    rows: usize,
    /// Columns; lanes beyond become zero.
    present: usize,
    packed: &'a mut [f32],
}

impl Kernel for Transpose<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { values, rows, present, packed } = self;
        assert!(values.len() == present * rows && packed.len() == rows * L::LANES);
        if present == L::LANES && rows >= 4 {
            for step in 0..rows.div_ceil(4) {
                // The last step overlaps the one before.
                let row = (4 * step).min(rows - 4);
                // SAFETY: there are as many columns as lanes, and four rows from this one on in each of them.
                unsafe {
                    let target = packed.as_mut_ptr().add(row * L::LANES);
                    lanes.interleave(values.as_ptr().add(row), rows, target, L::LANES);
                }
            }
            return;
        }
        packed.fill(0.0);
        for (lane, column) in values.chunks_exact(rows.max(1)).enumerate() {
            let targets = packed[lane..].iter_mut().step_by(L::LANES);
            targets.zip(column).for_each(|(target, &value)| *target = value);
        }
    }
}

#[cfg(test)]
mod tests;
