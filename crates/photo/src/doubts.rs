//! What speaks against a digit, by its shape.

use crate::digit::Doubt;
use crate::foreground::Foreground;
use crate::groups::Group;
use crate::stroke;

/// The broadest stroke of a digit, as a share of the digit's shorter side.
const BROADEST: f32 = 0.45;
/// So many times as wide as high is no digit: 1.2 % of MNIST's are wider.
const LYING: f32 = 1.4;

/// The reasons why a group may be no digit.
pub(crate) fn of_group(digit: &Group, foreground: &Foreground) -> Vec<Doubt> {
    let bounds = digit.bounds;
    let stroke = stroke::mean_width(&digit.mask, foreground.width);
    // A one is a filled bar, but a slim one.
    let slim = bounds.height() > 2 * bounds.width() || bounds.width() > 2 * bounds.height();
    let solid = stroke > BROADEST * bounds.width().min(bounds.height()) as f32 && !slim;
    // A digit that reaches both ends fills its picture; one that reaches one end may go on behind it.
    let fills = (bounds.top == 0 && bounds.bottom == foreground.height)
        || (bounds.left == 0 && bounds.right == foreground.width);
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
