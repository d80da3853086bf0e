//! Frames around a digit: boxes of forms, circles, rings.

use crate::components::Component;
use crate::grid::{BoundingBox, holes};
use crate::page::Part;
use crate::stroke;

/// The share of a frame's inner height that its content has at least.
const CONTENT: f32 = 0.25;
/// The share of each side of a box that is drawn.
const DRAWN: f32 = 0.9;
/// The share of a box's shorter side within which its sides are looked for.
const BAND: f32 = 0.12;
/// The lines of a box on a form are thinner than this share of its shorter side.
const THIN: f32 = 0.08;
/// The least height of a frame, as a share of the view's.
const LEAST_HEIGHT: f32 = 0.12;
/// The least side of a box, in pixels.
const LEAST_SIDE: usize = 12;
/// The components that are tried.
const MOST: usize = 3;

/// The insides of the components that look like frames, the largest first.
pub(crate) fn insides(components: &[Component], width: usize, height: usize) -> impl Iterator<Item = Part> {
    let is_high = |&index: &usize| components[index].bounds.height() as f32 >= LEAST_HEIGHT * height as f32;
    let mut candidates: Vec<usize> = (0..components.len()).filter(is_high).collect();
    candidates.sort_by_key(|&index| std::cmp::Reverse(components[index].bounds.area()));
    candidates.truncate(MOST);
    candidates.into_iter().filter_map(move |index| {
        enclosed(components, index, width, height).or_else(|| within_box(components, index, width, height))
    })
}

/// A box with nothing to be read in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EmptyBox {
    /// Drawn with thin lines, as on a form.
    Thin,
    /// Drawn with broad strokes: a zero may look like this.
    Broad,
}

/// The kind of box that a component is the outline of, if it is one.
pub(crate) fn empty_box(component: &Component, width: usize) -> Option<EmptyBox> {
    let deepest = sides(component, width)?.into_iter().max()?;
    let shorter = component.bounds.width().min(component.bounds.height()) as f32;
    Some(if (deepest as f32) < THIN * shorter + 2.0 { EmptyBox::Thin } else { EmptyBox::Broad })
}

/// The hole of a component that holds another one.
fn enclosed(components: &[Component], index: usize, width: usize, height: usize) -> Option<Part> {
    let component = &components[index];
    let bounds = component.bounds;
    let holes = holes(&component.local_mask(width), bounds.width());
    let mut mask = vec![false; width * height];
    for (pixel, hole) in holes.into_iter().enumerate() {
        let (x, y) = (bounds.left + pixel % bounds.width(), bounds.top + pixel / bounds.width());
        mask[y * width + x] = hole;
    }
    let inside = |other: &&Component| mask[other.pixels[0]];
    let content = components.iter().filter(inside).map(|other| other.bounds.height()).max()?;
    let largest = BoundingBox::of_mask(&mask, width)?;
    if (content as f32) < CONTENT * largest.height() as f32 {
        return None;
    }
    Some(Part { component: index, mask: shrunk(&mask, width, 1.5), bounds: largest })
}

/// The inside of a box whose lines the digit may touch.
fn within_box(components: &[Component], index: usize, width: usize, height: usize) -> Option<Part> {
    let component = &components[index];
    let [left, right, top, bottom] = sides(component, width)?;
    let bounds = component.bounds;
    let inner = BoundingBox {
        left: bounds.left + left,
        right: bounds.right.checked_sub(right)?,
        top: bounds.top + top,
        bottom: bounds.bottom.checked_sub(bottom)?,
    };
    if inner.left + 2 >= inner.right || inner.top + 2 >= inner.bottom {
        return None;
    }
    let is_inside = |pixel: usize| {
        let (x, y) = (pixel % width, pixel / width);
        (inner.left..inner.right).contains(&x) && (inner.top..inner.bottom).contains(&y)
    };
    Some(Part { component: index, mask: (0..width * height).map(is_inside).collect(), bounds: inner })
}

/// How far the lines of a box reach into its rectangle: from the left, the right, the top and the bottom; `None` of no box.
fn sides(component: &Component, width: usize) -> Option<[usize; 4]> {
    let (across, down) = (component.bounds.width(), component.bounds.height());
    if across.min(down) < LEAST_SIDE {
        return None;
    }
    let mask = component.local_mask(width);
    let band = ((BAND * across.min(down) as f32) as usize).max(2);
    let at = |x: usize, y: usize| mask[y * across + x];
    let depths = [
        depth(down, band, |place, inwards| at(inwards, place)),
        depth(down, band, |place, inwards| at(across - 1 - inwards, place)),
        depth(across, band, at),
        depth(across, band, |place, inwards| at(place, down - 1 - inwards)),
    ];
    let [Some(left), Some(right), Some(top), Some(bottom)] = depths else { return None };
    let thin = |depth: usize| depth <= band + band / 2;
    [left, right, top, bottom].into_iter().all(thin).then_some([left, right, top, bottom])
}

/// How far a line along a side reaches inwards, with its soft edge, if it is drawn almost everywhere: the upper quartile of where
/// it ends.
fn depth(length: usize, band: usize, is_ink: impl Fn(usize, usize) -> bool) -> Option<usize> {
    let mut ends: Vec<usize> = (0..length)
        .filter_map(|place| {
            let start = (0..band).find(|&inwards| is_ink(place, inwards))?;
            Some((start..2 * band).find(|&inwards| !is_ink(place, inwards)).unwrap_or(2 * band))
        })
        .collect();
    if (ends.len() as f32) < DRAWN * length as f32 {
        return None;
    }
    let place = 3 * ends.len() / 4;
    Some(*ends.select_nth_unstable(place).1 + 2)
}

/// The pixels of a mask that are further than `depth` from the nearest one outside.
fn shrunk(mask: &[bool], width: usize, depth: f32) -> Vec<bool> {
    let outside: Vec<bool> = mask.iter().map(|inside| !inside).collect();
    stroke::distances(&outside, width).into_iter().map(|distance| distance > depth).collect()
}
