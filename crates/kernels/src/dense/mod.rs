//! Small matrices and their products: what the layers after the convolutions are made of.

mod matrix;
mod multiply;

pub(crate) use matrix::{Matrix, WIDTH};
pub(crate) use multiply::{multiply, multiply_transposed};

#[cfg(test)]
mod tests;
