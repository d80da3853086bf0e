//! From the components of the foreground to digits: which belong together, and which are no part of any.

use crate::components::Component;
use crate::frame;
use crate::grid::BoundingBox;
use crate::stroke;

/// The share of the largest component below which others are specks.
const SPECK: f32 = 0.04;
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
    leave_out_surroundings(&mut components, width, height);
    let largest = components.iter().map(Component::area).max().unwrap_or(0);
    let grain = GRAIN * ((width * height) as f32 / 1e5).min(1.0);
    components.retain(|component| component.area() as f32 >= grain.max(SPECK * largest as f32));
    leave_out_bars(&mut components);
    for component in &mut components {
        leave_out_underline(component, width);
    }
    let framed = leave_out_surrounding_strokes(&mut components);
    let is_flat = |component: &Component| component.bounds.width() >= FLAT * component.bounds.height();
    let all_flat = components.iter().all(is_flat);
    let heights = components.iter().filter(|component| all_flat || !is_flat(component));
    let tallest = heights.map(|component| component.bounds.height()).max().unwrap_or(0) as f32;
    let (tall, small): (Vec<Component>, Vec<Component>) = components.into_iter().partition(|component| {
        component.bounds.height() as f32 >= TALL * tallest && (all_flat || !is_flat(component))
    });

    let mut groups: Vec<Parts> = Vec::new();
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

/// Leaves out the bars between the cells of a form: three or more straight ones of the same height.
fn leave_out_bars(components: &mut Vec<Component>) {
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
fn leave_out_underline(component: &mut Component, width: usize) {
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
fn leave_out_surrounding_strokes(components: &mut Vec<Component>) -> bool {
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
fn leave_out_surroundings(components: &mut Vec<Component>, width: usize, height: usize) {
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
    // The holes of a punch.
    let is_disc = component.area() as f32 >= 0.7 * component.bounds.area() as f32;
    let over_it = across < 0.0 && down <= NEAR * tallest;
    if over_it || (across <= 0.08 * tallest && down < 0.0) {
        group.join(Parts::of(component));
    } else if component.bounds.longer() as f32 >= MARK * tallest
        && !(is_disc && across.max(down) > 0.3 * tallest)
    {
        group.marked = true;
    }
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
