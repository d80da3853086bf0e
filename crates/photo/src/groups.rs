//! From the components of the foreground to digits: which of them belong together.

use crate::components::Component;
use crate::frame;
use crate::grid::BoundingBox;
use crate::segments;
use crate::stroke;
use crate::surroundings::{self, SPECK};

/// The share of the tallest digit's height that every digit has.
const TALL: f32 = 0.45;
/// So many times as wide as high are lines, which are no digits.
const FLAT: usize = 3;
/// The share of a digit's height within which its smaller parts are.
const NEAR: f32 = 0.2;
/// The share of the height of two parts, one above the other, by which a stroke may be interrupted.
const CUT: f32 = 0.08;
/// The share of the height by which the two sides of a digit may be apart.
const SPLIT: f32 = 0.03;
/// The share of a digit's height by which an underline is below it.
const UNDER: f32 = 0.05;
/// The share of a digit's height from which on what is beside it is no speck.
const MARK: f32 = 0.3;
/// More digits than these are a texture: so many and one more are told.
pub(crate) const MOST: usize = 9;
/// The least pixels of a component in a view of a hundred thousand: less is grain.
const GRAIN: f32 = 20.0;

/// The components of one digit.
pub(crate) struct Group {
    /// `true` for each pixel of the digit, row by row of the view.
    pub(crate) mask: Vec<bool>,
    pub(crate) bounds: BoundingBox,
    /// The number of connected components.
    pub(crate) components: usize,
    /// `true` if it reaches the edge of what is looked at.
    pub(crate) on_edge: bool,
    /// `true` if something that is no digit stands beside it.
    pub(crate) marked: bool,
    /// The width of its broadest stroke, in pixels.
    pub(crate) broadest: f32,
    /// `true` if strokes go around it, or it goes around others, or it is the outline of a box.
    pub(crate) framed: bool,
}

/// The digits among components, line by line from left to right.
pub(crate) fn digits(mut components: Vec<Component>, width: usize, height: usize) -> Vec<Group> {
    surroundings::leave_out_surroundings(&mut components, width, height);
    let largest = components.iter().map(Component::area).max().unwrap_or(0);
    let grain = GRAIN * ((width * height) as f32 / 1e5).min(1.0);
    components.retain(|component| component.area() as f32 >= grain.max(SPECK * largest as f32));
    surroundings::leave_out_bars(&mut components);
    for component in &mut components {
        surroundings::leave_out_underline(component, width);
    }
    let framed = surroundings::leave_out_surrounding_strokes(&mut components);
    let segments: Vec<Parts> =
        segments::take(&mut components).into_iter().filter_map(Parts::of_all).collect();
    let is_flat = |component: &Component| component.bounds.width() >= FLAT * component.bounds.height();
    let all_flat = components.iter().all(is_flat);
    let heights = components.iter().filter(|component| all_flat || !is_flat(component));
    let heights = heights.map(|component| component.bounds.height());
    let tallest = heights.chain(segments.iter().map(|digit| digit.bounds.height())).max().unwrap_or(0) as f32;
    let (tall, small): (Vec<Component>, Vec<Component>) = components.into_iter().partition(|component| {
        component.bounds.height() as f32 >= TALL * tallest && (all_flat || !is_flat(component))
    });

    let mut groups = segments;
    for component in tall {
        let (mut together, apart): (Vec<Parts>, Vec<Parts>) =
            groups.into_iter().partition(|group| group.is_one_digit_with(&component, tallest));
        groups = apart;
        let mut whole = Parts::of(component);
        while let Some(other) = together.pop() {
            whole.join(other);
        }
        groups.push(whole);
    }
    // One more says that there are too many.
    groups.truncate(MOST + 1);
    for component in small {
        assign(&mut groups, component, tallest);
    }
    in_lines(&mut groups);
    let groups = groups.into_iter().map(|group| group.finish(width, height));
    groups.map(|group| Group { framed: group.framed || framed, ..group }).collect()
}

/// Components that belong together.
struct Parts {
    components: Vec<Component>,
    bounds: BoundingBox,
    area: usize,
    marked: bool,
}

impl Parts {
    fn of(component: Component) -> Self {
        let (bounds, area) = (component.bounds, component.area());
        Self { components: vec![component], bounds, area, marked: false }
    }

    fn of_all(components: Vec<Component>) -> Option<Self> {
        let mut parts = components.into_iter().map(Self::of);
        let mut whole = parts.next()?;
        parts.for_each(|part| whole.join(part));
        Some(whole)
    }

    fn join(&mut self, other: Self) {
        self.bounds = self.bounds.around(other.bounds);
        self.area += other.area;
        self.components.extend(other.components);
    }

    /// `true` if a component is another part of the same digit: across a cut of its strokes, or its other side.
    fn is_one_digit_with(&self, other: &Component, tallest: f32) -> bool {
        self.components.iter().any(|part| {
            let [across, down] = part.bounds.gaps(other.bounds).map(|gap| gap as f32);
            let narrower = part.bounds.width().min(other.bounds.width()) as f32;
            match -across >= 0.3 * narrower {
                true => down <= CUT * (part.bounds.height() + other.bounds.height()) as f32,
                false => across <= SPLIT * tallest && down < 0.0,
            }
        })
    }

    fn finish(self, width: usize, height: usize) -> Group {
        let Self { components, bounds, marked, .. } = self;
        let mut mask = vec![false; width * height];
        for &pixel in components.iter().flat_map(|component| &component.pixels) {
            mask[pixel] = true;
        }
        let on_edge = components.iter().any(Component::on_edge);
        let framed = components.iter().any(|component| frame::empty_box(component, width).is_some());
        let broadest = components
            .iter()
            .map(|component| stroke::broadest(&component.local_mask(width), component.bounds.width()))
            .fold(0.0, f32::max);
        Group { mask, bounds, components: components.len(), on_edge, marked, broadest, framed }
    }
}

/// Gives a small component to the digit that it is a part of. An underline and a speck are left out; what else stands alone
/// marks the digit beside it.
fn assign(groups: &mut [Parts], component: Component, tallest: f32) {
    let distance = |group: &Parts| group.bounds.gaps(component.bounds).into_iter().max().unwrap_or(0);
    let Some(group) = groups.iter_mut().min_by_key(|group| distance(group)) else { return };
    let [across, down] = group.bounds.gaps(component.bounds).map(|gap| gap as f32);
    let underlines = down >= UNDER * tallest
        && component.bounds.width() >= FLAT * component.bounds.height()
        && component.bounds.top >= group.bounds.bottom
        && component.bounds.width() as f32 >= 0.8 * group.bounds.width() as f32;
    if underlines {
        return;
    }
    // The holes of a punch, and whatever else is solid; but a sign before the digit is a part of what is written.
    let is_solid = component.area() as f32 >= 0.7 * component.bounds.area() as f32;
    let is_disc = is_solid && !is_minus(component.bounds, group.bounds);
    let over_it = across < 0.0 && down <= NEAR * tallest;
    if over_it || (across <= 0.08 * tallest && down < 0.0) {
        group.join(Parts::of(component));
    } else if component.bounds.longer() as f32 >= MARK * tallest
        && !(is_disc && across.max(down) > 0.3 * tallest)
    {
        group.marked = true;
    }
}

/// Whether a flat part stands before a digit, at the middle of its height and no further away than this height.
fn is_minus(part: BoundingBox, digit: BoundingBox) -> bool {
    let [across, _] = digit.gaps(part);
    let (middle, quarter) = ((part.top + part.bottom) / 2, digit.height() / 4);
    part.width() >= FLAT * part.height()
        && part.right <= digit.left
        && across <= digit.height() as isize
        && (digit.top + quarter..digit.bottom - quarter).contains(&middle)
}

/// Sorts as one reads.
fn in_lines(groups: &mut Vec<Parts>) {
    groups.sort_by_key(|group| group.bounds.top);
    let mut lines: Vec<(BoundingBox, Vec<Parts>)> = Vec::new();
    for group in groups.drain(..) {
        let middle = (group.bounds.top + group.bounds.bottom) / 2;
        match lines.iter_mut().find(|(line, _)| (line.top..line.bottom).contains(&middle)) {
            Some((line, members)) => {
                *line = line.around(group.bounds);
                members.push(group);
            }
            None => lines.push((group.bounds, vec![group])),
        }
    }
    for (_, mut members) in lines {
        members.sort_by_key(|group| group.bounds.left);
        groups.extend(members);
    }
}
