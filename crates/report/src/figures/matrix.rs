//! Tables of counts as colored squares: confusion matrices and the map of errors.

use adder_model::thousands;
use adder_train::analysis::{Confusion, ErrorCounts, Errors};

use crate::drawing::{Anchor, Drawing, Figure, Rect};

/// A table: what its rows and columns are, and its squares.
struct Matrix<'a> {
    title: &'a str,
    rows: &'a str,
    columns: &'a str,
    /// `[row][column]`.
    cells: Vec<Vec<Cell>>,
    /// Side of a square.
    side: f64,
}

/// One square.
struct Cell {
    /// From 0, none, to 1, full color.
    shade: f64,
    /// The text in it.
    words: String,
    /// The text that is shown when a pointer rests on it.
    title: String,
}

const LEFT: f64 = 52.0;
const TOP: f64 = 66.0;
const MARGIN: f64 = 14.0;

impl Matrix<'_> {
    /// Draws it with its upper left corner at `left`; its width and height.
    fn draw(&self, drawing: &mut Drawing, left: f64) -> (f64, f64) {
        let side = self.side;
        let (rows, columns) = (self.cells.len(), self.cells.first().map_or(0, Vec::len));
        let frame = Rect::new(left + LEFT, TOP, columns as f64 * side, rows as f64 * side);
        let middle = (frame.left + frame.width / 2.0, frame.top + frame.height / 2.0);
        drawing.text("bold", (frame.left, 20.0), Anchor::Start, 14.0, self.title);
        drawing.text("muted", (middle.0, 42.0), Anchor::Middle, 12.0, self.columns);
        drawing.text_upwards("muted", (left + 20.0, middle.1), 12.0, self.rows);
        for place in 0..=rows {
            let y = frame.top + place as f64 * side;
            drawing.line("grid", (frame.left, y), (frame.right(), y));
        }
        for place in 0..=columns {
            let x = frame.left + place as f64 * side;
            drawing.line("grid", (x, frame.top), (x, frame.bottom()));
        }
        for place in 0..columns {
            let x = frame.left + (place as f64 + 0.5) * side;
            drawing.text("muted", (x, frame.top - 7.0), Anchor::Middle, 12.0, &place.to_string());
        }
        for (row, cells) in self.cells.iter().enumerate() {
            let y = frame.top + row as f64 * side;
            drawing.text(
                "muted",
                (frame.left - 8.0, y + side / 2.0 + 4.0),
                Anchor::End,
                12.0,
                &row.to_string(),
            );
            for (column, cell) in cells.iter().enumerate() {
                let square = Rect::new(frame.left + column as f64 * side, y, side, side);
                self.draw_cell(drawing, square, cell);
            }
        }
        (LEFT + frame.width + MARGIN, TOP + frame.height + MARGIN)
    }

    fn draw_cell(&self, drawing: &mut Drawing, square: Rect, cell: &Cell) {
        if cell.words.is_empty() {
            return;
        }
        let inner = Rect::new(square.left + 0.5, square.top + 0.5, square.width - 1.0, square.height - 1.0);
        drawing.rect("heat", inner, cell.shade, &cell.title);
        let size = (self.side / 2.9).min(12.0);
        let class = if cell.shade > 0.5 { "inverse through" } else { "through" };
        let at = (square.left + square.width / 2.0, square.top + square.height / 2.0 + size * 0.36);
        drawing.text(class, at, Anchor::Middle, size, &cell.words);
    }
}

/// A shade that grows with the logarithm of a count: 1 can be told from 0, and 1000 from 100.
fn log_shade(count: u64, largest: u64) -> f64 {
    if count == 0 { 0.0 } else { 0.1 + 0.9 * (count as f64).ln_1p() / (largest.max(count) as f64).ln_1p() }
}

/// A count that fits into a square: `9870`, `99k`.
fn in_square(count: u64) -> String {
    match count {
        0 => String::new(),
        count if count < 10_000 => count.to_string(),
        count => format!("{}k", (count + 500) / 1000),
    }
}

/// A confusion matrix: a row for each true class of a head, a column for each answer, color by the logarithm of the count.
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

/// The share of pairs with an error in either head, for each digit with each addend.
pub fn error_map(errors: &Errors) -> Figure {
    let rate = |wrong: u64, pairs: u64| 100.0 * wrong as f64 / pairs.max(1) as f64;
    let all = errors.by_digit_and_addend.iter().flatten();
    let highest = all.map(|counts| rate(counts.either, counts.pairs)).fold(0.0, f64::max);
    let cells = errors.by_digit_and_addend.iter().enumerate().map(|(digit, row)| {
        let cell = |(addend, counts): (usize, &ErrorCounts)| {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_tell_few_from_none() {
        assert_eq!((log_shade(0, 1000), log_shade(1000, 1000), log_shade(0, 0)), (0.0, 1.0, 0.0));
        let shades = [1, 10, 100, 1000].map(|count| log_shade(count, 1000));
        assert!(shades[0] > 0.15 && shades.windows(2).all(|pair| pair[1] - pair[0] > 0.15), "{shades:?}");
    }

    #[test]
    fn counts_fit_into_squares() {
        assert_eq!([0, 7, 9999, 10_499, 99_500].map(in_square), ["", "7", "9999", "10k", "100k"]);
    }
}
