//! The segments of a display: straight bars that stand end to end, which are one digit and not one each.

use crate::components::Component;
use crate::grid::BoundingBox;

/// So many times as long as thick is a bar at least.
const SLENDER: usize = 3;
/// The share of its rectangle that a bar fills.
const FILLED: f32 = 0.8;
/// The share of the thinner bar's thickness by which the two at a corner may be apart, either way.
const APART: f32 = 0.7;
/// So many times as thick as the thinner one is the thicker of two neighbors at most.
const ALIKE: usize = 2;

/// Takes the digits of segments out of the components: chains of three bars or more, lying and standing ones.
pub(crate) fn take(components: &mut Vec<Component>) -> Vec<Vec<Component>> {
    let mut bars: Vec<Component> = components.extract_if(.., |component| is_bar(component)).collect();
    let mut digits = Vec::new();
    while let Some(first) = bars.pop() {
        let mut chain = vec![first];
        let mut next = 0;
        while let Some(bar) = chain.get(next) {
            let bounds = bar.bounds;
            let neighbors: Vec<Component> = bars.extract_if(.., |other| meet(bounds, other.bounds)).collect();
            chain.extend(neighbors);
            next += 1;
        }
        let lying = chain.iter().filter(|bar| is_lying(bar.bounds)).count();
        if chain.len() >= 3 && lying > 0 && lying < chain.len() {
            digits.push(chain);
        } else {
            components.extend(chain);
        }
    }
    // In the order in which they were found.
    components.sort_by_key(|component| component.pixels.first().copied());
    digits
}

fn is_bar(component: &Component) -> bool {
    let bounds = component.bounds;
    bounds.longer() >= SLENDER * thickness(bounds) && component.area() as f32 >= FILLED * bounds.area() as f32
}

fn is_lying(bounds: BoundingBox) -> bool {
    bounds.width() > bounds.height()
}

fn thickness(bounds: BoundingBox) -> usize {
    bounds.width().min(bounds.height())
}

/// Whether the ends of two bars are near each other: around a corner, or in one line, with room for a bar across between them.
fn meet(one: BoundingBox, other: BoundingBox) -> bool {
    let [thinner, thicker] = {
        let [one, other] = [one, other].map(thickness);
        [one.min(other), one.max(other)]
    };
    let [across, down] = one.gaps(other);
    let near = match (is_lying(one), is_lying(other)) {
        (true, true) => -2 * down >= thinner as isize && (0..=2 * thinner as isize).contains(&across),
        (false, false) => -2 * across >= thinner as isize && (0..=2 * thinner as isize).contains(&down),
        _ => across.max(down) as f32 <= APART * thinner as f32,
    };
    thicker <= ALIKE * thinner && near
}
