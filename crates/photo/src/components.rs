//! Connected components of the foreground: those of the digit, without specks and without what reaches in from the edge.

use crate::foreground::Foreground;

/// The share of foreground from which on a pixel belongs to a component.
const THRESHOLD: f32 = 0.4;
/// The share of the largest component below which others are specks.
const SPECK: f32 = 0.04;

/// A rectangle of pixels; right and bottom are outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BoundingBox {
    pub(crate) left: usize,
    pub(crate) top: usize,
    pub(crate) right: usize,
    pub(crate) bottom: usize,
}

impl BoundingBox {
    pub(crate) fn width(self) -> usize {
        self.right - self.left
    }

    pub(crate) fn height(self) -> usize {
        self.bottom - self.top
    }

    fn around(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }
}

/// Pixels that are connected, by corners too (8-connectivity).
struct Component {
    pixels: Vec<usize>,
    on_edge: bool,
}

/// The pixels of the digit among the foreground.
pub(crate) struct DigitPixels {
    /// `true` for each pixel of the digit, row by row.
    pub(crate) mask: Vec<bool>,
    /// The number of connected components that the digit has.
    pub(crate) components: usize,
    /// `true` if the digit reaches the edge of the picture.
    pub(crate) on_edge: bool,
}

/// Selects the components of the digit; `None` where there is no component.
pub(crate) fn select_digit(foreground: &Foreground) -> Option<DigitPixels> {
    let mut components = connected_components(foreground);
    // The edge of a table or of a ruled page is longer than the digit, but the digit seldom touches the border.
    let largest = |components: &[Component]| {
        components.iter().map(|component| component.pixels.len()).max().unwrap_or(0) as f32
    };
    let inside = |component: &&Component| !component.on_edge;
    let inner =
        components.iter().filter(inside).map(|component| component.pixels.len()).max().unwrap_or(0) as f32;
    if inner >= SPECK * largest(&components) {
        components.retain(|component| !component.on_edge);
    }
    let least = SPECK * largest(&components);
    components.retain(|component| component.pixels.len() as f32 >= least);
    let mut mask = vec![false; foreground.values.len()];
    for &pixel in components.iter().flat_map(|component| &component.pixels) {
        mask[pixel] = true;
    }
    let on_edge = components.iter().any(|component| component.on_edge);
    (!components.is_empty()).then_some(DigitPixels { mask, components: components.len(), on_edge })
}

/// The rectangle around the pixels of a mask; `None` where there are none.
pub(crate) fn bounding_box(mask: &[bool], width: usize) -> Option<BoundingBox> {
    let pixels = mask.iter().enumerate().filter(|(_, inside)| **inside);
    pixels.map(|(pixel, _)| single(pixel, width)).reduce(BoundingBox::around)
}

fn single(pixel: usize, width: usize) -> BoundingBox {
    let (x, y) = (pixel % width, pixel / width);
    BoundingBox { left: x, top: y, right: x + 1, bottom: y + 1 }
}

/// Flood fill from every pixel that is not reached yet.
fn connected_components(foreground: &Foreground) -> Vec<Component> {
    let is_foreground = |pixel: usize| foreground.values[pixel] >= THRESHOLD;
    let mut seen = vec![false; foreground.values.len()];
    let mut components = Vec::new();
    for first in 0..foreground.values.len() {
        if seen[first] || !is_foreground(first) {
            continue;
        }
        seen[first] = true;
        let mut pixels = vec![first];
        let mut bounds = single(first, foreground.width);
        let mut next = 0;
        while next < pixels.len() {
            bounds = bounds.around(single(pixels[next], foreground.width));
            for neighbor in neighbors(pixels[next], foreground.width, foreground.height) {
                if !seen[neighbor] && is_foreground(neighbor) {
                    seen[neighbor] = true;
                    pixels.push(neighbor);
                }
            }
            next += 1;
        }
        let on_edge = bounds.left == 0
            || bounds.top == 0
            || bounds.right == foreground.width
            || bounds.bottom == foreground.height;
        components.push(Component { pixels, on_edge });
    }
    components
}

/// The pixel itself and up to eight around it.
pub(crate) fn neighbors(pixel: usize, width: usize, height: usize) -> impl Iterator<Item = usize> {
    let (x, y) = (pixel % width, pixel / width);
    let rows = y.saturating_sub(1)..(y + 2).min(height);
    rows.flat_map(move |y| (x.saturating_sub(1)..(x + 2).min(width)).map(move |x| y * width + x))
}
