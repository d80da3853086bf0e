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
/// The side of the square in a corner that a shadow covers, as a share of the picture's shorter side.
const CORNER: f32 = 0.2;

/// The digits of a view through which the edge of a shadow runs; `None` where no digit lies across such an edge.
pub(crate) fn across(view: &View, found: &[Component]) -> Option<(Foreground, Vec<Group>)> {
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
    let strokes = Foreground::strokes(view)?;
    let groups = groups::digits(components(&strokes), width, height);
    let crosses = |group: &Group| {
        // Of the paper around the digit, not of its strokes.
        let BoundingBox { left, top, right, bottom } = group.bounds;
        let paper = (top..bottom).flat_map(|y| (left..right).map(move |x| y * width + x));
        let paper: Vec<usize> = paper.filter(|&pixel| !group.mask[pixel]).collect();
        let dark = paper.iter().filter(|&&pixel| shaded[pixel]).count() as f32 / paper.len().max(1) as f32;
        // A digit that reaches the edge has the width of its strokes.
        (0.03..0.97).contains(&dark) && breadth >= WIDER * stroke::mean_width(&group.mask, width)
    };
    if groups.is_empty() || !groups.iter().any(crosses) {
        return None;
    }
    Some((strokes, groups))
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
