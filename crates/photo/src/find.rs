//! The search for digits: on the ground of a picture, on pages and in frames within it, and behind what reaches in from its edge.

use image::RgbImage;

use crate::background::{self, Ground};
use crate::components::{Component, components};
use crate::digit::{Digit, Doubt};
use crate::foreground::Foreground;
use crate::frame::{self, EmptyBox};
use crate::grid::neighbors;
use crate::groups::{self, Group};
use crate::page::{self, Part};
use crate::render::render;
use crate::view::View;
use crate::{NetworkImage, doubts, lines, shadow};

/// The longer side below which a digit is looked at again, enlarged from the original.
const DETAIL: usize = 80;
/// The share of a picture that the rectangle of a digit covers which fills it.
const COVERS: f32 = 0.5;
/// Pages and frames within each other.
const DEEPEST: usize = 4;

/// Finds the digits in a picture, line by line from left to right.
pub(crate) fn digits(picture: &RgbImage) -> Vec<Digit> {
    read(picture, &View::whole(picture), 0).map_or(Vec::new(), |reading| reading.digits)
}

/// Reads a view on each ground that it may have, the likelier one first, until there is a digit that is inside or covers most.
fn read(original: &RgbImage, view: &View, depth: usize) -> Option<Reading> {
    let mut best: Option<Reading> = None;
    for ground in background::grounds(view) {
        if best.as_ref().is_some_and(|best| best.inside || best.covered >= COVERS) {
            break;
        }
        let Some(reading) = read_on(original, view, &ground, depth) else { continue };
        // The likelier ground wins unless the other one shows clearly more.
        if best.as_ref().is_none_or(|best| reading.inside || reading.covered > best.covered + 0.1) {
            best = Some(reading);
        }
    }
    best
}

/// The digits on one background.
struct Reading {
    digits: Vec<Digit>,
    /// `true` if something does not reach the edge of the view.
    inside: bool,
    /// The largest share of the view that a digit's rectangle covers.
    covered: f32,
}

impl Reading {
    fn of(groups: &[Group], foreground: &Foreground, digit: impl FnMut(&Group) -> Digit) -> Self {
        let area = (foreground.width * foreground.height) as f32;
        let covered = groups.iter().map(|group| group.bounds.area() as f32 / area).fold(0.0, f32::max);
        let inside = groups.iter().any(|group| !group.on_edge);
        let digits: Vec<Digit> = groups.iter().map(digit).collect();
        // A patch is no digit, however much it covers.
        let solid = digits.iter().all(|digit| digit.doubts.contains(&Doubt::Solid));
        Self { digits, inside: inside && !solid, covered: if solid { 0.0 } else { covered } }
    }
}

fn read_on(original: &RgbImage, view: &View, ground: &Ground, depth: usize) -> Option<Reading> {
    let mut foreground = Foreground::from_view(view, ground)?;
    lines::remove(&mut foreground);
    let (width, height) = (foreground.width, foreground.height);
    let components = components(&foreground);
    if let Some((strokes, groups)) = shadow::across(view, &components) {
        return Some(Reading::of(&groups, &strokes, |group| Digit {
            image: render(&strokes, group),
            region: view.region_of(group.bounds),
            doubts: doubts::of_group(group, &strokes),
        }));
    }
    let mut empty = vec![false; components.len()];
    if depth < DEEPEST {
        let within = |part: &Part| read(original, &view.within(original, &part.mask, part.bounds), depth + 1);
        let mut cut_off = None;
        for page in page::pages(&components, width, height) {
            match within(&page) {
                Some(reading) if reading.inside => return Some(reading),
                // A page on which nothing is written is no digit.
                reading => {
                    empty[page.component] |= page::is_patch(&components[page.component], width);
                    cut_off = cut_off.or(reading.filter(|reading| !reading.digits.is_empty()));
                }
            }
        }
        let frames = frame::insides(&components, width, height);
        let mut readings = frames.filter_map(|part| within(&part));
        if let Some(reading) = readings.find(|reading| !reading.digits.is_empty()) {
            return Some(Reading { inside: true, ..reading });
        }
        if cut_off.is_some() {
            return cut_off;
        }
    }
    let mut boxes = Vec::new();
    for (component, empty) in components.iter().zip(&mut empty) {
        match frame::empty_box(component, width) {
            Some(EmptyBox::Thin) => *empty = true,
            Some(EmptyBox::Broad) => boxes.push(component.bounds),
            None => {}
        }
    }
    let components = components.into_iter().zip(empty).filter(|(_, empty)| !empty);
    let components: Vec<Component> = components.map(|(component, _)| component).collect();
    let at_edge: Vec<usize> = components
        .iter()
        .filter(|component| component.on_edge())
        .flat_map(|component| component.pixels.iter().copied())
        .collect();
    let groups = groups::digits(components, width, height);
    if groups.is_empty() && !at_edge.is_empty() && depth < DEEPEST {
        return read(original, &behind(view, &at_edge), depth + 1);
    }
    Some(Reading::of(&groups, &foreground, |group| {
        let mut digit = digit(original, view, ground, &foreground, group);
        if boxes.contains(&group.bounds) {
            digit.doubts.push(Doubt::Framed);
        }
        digit
    }))
}

/// The view without some of its pixels and their soft edges.
fn behind(view: &View, pixels: &[usize]) -> View {
    let mut behind = view.clone();
    for &pixel in pixels {
        for near in neighbors(pixel, view.width(), view.height()) {
            behind.valid[near] = false;
        }
    }
    behind
}

/// The digit of a group; a small one on a large page from its surroundings, at full size.
fn digit(original: &RgbImage, view: &View, ground: &Ground, foreground: &Foreground, group: &Group) -> Digit {
    let region = view.region_of(group.bounds);
    let doubts = doubts::of_group(group, foreground);
    if view.reduction() > 1.5
        && group.bounds.longer() < DETAIL
        && let Some(image) = detail(original, view, ground, group)
    {
        return Digit { image, region, doubts };
    }
    Digit { image: render(foreground, group), region, doubts }
}

fn detail(original: &RgbImage, view: &View, ground: &Ground, group: &Group) -> Option<NetworkImage> {
    let (near, place) = view.around(original, group.bounds);
    let apart = |other: &Ground| {
        let level = other.level.iter().zip(ground.level);
        level.map(|(one, other)| (one - other).abs()).sum::<f32>()
    };
    let grounds = background::grounds(&near);
    let ground = grounds.iter().min_by(|one, other| apart(one).total_cmp(&apart(other)))?;
    let mut foreground = Foreground::from_view(&near, ground)?;
    lines::remove(&mut foreground);
    let mut components = components(&foreground);
    components.retain(|component| place.holds_middle_of(component.bounds));
    let groups = groups::digits(components, foreground.width, foreground.height);
    let group = groups.into_iter().max_by_key(|group| group.bounds.area())?;
    Some(render(&foreground, &group))
}
