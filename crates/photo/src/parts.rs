//! Connected parts of the ink: those of the digit, without specks and without what reaches in from the edge.

use crate::ink::Ink;

/// From this share of full ink on, a pixel belongs to a part.
const INKED: f32 = 0.4;
/// Parts below this share of the largest are specks.
const SPECK: f32 = 0.04;

/// A rectangle of pixels; right and bottom are outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Area {
    pub(crate) left: usize,
    pub(crate) top: usize,
    pub(crate) right: usize,
    pub(crate) bottom: usize,
}

impl Area {
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

/// Pixels that hang together, corners included.
struct Part {
    pixels: Vec<usize>,
    on_edge: bool,
}

/// The digit in the ink.
pub(crate) struct Kept {
    /// Whether each pixel belongs to the digit, row by row.
    pub(crate) mask: Vec<bool>,
    /// How many parts the digit has.
    pub(crate) parts: usize,
    /// Whether it reaches the edge of the picture.
    pub(crate) on_edge: bool,
}

/// Chooses the parts of the digit; `None` where no pixel is inked.
pub(crate) fn keep(ink: &Ink) -> Option<Kept> {
    let mut parts = all(ink);
    // The edge of a table or of a ruled page is longer than the digit, but the digit seldom touches the border.
    let largest = |parts: &[Part]| parts.iter().map(|part| part.pixels.len()).max().unwrap_or(0) as f32;
    let inside = |part: &&Part| !part.on_edge;
    let inner = parts.iter().filter(inside).map(|part| part.pixels.len()).max().unwrap_or(0) as f32;
    if inner >= SPECK * largest(&parts) {
        parts.retain(|part| !part.on_edge);
    }
    let least = SPECK * largest(&parts);
    parts.retain(|part| part.pixels.len() as f32 >= least);
    let mut mask = vec![false; ink.values.len()];
    for &pixel in parts.iter().flat_map(|part| &part.pixels) {
        mask[pixel] = true;
    }
    let on_edge = parts.iter().any(|part| part.on_edge);
    (!parts.is_empty()).then_some(Kept { mask, parts: parts.len(), on_edge })
}

/// The rectangle around the pixels of a mask; `None` where there are none.
pub(crate) fn area(mask: &[bool], width: usize) -> Option<Area> {
    let pixels = mask.iter().enumerate().filter(|(_, inside)| **inside);
    pixels.map(|(pixel, _)| single(pixel, width)).reduce(Area::around)
}

fn single(pixel: usize, width: usize) -> Area {
    let (x, y) = (pixel % width, pixel / width);
    Area { left: x, top: y, right: x + 1, bottom: y + 1 }
}

fn all(ink: &Ink) -> Vec<Part> {
    let inked = |pixel: usize| ink.values[pixel] >= INKED;
    let mut seen = vec![false; ink.values.len()];
    let mut parts = Vec::new();
    for first in 0..ink.values.len() {
        if seen[first] || !inked(first) {
            continue;
        }
        seen[first] = true;
        let mut pixels = vec![first];
        let mut area = single(first, ink.width);
        let mut next = 0;
        while next < pixels.len() {
            area = area.around(single(pixels[next], ink.width));
            for neighbour in neighbours(pixels[next], ink.width, ink.height) {
                if !seen[neighbour] && inked(neighbour) {
                    seen[neighbour] = true;
                    pixels.push(neighbour);
                }
            }
            next += 1;
        }
        let on_edge = area.left == 0 || area.top == 0 || area.right == ink.width || area.bottom == ink.height;
        parts.push(Part { pixels, on_edge });
    }
    parts
}

/// The pixel itself and up to eight around it.
pub(crate) fn neighbours(pixel: usize, width: usize, height: usize) -> impl Iterator<Item = usize> {
    let (x, y) = (pixel % width, pixel / width);
    let rows = y.saturating_sub(1)..(y + 2).min(height);
    rows.flat_map(move |y| (x.saturating_sub(1)..(x + 2).min(width)).map(move |x| y * width + x))
}
