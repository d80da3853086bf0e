//! Where the errors are.

use adder_train::analysis::Errors;

use super::matrix::{Cell, Matrix};
use crate::drawing::{Drawing, Figure};

/// The share of pairs with an error in either head, for each digit with each addend.
pub fn error_map(errors: &Errors) -> Figure {
    let rate = |wrong: u64, pairs: u64| 100.0 * wrong as f64 / pairs.max(1) as f64;
    let all = errors.by_digit_and_addend.iter().flatten();
    let highest = all.map(|counts| rate(counts.either, counts.pairs)).fold(0.0, f64::max);
    let cells = errors.by_digit_and_addend.iter().enumerate().map(|(digit, row)| {
        let cell = |(addend, counts): (usize, &adder_train::analysis::ErrorCounts)| {
            let share = rate(counts.either, counts.pairs);
            Cell {
                shade: if highest > 0.0 { share / highest } else { 0.0 },
                words: if counts.pairs == 0 { String::new() } else { format!("{share:.1}") },
                title: format!(
                    "{digit} + {addend}: {} of {} pairs wrong (digit {}, sum {})",
                    counts.either, counts.pairs, counts.digit, counts.sum
                ),
            }
        };
        row.iter().enumerate().map(cell).collect()
    });
    let matrix = Matrix {
        title: "Pairs with an error (%)",
        rows: "digit",
        columns: "addend",
        cells: cells.collect(),
        side: 38.0,
    };
    let mut drawing = Drawing::default();
    let (width, height) = matrix.draw(&mut drawing, 0.0);
    drawing.finish(width, height, "Share of wrong pairs for each digit with each addend")
}
