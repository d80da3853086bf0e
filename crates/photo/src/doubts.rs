//! What speaks against a digit, by its shape.

use crate::digit::Doubt;
use crate::foreground::Foreground;
use crate::groups::Group;

/// The broadest stroke of a digit, as a share of the digit's shorter side.
const BROADEST: f32 = 0.72;
/// The share of its rectangle that a patch fills at least; a disc fills 0.79.
const FILLED: f32 = 0.68;
/// So many times as wide as high is no digit: 0.5 % of MNIST's are wider.
const LYING: f32 = 1.5;
/// The share of a side by which a digit may miss an end that it reaches.
const NEAR_EDGE: f32 = 0.03;

/// The reasons why a group may be no digit.
pub(crate) fn of_group(digit: &Group, foreground: &Foreground) -> Vec<Doubt> {
    let bounds = digit.bounds;
    // A one is a filled bar, but a slim one.
    let slim = bounds.height() > 2 * bounds.width() || bounds.width() > 2 * bounds.height();
    let inside = digit.mask.iter().filter(|inside| **inside).count();
    let filled = inside as f32 / bounds.area() as f32;
    let shorter = bounds.width().min(bounds.height()) as f32;
    let solid = digit.broadest > BROADEST * shorter && filled > FILLED && !slim;
    // A digit that reaches both ends fills its picture; one that reaches one end may go on behind it.
    let spans = |start: usize, end: usize, side: usize| {
        let near = (NEAR_EDGE * side as f32) as usize;
        start <= near && end + near >= side
    };
    let fills = spans(bounds.top, bounds.bottom, foreground.height)
        || spans(bounds.left, bounds.right, foreground.width);
    [
        (digit.components > 4, Doubt::Scattered),
        (solid, Doubt::Solid),
        (bounds.width() as f32 > LYING * bounds.height() as f32, Doubt::Lying),
        (digit.on_edge && !fills, Doubt::CutOff),
        (digit.marked, Doubt::Marked),
        (digit.framed, Doubt::Framed),
    ]
    .into_iter()
    .filter_map(|(is_so, doubt)| is_so.then_some(doubt))
    .collect()
}
