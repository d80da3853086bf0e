//! The kernels of the first layer.

use crate::drawing::{Anchor, Drawing, Figure, Rect};

const CELL: f64 = 24.0;
const GAP: f64 = 22.0;
const PER_ROW: usize = 8;

/// The kernels of a 3x3 convolution over one channel, `[count * 9]`: weights above zero in orange, below in blue, the stronger
/// the further from it.
pub fn kernels(weights: &[f32]) -> Figure {
    let mut drawing = Drawing::default();
    let largest =
        weights.iter().fold(0.0f32, |largest, weight| largest.max(weight.abs())).max(f32::MIN_POSITIVE);
    let kernels: Vec<&[f32]> = weights.chunks_exact(9).collect();
    let side = 3.0 * CELL;
    drawing.text("bold", (GAP, 22.0), Anchor::Start, 14.0, "Kernels of the first convolution");
    for (place, kernel) in kernels.iter().enumerate() {
        let left = GAP + (place % PER_ROW) as f64 * (side + GAP);
        let top = 44.0 + (place / PER_ROW) as f64 * (side + GAP + 16.0);
        for (at, &weight) in kernel.iter().enumerate() {
            let square = Rect::new(left + (at % 3) as f64 * CELL, top + (at / 3) as f64 * CELL, CELL, CELL);
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
