//! What stands around digits and is a part of none: the cells of a form, underlines, frames, and what reaches in from the edge.

use crate::components::Component;
use crate::grid::BoundingBox;
use crate::stroke;

/// The share of the largest component below which others are specks.
pub(crate) const SPECK: f32 = 0.04;
/// The share of a frame's sides by which its content keeps away from them.
const CLEAR: f32 = 0.06;
/// The share of the edge of a view that is a rim, not a digit.
const RIM: f32 = 0.6;
/// The thickest underline that a digit touches, as a share of the height of both.
const THIN_LINE: f32 = 0.08;
/// The share of the height by which such a line reaches out on both sides.
const REACH: f32 = 0.08;
/// The share of the height of what goes around a digit that the digit has.
const INSIDE: f32 = 0.3;

/// Leaves out the bars between the cells of a form: three or more straight ones of the same height.
pub(crate) fn leave_out_bars(components: &mut Vec<Component>) {
    let is_bar = |component: &Component| {
        let bounds = component.bounds;
        bounds.height() > 5 * bounds.width() && component.area() as f32 > 0.8 * bounds.area() as f32
    };
    let fits = |one: &Component, other: &Component| {
        let near = |a: usize, b: usize| a.abs_diff(b) as f32 <= 0.04 * one.bounds.height() as f32 + 1.0;
        near(one.bounds.top, other.bounds.top) && near(one.bounds.bottom, other.bounds.bottom)
    };
    let bars: Vec<bool> = components
        .iter()
        .map(|one| {
            is_bar(one) && components.iter().filter(|other| is_bar(other) && fits(one, other)).count() >= 3
        })
        .collect();
    if bars.iter().any(|bar| !bar) {
        let mut bars = bars.into_iter();
        components.retain(|_| !bars.next().unwrap_or(false));
    }
}

/// Leaves out a thin straight line along the foot of a component that reaches out on both sides of the rest: an underline that the
/// digit touches.
pub(crate) fn leave_out_underline(component: &mut Component, width: usize) {
    let bounds = component.bounds;
    let mask = component.local_mask(width);
    let rows: Vec<&[bool]> = mask.chunks_exact(bounds.width()).collect();
    let thickest = (THIN_LINE * bounds.height() as f32).max(2.0) as usize;
    let ends = |row: &[bool]| Some((row.iter().position(|ink| *ink)?, row.iter().rposition(|ink| *ink)? + 1));
    let is_wide = |row: &[bool]| 2 * row.iter().filter(|ink| **ink).count() > bounds.width();
    // A line that is not quite level begins with a few short rows.
    let lowest = rows.len().saturating_sub(2 * thickest);
    let Some(last) = (lowest..rows.len()).rev().find(|&row| is_wide(rows[row])) else { return };
    let wide = rows[..=last].iter().rev().take_while(|row| is_wide(row)).count();
    // The line, and as much of it above as below.
    let above = (last + 1 - wide).saturating_sub((rows.len() - last).max(2));
    let rest = rows[..above].iter().filter_map(|row| ends(row));
    let Some((left, right)) = rest.reduce(|(left, right), (start, end)| (left.min(start), right.max(end)))
    else {
        return;
    };
    let reach = REACH * bounds.height() as f32;
    if wide > thickest
        || (left as f32) < reach
        || ((bounds.width() - right) as f32) < reach
        || 2 * above < rows.len()
    {
        return;
    }
    component.pixels.retain(|pixel| pixel / width < bounds.top + above);
    component.bounds = BoundingBox {
        left: bounds.left + left,
        right: bounds.left + right,
        bottom: bounds.top + above,
        ..bounds
    };
}

/// Leaves out strokes that go around others: frames that are not closed, the cells of a form. `true` if what is left may have
/// been a part of them.
pub(crate) fn leave_out_surrounding_strokes(components: &mut Vec<Component>) -> bool {
    let around = |outer: &Component, inner: &Component| {
        let (outer, inner) = (outer.bounds, inner.bounds);
        outer.left < inner.left
            && outer.top < inner.top
            && outer.right > inner.right
            && outer.bottom > inner.bottom
    };
    let share =
        |outer: &Component, inner: &Component| inner.bounds.height() as f32 / outer.bounds.height() as f32;
    // What keeps its distance on every side is not a part of what goes around it.
    let is_clear = |outer: &Component, inner: &Component| {
        let (outer, inner) = (outer.bounds, inner.bounds);
        let [across, down] = [outer.width(), outer.height()].map(|side| (CLEAR * side as f32) as usize);
        inner.left >= outer.left + across
            && inner.right + across <= outer.right
            && inner.top >= outer.top + down
            && inner.bottom + down <= outer.bottom
    };
    let (mut doubtful, mut frames) = (false, vec![false; components.len()]);
    for (outer, frame) in components.iter().zip(&mut frames) {
        let inner: Vec<&Component> = components.iter().filter(|inner| around(outer, inner)).collect();
        *frame = inner.iter().any(|inner| share(outer, inner) >= INSIDE);
        let is_form = outer.bounds.width() as f32 > 1.5 * outer.bounds.height() as f32;
        let clear = inner.iter().all(|inner| is_clear(outer, inner));
        doubtful |= if *frame { !is_form && !clear } else { inner.len() > 1 };
    }
    let mut frames = frames.into_iter();
    components.retain(|_| !frames.next().unwrap_or(false));
    doubtful
}

/// Leaves out what reaches in from the edge: a table, a thumb, a line of a ruled page.
pub(crate) fn leave_out_surroundings(components: &mut Vec<Component>, width: usize, height: usize) {
    // The rim of what is looked at.
    components.retain(|component| (component.contact as f32) < RIM * (2 * (width + height)) as f32);
    let most =
        |components: &[Component], counts: &dyn Fn(&Component) -> bool, size: fn(&Component) -> usize| {
            components.iter().filter(|component| counts(component)).map(size).max().unwrap_or(0) as f32
        };
    let inner = |component: &Component| !component.on_edge();
    let largest = most(components, &|_| true, Component::area);
    let inner_area = most(components, &inner, Component::area);
    let inner_height = most(components, &inner, |component| component.bounds.height());
    if inner_area >= SPECK * largest {
        components.retain(|component| {
            inner(component)
                || (fills(component, width, height) && component.bounds.height() as f32 >= 1.5 * inner_height)
        });
    } else {
        components.retain(|component| {
            covers_half(component, width, height)
                || spans(component, width, height)
                || !(is_solid_at_edge(component, width) || is_in_corner(component, width, height))
        });
    }
}

/// `true` for a digit that fills its picture: in the middle, high, and made of strokes.
fn fills(component: &Component, width: usize, height: usize) -> bool {
    let BoundingBox { left, right, .. } = component.bounds;
    let middle = (left + right) as f32 / (2 * width) as f32;
    let stroke = stroke::mean_width(&component.local_mask(width), component.bounds.width());
    let shorter = component.bounds.width().min(component.bounds.height()) as f32;
    (0.25..0.75).contains(&middle)
        && component.bounds.height() as f32 >= 0.6 * height as f32
        && stroke <= 0.5 * shorter
        && component.contact as f32 <= 1.2 * component.bounds.longer() as f32
}

fn covers_half(component: &Component, width: usize, height: usize) -> bool {
    2 * component.bounds.area() >= width * height
}

/// `true` for what reaches from one side to the other through the picture, not along a side: a one that fills it.
pub(crate) fn spans(component: &Component, width: usize, height: usize) -> bool {
    let BoundingBox { left, top, right, bottom } = component.bounds;
    let [across, down] = [left == 0 && right == width, top == 0 && bottom == height];
    (down && left > 0 && right < width) || (across && top > 0 && bottom < height)
}

fn is_in_corner(component: &Component, width: usize, height: usize) -> bool {
    let BoundingBox { left, top, right, bottom } = component.bounds;
    let in_corner = (left == 0 || right == width) && (top == 0 || bottom == height);
    in_corner && component.contact >= component.bounds.longer()
}

/// `true` for a patch that lies along the edge.
fn is_solid_at_edge(component: &Component, width: usize) -> bool {
    let mask = component.local_mask(width);
    let stroke = stroke::mean_width(&mask, component.bounds.width());
    let shorter = component.bounds.width().min(component.bounds.height()) as f32;
    component.on_edge() && 2 * component.contact >= component.bounds.longer() && stroke > 0.5 * shorter
}
