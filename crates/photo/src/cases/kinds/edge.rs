//! Digits far from the middle, small or turned.

use crate::cases::case::{Case, Expected};
use crate::cases::scene::{Place, Scene};

/// In a corner, with little room to two sides.
pub(super) fn corner(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, ink) = scene.any_sheet();
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let side = width.min(height) * scene.uniform(0.2, 0.4);
    let room = scene.uniform(0.08, 0.2) * side;
    let left = if scene.chance(0.5) { room } else { width - side - room };
    let top = if scene.chance(0.5) { room } else { height - side - room };
    let (digit, mut mask) = (scene.digit(), canvas.mask());
    scene.write(&mut mask, digit, Place::new(left, top, side));
    canvas.put(&mask, ink);
    Case { picture: canvas.finish(), expected: Expected::Digit(digit) }
}

/// Touching a side of the picture, or cut off there by a few hundredths.
pub(super) fn touches(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, ink) = scene.any_sheet();
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let side = width.min(height) * scene.uniform(0.3, 0.6);
    let over = side * scene.uniform(0.0, 0.06);
    let (mut left, mut top) = (0.5 * (width - side), 0.5 * (height - side));
    match scene.stream.below(4) {
        0 => left = -over,
        1 => top = -over,
        2 => left = width - side + over,
        _ => top = height - side + over,
    }
    let (digit, mut mask) = (scene.digit(), canvas.mask());
    scene.write(&mut mask, digit, Place::new(left, top, side));
    canvas.put(&mask, ink);
    Case { picture: canvas.finish(), expected: Expected::Perhaps(digit) }
}

/// A twentieth to a tenth of the picture.
pub(super) fn tiny(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, ink) = scene.any_sheet();
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let side = (width.max(height) * scene.uniform(0.05, 0.1)).max(20.0);
    let left = scene.uniform(0.1 * width, 0.9 * width - side);
    let top = scene.uniform(0.1 * height, 0.9 * height - side);
    let (digit, mut mask) = (scene.digit(), canvas.mask());
    scene.write(&mut mask, digit, Place::new(left, top, side));
    canvas.put(&mask, ink);
    Case { picture: canvas.finish(), expected: Expected::Digit(digit) }
}

/// Turned by 10 to 25 degrees to either side.
pub(super) fn tilted(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, ink) = scene.any_sheet();
    let mut place = scene.inside(canvas.width, canvas.height);
    place.angle = scene.uniform(10.0, 25.0) * if scene.chance(0.5) { 1.0 } else { -1.0 };
    let (digit, mut mask) = (scene.digit(), canvas.mask());
    scene.write(&mut mask, digit, place);
    canvas.put(&mask, ink);
    // A turned 1 is a 7's stroke, and a turned 4 or 9 or 6 is no longer clear.
    Case { picture: canvas.finish(), expected: Expected::Perhaps(digit) }
}
