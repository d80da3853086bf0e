//! The digit of a picture, as MNIST would show it.

use std::fmt;

use image::RgbImage;

use crate::background::{self, Ground};
use crate::components::{Component, components};
use crate::foreground::Foreground;
use crate::grid::BoundingBox;
use crate::groups::{self, Group};
use crate::page::{self, Part};
use crate::render::render;
use crate::view::View;
use crate::{NetworkImage, frame, lines, stroke};

/// The longer side below which a digit is looked at again, enlarged from the original.
const DETAIL: usize = 80;
/// The share of a picture that the rectangle of a digit covers which fills it.
const COVERS: f32 = 0.5;
/// The share of a picture that a shadow covers.
const SHADOW: f32 = 0.08;
/// The side of the square in a corner that a shadow covers, as a share of the picture's shorter side.
const CORNER: f32 = 0.2;
/// A shadow is so many times as wide as the strokes that it falls on.
const WIDER: f32 = 3.0;
/// Pages and frames within each other.
const DEEPEST: usize = 4;

/// A digit found in a picture.
#[derive(Clone, Debug)]
pub struct Digit {
    /// The image that the network reads.
    pub image: NetworkImage,
    /// The place of the digit in the upright picture.
    pub region: Region,
    /// The reasons why this may be no digit; empty where nothing speaks against it.
    pub doubts: Vec<Doubt>,
}

/// A rectangle of an upright picture, in its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Pixels left of it.
    pub left: u32,
    /// Pixels above it.
    pub top: u32,
    /// Pixels from its left to its right side.
    pub width: u32,
    /// Pixels from its top to its bottom.
    pub height: u32,
}

/// The reason why a picture has no digit to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoDigit {
    /// Nothing stands out from the background.
    Nothing,
    /// There are several, side by side or one above the other.
    Several {
        /// The number of digits.
        count: usize,
    },
}

impl std::error::Error for NoDigit {}

impl fmt::Display for NoDigit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("no digit found: nothing stands out from the background"),
            Self::Several { count } => write!(f, "{count} digits found where one was expected"),
        }
    }
}

/// A reason why a picture may show no digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doubt {
    /// A frame has nothing in it, or may be part of a digit.
    Framed,
    /// Something that is no digit stands beside it.
    Marked,
    /// The foreground has more connected components than a digit.
    Scattered,
    /// The foreground fills its box as no stroke does.
    Solid,
    /// The foreground is much wider than high.
    Lying,
    /// The foreground reaches the edge of the picture: something may be cut off.
    CutOff,
    /// The image that the network reads is unlike the digit that it was read as ([`NetworkImage::doubt`] tells).
    Unfamiliar,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Framed => "the digit looks like an empty frame",
            Self::Marked => "something else stands beside the digit: a sign, a part of it, or another digit",
            Self::Scattered => "the foreground is in many pieces: more than one digit, or no digit",
            Self::Solid => "the foreground is a solid patch, not a stroke",
            Self::Lying => "the foreground is much wider than high: more than one digit, or turned",
            Self::CutOff => "the foreground reaches the edge: the digit may be cut off",
            Self::Unfamiliar => "it looks unlike the digits that were learned from: several, or none",
        })
    }
}

/// Finds the digits in a picture, line by line from left to right.
pub(crate) fn find(picture: &RgbImage) -> Vec<Digit> {
    read(picture, &View::whole(picture), 0)
}

/// Reads a view on each level that its background may have, and takes the first reading with something inside; else that which
/// covers most.
fn read(original: &RgbImage, view: &View, depth: usize) -> Vec<Digit> {
    let mut best: Option<Reading> = None;
    for ground in background::grounds(view) {
        // The likelier ground wins unless a digit on it neither is inside nor covers most, and the other one shows clearly more.
        if best.as_ref().is_some_and(|best| best.inside || best.covered >= COVERS) {
            break;
        }
        let Some(reading) = read_on(original, view, &ground, depth) else { continue };
        if best.as_ref().is_none_or(|best| reading.inside || reading.covered > best.covered + 0.1) {
            best = Some(reading);
        }
    }
    best.map_or(Vec::new(), |reading| reading.digits)
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
        Self { digits: groups.iter().map(digit).collect(), inside, covered }
    }
}

fn read_on(original: &RgbImage, view: &View, ground: &Ground, depth: usize) -> Option<Reading> {
    let mut foreground = Foreground::from_view(view, ground)?;
    lines::remove(&mut foreground);
    let (width, height) = (foreground.width, foreground.height);
    let components = components(&foreground);
    if let Some(reading) = across_shadow(view, &components) {
        return Some(reading);
    }
    if depth < DEEPEST {
        let parts = page::pages(&components, width, height).chain(frame::insides(&components, width, height));
        let within = |part: Part| read(original, &view.within(original, &part.mask, part.bounds), depth + 1);
        if let Some(digits) = parts.map(within).find(|digits| !digits.is_empty()) {
            return Some(Reading { digits, inside: true, covered: 1.0 });
        }
    }
    let boxes: Vec<BoundingBox> = components
        .iter()
        .filter(|component| frame::is_box(component, width))
        .map(|component| component.bounds)
        .collect();
    let groups = groups::digits(components, width, height);
    Some(Reading::of(&groups, &foreground, |group| {
        let mut digit = digit(original, view, ground, &foreground, group);
        if boxes.contains(&group.bounds) {
            digit.doubts.push(Doubt::Framed);
        }
        digit
    }))
}

/// The digits of a view through which the edge of a shadow runs; `None` where no digit lies across such an edge.
fn across_shadow(view: &View, components: &[Component]) -> Option<Reading> {
    let (width, height) = (view.width(), view.height());
    let is_shadow = |component: &&Component| {
        component.on_edge() && component.area() as f32 >= SHADOW * (width * height) as f32
    };
    let shadow = components.iter().filter(is_shadow).max_by_key(|component| component.area())?;
    let mut shaded = vec![false; width * height];
    for &pixel in &shadow.pixels {
        shaded[pixel] = true;
    }
    if !covers_corner(&shaded, width) {
        return None;
    }
    let breadth = stroke::mean_width(&shadow.local_mask(width), shadow.bounds.width());
    let strokes = Foreground::strokes(view)?;
    let groups = groups::digits(self::components(&strokes), width, height);
    let crosses = |group: &Group| {
        // Of the paper around the digit, not of its strokes.
        let BoundingBox { left, top, right, bottom } = group.bounds;
        let paper = (top..bottom).flat_map(|y| (left..right).map(move |x| y * width + x));
        let paper: Vec<usize> = paper.filter(|&pixel| !group.mask[pixel]).collect();
        let dark = paper.iter().filter(|&&pixel| shaded[pixel]).count() as f32 / paper.len().max(1) as f32;
        // A digit that reaches the edge has the width of its strokes.
        (0.1..0.9).contains(&dark) && breadth >= WIDER * stroke::mean_width(&group.mask, width)
    };
    if groups.is_empty() || !groups.iter().any(crosses) {
        return None;
    }
    Some(Reading::of(&groups, &strokes, |group| Digit {
        image: render(&strokes, group),
        region: view.region_of(group.bounds),
        doubts: doubts(group, &strokes),
    }))
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

/// The digit of a group; a small one on a large page from its surroundings, at full size.
fn digit(original: &RgbImage, view: &View, ground: &Ground, foreground: &Foreground, group: &Group) -> Digit {
    let region = view.region_of(group.bounds);
    let doubts = doubts(group, foreground);
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

fn doubts(digit: &Group, foreground: &Foreground) -> Vec<Doubt> {
    let bounds = digit.bounds;
    let inside = digit.mask.iter().filter(|inside| **inside).count();
    let filled = inside as f32 / bounds.area() as f32;
    let stroke = stroke::mean_width(&digit.mask, foreground.width);
    let solid = filled > 0.7 && stroke > 0.6 * bounds.width().min(bounds.height()) as f32;
    // A one is a filled bar, but a slim one.
    let slim = bounds.height() > 2 * bounds.width() || bounds.width() > 2 * bounds.height();
    // A digit that reaches both ends fills its picture; one that reaches one end may go on behind it.
    let fills = (bounds.top == 0 && bounds.bottom == foreground.height)
        || (bounds.left == 0 && bounds.right == foreground.width);
    [
        (digit.components > 4, Doubt::Scattered),
        (solid && !slim, Doubt::Solid),
        (2 * bounds.width() > 3 * bounds.height(), Doubt::Lying),
        (digit.on_edge && !fills, Doubt::CutOff),
        (digit.marked, Doubt::Marked),
    ]
    .into_iter()
    .filter_map(|(is_so, doubt)| is_so.then_some(doubt))
    .collect()
}
