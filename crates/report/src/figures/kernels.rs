//! The kernels of the first layer.

use crate::drawing::{Anchor, Drawing, Figure, Rect};

/// Side of a kernel.
const SIDE: f64 = 72.0;
const GAP: f64 = 22.0;
const PER_ROW: usize = 8;
/// Kernels that are drawn, and weights in them.
const MOST: usize = 64;
const MOST_WEIGHTS: usize = 8192;

/// The kernels of a convolution over one channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernels {
    /// Rows and columns of a kernel.
    pub side: usize,
    /// `[count, side, side]` row by row.
    pub weights: Vec<f32>,
}

/// The kernels, the first ones where there are many: weights above zero in orange, below in blue, the stronger the further from
/// it.
pub fn kernels(Kernels { side: count, weights }: &Kernels) -> Figure {
    let mut drawing = Drawing::default();
    let taps = (count * count).max(1);
    let all = weights.len() / taps;
    let shown = all.min((MOST_WEIGHTS / taps).clamp(1, MOST));
    let kernels: Vec<&[f32]> = weights.chunks_exact(taps).take(shown).collect();
    let shown_weights = kernels.iter().copied().flatten();
    let largest =
        shown_weights.fold(0.0f32, |largest, weight| largest.max(weight.abs())).max(f32::MIN_POSITIVE);
    let (side, cell) = (SIDE, SIDE / (*count).max(1) as f64);
    let mut title = "Kernels of the first convolution".to_owned();
    if shown < all {
        title += &format!(", {shown} of {all}");
    }
    drawing.text("bold", (GAP, 22.0), Anchor::Start, 14.0, &title);
    for (place, kernel) in kernels.iter().enumerate() {
        let left = GAP + (place % PER_ROW) as f64 * (side + GAP);
        let top = 44.0 + (place / PER_ROW) as f64 * (side + GAP + 16.0);
        for (at, &weight) in kernel.iter().enumerate() {
            let (row, column) = (at / count, at % count);
            let square = Rect::new(left + column as f64 * cell, top + row as f64 * cell, cell, cell);
            let class = if weight > 0.0 { "fill-1" } else { "fill-0" };
            drawing.rect(class, square, f64::from(weight.abs() / largest), &format!("{weight:.3}"));
        }
        drawing.frame("axis", Rect::new(left, top, side, side));
        drawing.text(
            "muted",
            (left + side / 2.0, top + side + 16.0),
            Anchor::Middle,
            12.0,
            &(place + 1).to_string(),
        );
    }
    let columns = kernels.len().clamp(1, PER_ROW) as f64;
    let bottom = 44.0 + kernels.len().div_ceil(PER_ROW) as f64 * (side + GAP + 16.0) + 4.0;
    let words = format!("orange: above zero, blue: below; full colour: {largest:.2}");
    drawing.text("muted", (GAP, bottom), Anchor::Start, 12.0, &words);
    let width = (GAP + columns * (side + GAP)).max(360.0);
    drawing.finish(width, bottom + 14.0, "The kernels of the first convolution")
}
