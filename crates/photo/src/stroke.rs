//! The width of strokes: a hair line drawn on a large canvas would all but vanish at 20x20.

use crate::grid::BoundingBox;

/// MNIST's strokes are two to four pixels wide where the digit is 20 pixels long.
const THIN: f32 = 2.0;
const WANTED: f32 = 2.4;
/// One step to the side and one along the diagonal.
const STEPS: [f32; 2] = [1.0, std::f32::consts::SQRT_2];

/// Makes the strokes of a digit wider where they would be thinner than [`THIN`] pixels at the network's scale: `values`
/// is the share of foreground, 0 to 1, `mask` the digit's own pixels, both row by row.
pub(crate) fn widen(values: &mut [f32], mask: &[bool], width: usize, digit: BoundingBox) {
    let scale = 20.0 / digit.width().max(digit.height()) as f32;
    let stroke = mean_width(mask, width);
    if stroke * scale >= THIN {
        return;
    }
    let by = (WANTED / scale - stroke) / 2.0;
    for (value, distance) in values.iter_mut().zip(distances(mask, width)) {
        *value = value.max((by + 0.5 - distance).clamp(0.0, 1.0));
    }
}

/// Twice the area by the length of the outline. Steps of the outline count four to three: on average over all directions
/// they are as much longer than the line.
pub(crate) fn mean_width(mask: &[bool], width: usize) -> f32 {
    let inside = mask.iter().filter(|inside| **inside).count();
    let across = mask.chunks_exact(width).flat_map(|row| row.windows(2)).filter(|pair| pair[0] != pair[1]);
    let down = mask.iter().zip(&mask[width..]).filter(|(above, below)| above != below);
    let outline = (across.count() + down.count()).max(1);
    2.0 * inside as f32 / (0.78 * outline as f32)
}

/// The diameter of the largest circle within a mask, in pixels: the width of its broadest stroke.
pub(crate) fn broadest(mask: &[bool], width: usize) -> f32 {
    // What is behind the rectangle is outside too.
    let (padded, height) = (width + 2, mask.len() / width + 2);
    let mut outside = vec![true; padded * height];
    for (y, row) in mask.chunks_exact(width).enumerate() {
        for (x, inside) in row.iter().enumerate() {
            outside[(y + 1) * padded + x + 1] = !inside;
        }
    }
    2.0 * distances(&outside, padded).into_iter().fold(0.0, f32::max) - 1.0
}

/// The distance of each pixel from the nearest one of the mask, by two sweeps.
pub(crate) fn distances(mask: &[bool], width: usize) -> Vec<f32> {
    let mut distances: Vec<f32> = mask.iter().map(|inside| if *inside { 0.0 } else { f32::MAX }).collect();
    let [side, diagonal] = STEPS;
    for _ in 0..2 {
        // Turning the picture by 180 degrees makes the second sweep the same as the first.
        for start in (0..distances.len()).step_by(width) {
            for x in 0..width {
                let pixel = start + x;
                let mut nearest = distances[pixel];
                if x > 0 {
                    nearest = nearest.min(distances[pixel - 1] + side);
                }
                if start > 0 {
                    nearest = nearest.min(distances[pixel - width] + side);
                    if x > 0 {
                        nearest = nearest.min(distances[pixel - width - 1] + diagonal);
                    }
                    if x + 1 < width {
                        nearest = nearest.min(distances[pixel - width + 1] + diagonal);
                    }
                }
                distances[pixel] = nearest;
            }
        }
        distances.reverse();
    }
    distances
}

/// The rectangle that widened strokes may reach.
pub(crate) fn reach(values: &[f32], width: usize, least: f32) -> Option<BoundingBox> {
    let mask: Vec<bool> = values.iter().map(|value| *value >= least).collect();
    BoundingBox::of_mask(&mask, width)
}
