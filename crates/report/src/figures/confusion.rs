//! Which class was taken for which.

use adder_model::thousands;
use adder_train::analysis::Confusion;

use super::matrix::{Cell, Matrix, in_square, log_shade};
use crate::drawing::{Drawing, Figure};

/// A confusion matrix: a row for each true class of a head, a column for each answer, colour by the logarithm of the count.
pub fn confusion(head: &str, confusion: &Confusion) -> Figure {
    let largest = confusion.rows().iter().flatten().copied().max().unwrap_or(0);
    let cell = |row: usize, column: usize, count: u64, of: u64| Cell {
        shade: log_shade(count, largest),
        words: in_square(count),
        title: format!(
            "{head} {row} answered as {column}: {} pairs, {:.2} % of the {head}'s",
            thousands(count),
            100.0 * count as f64 / of.max(1) as f64
        ),
    };
    let cells = confusion.rows().iter().enumerate().map(|(row, counts)| {
        let of = counts.iter().sum();
        counts.iter().enumerate().map(|(column, &count)| cell(row, column, count, of)).collect()
    });
    let classes = confusion.rows().len();
    let matrix = Matrix {
        title: &format!("Confusion of the {head}"),
        rows: &format!("true {head}"),
        columns: &format!("answered {head}"),
        cells: cells.collect(),
        side: if classes > 10 { 31.0 } else { 38.0 },
    };
    let mut drawing = Drawing::default();
    let (width, height) = matrix.draw(&mut drawing, 0.0);
    drawing.finish(width, height, format!("Confusion matrix of the {head}: true class by answered class"))
}
