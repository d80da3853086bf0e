//! Connected components of the foreground.

use crate::foreground::Foreground;
use crate::grid::{BoundingBox, neighbors};

/// The share of foreground from which on a pixel belongs to a component.
pub(crate) const THRESHOLD: f32 = 0.4;

/// Pixels that are connected, by corners too (8-connectivity).
#[derive(Clone, Debug)]
pub(crate) struct Component {
    pub(crate) pixels: Vec<usize>,
    pub(crate) bounds: BoundingBox,
    /// The number of its pixels at the edge of what is looked at.
    pub(crate) contact: usize,
}

impl Component {
    pub(crate) fn area(&self) -> usize {
        self.pixels.len()
    }

    pub(crate) fn on_edge(&self) -> bool {
        self.contact > 0
    }

    /// The component's pixels within its bounds, row by row.
    pub(crate) fn local_mask(&self, width: usize) -> Vec<bool> {
        let BoundingBox { left, top, .. } = self.bounds;
        let mut mask = vec![false; self.bounds.area()];
        for &pixel in &self.pixels {
            mask[(pixel / width - top) * self.bounds.width() + pixel % width - left] = true;
        }
        mask
    }
}

/// The components of a foreground, by flood fill from every pixel that is not reached yet.
pub(crate) fn components(foreground: &Foreground) -> Vec<Component> {
    let Foreground { width, height, .. } = *foreground;
    let is_foreground = |pixel: usize| foreground.values[pixel] >= THRESHOLD;
    let mut seen = vec![false; foreground.values.len()];
    let mut components = Vec::new();
    for first in 0..foreground.values.len() {
        if seen[first] || !is_foreground(first) {
            continue;
        }
        seen[first] = true;
        let mut pixels = vec![first];
        let mut bounds = BoundingBox::single(first, width);
        let mut contact = 0;
        let mut next = 0;
        while next < pixels.len() {
            let pixel = pixels[next];
            bounds = bounds.around(BoundingBox::single(pixel, width));
            contact += usize::from(foreground.is_at_edge(pixel));
            for neighbor in neighbors(pixel, width, height) {
                if !seen[neighbor] && is_foreground(neighbor) {
                    seen[neighbor] = true;
                    pixels.push(neighbor);
                }
            }
            next += 1;
        }
        components.push(Component { pixels, bounds, contact });
    }
    components
}
