//! A ground within the ground: the page on a table, the window on a desktop, the picture between bars.

use crate::components::Component;
use crate::grid::{BoundingBox, holes};
use crate::hull::{self, Point, convex_hull};
use crate::stroke;

/// The least share of a view that a page's rectangle covers.
const LEAST_AREA: f32 = 0.06;
/// The share of a page that is not written on.
const UNWRITTEN: f32 = 0.6;
/// The share that a page fills of the smallest rectangle around it, whichever way that is turned; an ellipse fills 0.79.
const FILLED: f32 = 0.88;
/// The share that a page seen aslant fills of its convex hull, and the least share that the largest quadrilateral takes of this; of an
/// ellipse it takes 0.64.
const CONVEX: f32 = 0.95;
const STRAIGHT: f32 = 0.9;
/// The share of a page's shorter side by which its edge is left out: shadows and soft edges.
const EDGE: f32 = 0.02;
/// The components that are tried.
const MOST: usize = 4;

/// A part of a view within which to look again.
pub(crate) struct Part {
    /// The component that it belongs to.
    pub(crate) component: usize,
    /// `[height * width]` of the view, `true` for its pixels.
    pub(crate) mask: Vec<bool>,
    pub(crate) bounds: BoundingBox,
}

/// The components that look like pages, the largest first.
pub(crate) fn pages(components: &[Component], width: usize, height: usize) -> impl Iterator<Item = Part> {
    let is_large =
        |&index: &usize| components[index].bounds.area() as f32 >= LEAST_AREA * (width * height) as f32;
    let mut candidates: Vec<usize> = (0..components.len()).filter(is_large).collect();
    candidates.sort_by_key(|&index| std::cmp::Reverse(components[index].area()));
    candidates.truncate(MOST);
    candidates.into_iter().filter_map(move |index| page(&components[index], index, width, height))
}

/// `true` for a component that is no stroke: not even that of a one.
pub(crate) fn is_patch(component: &Component, width: usize) -> bool {
    let [shorter, longer] =
        smallest_rectangle(&outline(&component.local_mask(width), component.bounds.width()));
    shorter > 0.45 * longer
}

fn page(component: &Component, index: usize, width: usize, height: usize) -> Option<Part> {
    let bounds = component.bounds;
    let mut filled = component.local_mask(width);
    for (pixel, hole) in holes(&filled, bounds.width()).into_iter().enumerate() {
        filled[pixel] |= hole;
    }
    let area = filled.iter().filter(|inside| **inside).count() as f32;
    if (component.area() as f32) < UNWRITTEN * area {
        return None;
    }
    let outline = outline(&filled, bounds.width());
    let [shorter, longer] = smallest_rectangle(&outline);
    if area < FILLED * shorter * longer && !is_aslant(outline, area) {
        return None;
    }
    let depth = (EDGE * bounds.width().min(bounds.height()) as f32).max(2.0);
    let outside: Vec<bool> = filled.iter().map(|inside| !inside).collect();
    let distances = stroke::distances(&outside, bounds.width());
    let mut mask = vec![false; width * height];
    for (pixel, distance) in distances.into_iter().enumerate() {
        let (x, y) = (pixel % bounds.width(), pixel / bounds.width());
        // Where the page ends with the rectangle and not with the picture, the edge is there.
        let side = |at: usize, length: usize, start: usize, end: usize| {
            let before = if start == 0 { f32::MAX } else { at as f32 + 1.0 };
            let behind = if start + length == end { f32::MAX } else { (length - at) as f32 };
            before.min(behind)
        };
        let across = side(x, bounds.width(), bounds.left, width);
        let down = side(y, bounds.height(), bounds.top, height);
        mask[(bounds.top + y) * width + bounds.left + x] = distance.min(across).min(down) > depth;
    }
    let bounds = BoundingBox::of_mask(&mask, width)?;
    Some(Part { component: index, mask, bounds })
}

/// Whether a shape of this outline and area is a page seen aslant: a quadrilateral with straight sides.
fn is_aslant(outline: Vec<Point>, area: f32) -> bool {
    let hull = convex_hull(outline);
    let whole = hull::area(&hull);
    area >= CONVEX * whole && hull::largest_quadrilateral(&hull) >= STRAIGHT * whole
}

/// The corners of the outermost pixels of each row of a mask.
fn outline(mask: &[bool], width: usize) -> Vec<Point> {
    (0..)
        .zip(mask.chunks_exact(width))
        .flat_map(|(y, row)| {
            let ends = [row.iter().position(|inside| *inside), row.iter().rposition(|inside| *inside)];
            let sides = ends.into_iter().zip([0.0, 1.0]);
            sides.flat_map(move |(x, side)| {
                x.into_iter().flat_map(move |x| [0.0, 1.0].map(|below| [x as f32 + side, y as f32 + below]))
            })
        })
        .collect()
}

/// The sides of the smallest rectangle around an outline, to five degrees, the shorter one first.
fn smallest_rectangle(corners: &[Point]) -> [f32; 2] {
    let extent = |[across, down]: [f32; 2]| {
        let along = corners.iter().map(|[x, y]| x * across + y * down);
        let [low, high] =
            along.fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], at| [low.min(at), high.max(at)]);
        high - low
    };
    let sides = (0..18).map(|step| {
        let (sine, cosine) = (5.0 * step as f32).to_radians().sin_cos();
        [extent([cosine, sine]), extent([-sine, cosine])]
    });
    let area = |[across, down]: &[f32; 2]| across * down;
    let [across, down] = sides.min_by(|one, other| area(one).total_cmp(&area(other))).unwrap_or_default();
    [across.min(down), across.max(down)]
}
