//! Digits on which the edge of a shadow falls.

use crate::components::{Component, components};
use crate::foreground::Foreground;
use crate::grid::BoundingBox;
use crate::groups::{self, Group};
use crate::stroke;
use crate::view::View;

/// The share of a picture that a shadow covers.
const SHADOW: f32 = 0.08;
/// A shadow is so many times as wide as the strokes that it falls on.
const WIDER: f32 = 3.0;
/// The level of paper in a shadow as a share of that in the light, at least.
const DARKEST: f32 = 0.35;
/// The level of strokes as a share of that of the paper in the shadow.
const INK: f32 = 0.85;
/// The side of the square in a corner that a shadow covers, as a share of the picture's shorter side.
const CORNER: f32 = 0.2;

/// The digits to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// Those that lie across the edge of a shadow.
    Across,
    /// All, where a part of the view is in the shadow.
    All,
}

/// The digits of a view through which the edge of a shadow runs, and its strokes; `None` where there is no such edge or no such
/// digit. `found` are the components on the ground of the whole view.
pub(crate) fn strokes(view: &View, found: &[Component], which: Which) -> Option<(Foreground, Vec<Group>)> {
    let (width, height) = (view.width(), view.height());
    let is_shadow = |component: &&Component| {
        component.on_edge() && component.area() as f32 >= SHADOW * (width * height) as f32
    };
    let shadow = found.iter().filter(is_shadow).max_by_key(|component| component.area())?;
    let mut shaded = vec![false; width * height];
    for &pixel in &shadow.pixels {
        shaded[pixel] = true;
    }
    if !covers_corner(&shaded, width) {
        return None;
    }
    let breadth = stroke::mean_width(&shadow.local_mask(width), shadow.bounds.width());
    let gray = view.gray();
    let strokes = Foreground::strokes(view, &gray)?;
    let groups = groups::digits(components(&strokes), width, height);
    let (inside, outside): (Vec<usize>, Vec<usize>) = (0..gray.len()).partition(|&pixel| shaded[pixel]);
    let (one, other) = (mean(&gray, &inside), mean(&gray, &outside));
    let (darker, lighter) = (one.min(other), one.max(other));
    if darker < DARKEST * lighter {
        return None;
    }
    // The component may be what lies in the light.
    let in_the_dark = |ink: Vec<usize>| {
        ink.into_iter().filter(|&pixel| shaded[pixel] == (one < other)).collect::<Vec<usize>>()
    };
    let is_read = |group: &Group| {
        let BoundingBox { left, top, right, bottom } = group.bounds;
        let around = (top..bottom).flat_map(|y| (left..right).map(move |x| y * width + x));
        // Of the paper around the digit, not of its strokes.
        let (ink, paper): (Vec<usize>, Vec<usize>) = around.partition(|&pixel| group.mask[pixel]);
        let share = paper.iter().filter(|&&pixel| shaded[pixel]).count() as f32 / paper.len().max(1) as f32;
        (which == Which::All || (0.03..0.97).contains(&share))
            // A digit that reaches the edge has the width and the level of its own strokes.
            && breadth >= WIDER * stroke::mean_width(&group.mask, width)
            && mean(&gray, &in_the_dark(ink)) < INK * darker
    };
    (!groups.is_empty() && groups.iter().any(is_read)).then_some((strokes, groups))
}

fn mean(values: &[f32], pixels: &[usize]) -> f32 {
    pixels.iter().map(|&pixel| values[pixel]).sum::<f32>() / pixels.len().max(1) as f32
}

/// `true` if a mask covers a corner of the view, far more than a stroke does.
fn covers_corner(mask: &[bool], width: usize) -> bool {
    let height = mask.len() / width;
    let side = (CORNER * width.min(height) as f32).ceil() as usize;
    let corners = [(0, 0), (width - side, 0), (0, height - side), (width - side, height - side)];
    corners.into_iter().any(|(left, top)| {
        let rows = mask[top * width..].chunks(width).take(side);
        let inside = rows.flat_map(|row| &row[left..left + side]).filter(|inside| **inside).count();
        inside as f32 >= 0.95 * (side * side) as f32
    })
}
