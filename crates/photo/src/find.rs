//! The search for digits: on the ground of a picture, on pages and in frames within it, and behind what reaches in from its edge.

use image::{GenericImageView as _, Rgb};

use crate::background::{self, Ground};
use crate::components::{Component, components};
use crate::digit::{Digit, Doubt};
use crate::foreground::Foreground;
use crate::frame::{self, EmptyBox};
use crate::groups::{self, Group};
use crate::original::Original;
use crate::page::{self, Part};
use crate::render::render;
use crate::shadow::{self, Which};
use crate::view::{MAX_SIDE, View};
use crate::{NetworkImage, doubts, lines, stroke, surroundings};

/// The longer side below which a digit is looked at again, enlarged from the original.
const DETAIL: usize = 80;
/// A picture that is so many times as long as wide is narrow: by as much as a one.
const NARROW: u32 = 3;
/// The share of a picture that the rectangle of a digit covers which fills it.
const COVERS: f32 = 0.5;
/// The least share of a picture that a digit on the less likely ground covers.
const SHOWN: f32 = 0.01;
/// The width of soft edges, as a share of a view's shorter side.
const SOFT_EDGE: f32 = 0.015;
/// Pages and frames within each other.
const DEEPEST: usize = 4;

/// Finds the digits in a picture, line by line from left to right.
pub(crate) fn digits(picture: &Original) -> Vec<Digit> {
    let read_whole = |picture: &Original| {
        read(picture, &View::whole(picture), 0).map_or(Vec::new(), |reading| reading.digits)
    };
    let (width, height) = picture.dimensions();
    if width.max(height) < NARROW * width.min(height) || width.max(height) > MAX_SIDE / 2 {
        return read_whole(picture);
    }
    // A one that fills its picture leaves next to nothing of the ground: what the corners show is put beside it.
    let [across, down] = if width < height { [height / 2, 0] } else { [0, width / 2] };
    let mut digits = read_whole(&padded(picture, across, down));
    for Digit { region, .. } in &mut digits {
        let within = |start: u32, length: u32, padding: u32, side: u32| {
            let first = start.saturating_sub(padding).min(side - 1);
            (first, (start + length).saturating_sub(padding).clamp(first + 1, side) - first)
        };
        (region.left, region.width) = within(region.left, region.width, across, width);
        (region.top, region.height) = within(region.top, region.height, down, height);
    }
    digits
}

/// The picture with more ground on its sides, as its corners show it.
fn padded<'a>(picture: &Original<'a>, across: u32, down: u32) -> Original<'a> {
    let (width, height) = picture.dimensions();
    let corners = [(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)];
    let mut corners = corners.map(|(x, y)| picture.get_pixel(x, y));
    corners.sort_by_key(|corner| corner.0.iter().map(|&value| u32::from(value)).sum::<u32>());
    // A stroke covers some of them: of the darker and the lighter two, those that are nearer to each other are the ground.
    let apart = |one: Rgb<u8>, other: Rgb<u8>| {
        one.0.iter().zip(other.0).map(|(&one, other)| u32::from(one.abs_diff(other))).sum::<u32>()
    };
    let ground =
        if apart(corners[0], corners[1]) < apart(corners[2], corners[3]) { corners[1] } else { corners[2] };
    picture.padded([across, down], ground)
}

/// Reads a view on each ground that it may have, the likelier one first, until there is a digit that is inside or covers most.
fn read(original: &Original, view: &View, depth: usize) -> Option<Reading> {
    let mut best: Option<Reading> = None;
    for ground in background::grounds(view) {
        if best.as_ref().is_some_and(|best| best.inside || best.covered >= COVERS) {
            break;
        }
        let Some(reading) = read_on(original, view, &ground, depth) else { continue };
        // The likelier ground wins unless the other one shows clearly more.
        let shows_more = |best: &Reading| {
            (reading.inside && reading.covered > SHOWN) || reading.covered > best.covered + 0.1
        };
        if best.as_ref().is_none_or(|best| best.digits.is_empty() || shows_more(best)) {
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

fn read_on(original: &Original, view: &View, ground: &Ground, depth: usize) -> Option<Reading> {
    let mut foreground = Foreground::from_view(view, ground)?;
    lines::remove(&mut foreground);
    let components = components(&foreground);
    if let Some(reading) = in_shadow(view, &components, Which::Across) {
        return Some(reading);
    }
    let parts = match depth < DEEPEST {
        true => read_parts(original, view, &components, depth + 1),
        false => PartsReading::default(),
    };
    if parts.reading.as_ref().is_some_and(|reading| reading.inside) {
        return parts.reading;
    }
    let left: Vec<Component> = components
        .iter()
        .zip(&parts.empty)
        .filter(|(_, empty)| !**empty)
        .map(|(left, _)| left.clone())
        .collect();
    let at_edge: Vec<usize> =
        left.iter().filter(|one| one.on_edge()).flat_map(|one| one.pixels.iter().copied()).collect();
    let groups = groups::digits(left, foreground.width, foreground.height);
    let mut here =
        Reading::of(&groups, &foreground, |group| digit(original, view, ground, &foreground, group));
    if groups.is_empty() && !at_edge.is_empty() && depth < DEEPEST {
        here = read(original, &behind(view, &at_edge), depth + 1).unwrap_or(here);
    }
    if here.inside {
        return Some(here);
    }
    let shaded = in_shadow(view, &components, Which::All).filter(|reading| reading.inside);
    shaded.or(parts.reading).or(Some(here))
}

/// The digits in a shadow or across its edge.
fn in_shadow(view: &View, components: &[Component], which: Which) -> Option<Reading> {
    let (strokes, groups) = shadow::strokes(view, components, which)?;
    Some(Reading::of(&groups, &strokes, |group| Digit {
        image: render(&strokes, group),
        region: view.region_of(group.bounds),
        doubts: doubts::of_group(group, &strokes),
    }))
}

/// What pages and frames hold.
#[derive(Default)]
struct PartsReading {
    reading: Option<Reading>,
    /// `true` for each component that is a page or a frame with nothing in it.
    empty: Vec<bool>,
}

/// Reads the pages and frames of a view: the first that holds something; a digit that a page cuts off only where nothing else does.
fn read_parts(original: &Original, view: &View, components: &[Component], depth: usize) -> PartsReading {
    let (width, height) = (view.width(), view.height());
    let within = |part: &Part| read(original, &view.within(original, &part.mask, part.bounds), depth);
    let mut empty = vec![false; components.len()];
    let mut cut_off = None;
    for page in page::pages(components, width, height) {
        match within(&page) {
            reading @ Some(Reading { inside: true, .. }) => return PartsReading { reading, empty },
            // A page on which nothing is written is no digit; a broad one that fills its picture may look so.
            reading => {
                let component = &components[page.component];
                empty[page.component] |=
                    page::is_patch(component, width) && !surroundings::spans(component, width, height);
                cut_off = cut_off.or(reading.filter(|reading| !reading.digits.is_empty()));
            }
        }
    }
    let mut frames = frame::insides(components, width, height).filter_map(|part| within(&part));
    if let Some(reading) = frames.find(|reading| !reading.digits.is_empty()) {
        return PartsReading { reading: Some(Reading { inside: true, ..reading }), empty };
    }
    for (component, empty) in components.iter().zip(&mut empty) {
        *empty |= frame::empty_box(component, width) == Some(EmptyBox::Thin);
    }
    PartsReading { reading: cut_off, empty }
}

/// The view without some of its pixels and the soft edges around them.
fn behind(view: &View, pixels: &[usize]) -> View {
    let mut gone = vec![false; view.valid.len()];
    for &pixel in pixels {
        gone[pixel] = true;
    }
    let edge = (SOFT_EDGE * view.width().min(view.height()) as f32).max(2.0);
    let mut behind = view.clone();
    for (valid, distance) in behind.valid.iter_mut().zip(stroke::distances(&gone, view.width())) {
        *valid &= distance > edge;
    }
    behind
}

/// The digit of a group; a small one on a large page from its surroundings, at full size.
fn digit(original: &Original, view: &View, ground: &Ground, foreground: &Foreground, group: &Group) -> Digit {
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

fn detail(original: &Original, view: &View, ground: &Ground, group: &Group) -> Option<NetworkImage> {
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
