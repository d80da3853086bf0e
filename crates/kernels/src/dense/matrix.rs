//! A matrix whose rows are padded with zeros to whole vectors, so that no kernel has a special case for a last column.

use crate::arch::Width;

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

    /// Copies its rows without their padding to rows that lie `distance` apart.
    pub(crate) fn copy_to(&self, rows: &mut [f32], distance: usize) {
        for (to, from) in rows.chunks_mut(distance).zip(self.values.chunks_exact(self.stride())) {
            to[..self.columns].copy_from_slice(&from[..self.columns]);
        }
    }
}
