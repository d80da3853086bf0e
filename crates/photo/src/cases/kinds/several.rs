//! More than one digit.

use crate::cases::canvas::{Canvas, Color};
use crate::cases::case::{Case, Expected};
use crate::cases::mask::Mask;
use crate::cases::scene::{Place, Scene};

/// Numbers that were read as one digit.
const PAIRS: [[u8; 2]; 7] = [[1, 0], [1, 1], [1, 2], [1, 7], [3, 8], [4, 2], [7, 1]];

/// Writes digits in a row, each as far from the last as `gap` times the height; returns the picture.
fn row(scene: &mut Scene<'_>, digits: &[u8], gap: f32) -> (Canvas, Mask, Color) {
    let (side, room) = (scene.uniform(70.0, 150.0), scene.uniform(0.15, 0.6));
    let (ground, ink) = scene.colors();
    let margin = room * side;
    let mut mask = Mask::new(
        (side * 1.3 * digits.len() as f32 + 2.0 * margin) as usize,
        (1.2 * side + 2.0 * margin) as usize,
    );
    let mut end = margin;
    for &digit in digits {
        let mut one = Mask::new(mask.width, mask.height);
        let size = side * scene.uniform(0.9, 1.05);
        let left = (mask.width as f32 - size) / 2.0;
        let top = margin + scene.uniform(0.0, 0.1) * side;
        scene.write(&mut one, digit, Place::new(left, top, size));
        let [inked, _, right, _] = one.bounds().unwrap_or([0, 0, 1, 1]);
        // Where the ink of each begins is known only once it is written.
        let by = end.round() as i64 - inked as i64;
        shift_onto(&mut mask, &one, by);
        end += (right - inked) as f32 + gap * side;
    }
    let width = ((end - gap * side + margin) as usize).clamp(8, mask.width);
    let mut cut = Mask::new(width, mask.height);
    for (to, from) in cut.values.chunks_exact_mut(width).zip(mask.values.chunks_exact(mask.width)) {
        to.copy_from_slice(&from[..width]);
    }
    (Canvas::new(width, cut.height, ground), cut, ink)
}

fn shift_onto(mask: &mut Mask, other: &Mask, by: i64) {
    let width = mask.width;
    for (at, &value) in other.values.iter().enumerate().filter(|(_, value)| **value > 0.0) {
        if let Ok(x) = usize::try_from((at % width) as i64 + by)
            && x < width
        {
            let to = &mut mask.values[at / width * width + x];
            *to = to.max(value);
        }
    }
}

fn case(scene: &mut Scene<'_>, digits: Vec<u8>, gap: f32) -> Case {
    let (mut canvas, mask, ink) = row(scene, &digits, gap);
    canvas.put(&mask, ink);
    if scene.chance(0.5) {
        scene.photograph(&mut canvas);
    }
    Case { picture: canvas.finish(), expected: Expected::Several(digits) }
}

/// Two side by side.
pub(super) fn two(scene: &mut Scene<'_>) -> Case {
    let digits = match scene.chance(0.7) {
        true => PAIRS[scene.stream.below(7) as usize].to_vec(),
        false => vec![scene.digit(), scene.digit()],
    };
    let gap = scene.uniform(0.06, 0.5);
    case(scene, digits, gap)
}

/// Three or four side by side.
pub(super) fn three(scene: &mut Scene<'_>) -> Case {
    let count = scene.side(3, 5);
    let (digits, gap) = ((0..count).map(|_| scene.digit()).collect(), scene.uniform(0.06, 0.4));
    case(scene, digits, gap)
}

/// Two that touch.
pub(super) fn touching(scene: &mut Scene<'_>) -> Case {
    let (digits, gap) = (vec![scene.digit(), scene.digit()], scene.uniform(-0.08, -0.02));
    case(scene, digits, gap)
}

/// Two that lie over each other by up to a third.
pub(super) fn overlapping(scene: &mut Scene<'_>) -> Case {
    let (digits, gap) = (vec![scene.digit(), scene.digit()], scene.uniform(-0.3, -0.1));
    case(scene, digits, gap)
}

/// Two rows of one or two.
pub(super) fn rows(scene: &mut Scene<'_>) -> Case {
    let columns = scene.side(1, 3);
    let digits: Vec<u8> = (0..2 * columns).map(|_| scene.digit()).collect();
    let (side, ink) = (scene.uniform(60.0, 110.0), scene.ink());
    let paper = scene.paper();
    let mut canvas = Canvas::new((1.4 * side) as usize * columns + 40, (2.7 * side) as usize + 40, paper);
    let mut mask = canvas.mask();
    for (at, &digit) in digits.iter().enumerate() {
        let (column, row) = (at % columns, at / columns);
        let place = Place::new(25.0 + 1.4 * side * column as f32, 20.0 + 1.4 * side * row as f32, side);
        scene.write(&mut mask, digit, place);
    }
    canvas.put(&mask, ink);
    Case { picture: canvas.finish(), expected: Expected::Several(digits) }
}

/// A large digit with a small one beside or above it: a power, an index, the number of a page.
pub(super) fn sizes(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, ink) = scene.sheet();
    let side = 0.4 * canvas.width.min(canvas.height) as f32;
    let digits = vec![scene.digit(), scene.digit()];
    let place = Place::new(scene.uniform(0.1, 0.4) * side, scene.uniform(0.4, 0.9) * side, side);
    let mut mask = canvas.mask();
    scene.write(&mut mask, digits[0], place);
    let small = side * scene.uniform(0.35, 0.6);
    let up = scene.uniform(-0.6, 0.8) * small;
    scene.write(&mut mask, digits[1], Place::new(place.left + 1.05 * side, place.top + up, small));
    canvas.put(&mask, ink);
    scene.photograph(&mut canvas);
    Case { picture: canvas.finish(), expected: Expected::Several(digits) }
}

/// Two digits with a plus between them.
pub(super) fn sum(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, ink) = scene.sheet();
    let side = canvas.width as f32 * scene.uniform(0.2, 0.27);
    let (left, top) =
        (0.05 * canvas.width as f32, scene.uniform(0.2, canvas.height as f32 / side - 1.3) * side);
    let digits = vec![scene.digit(), scene.digit()];
    let mut mask = canvas.mask();
    scene.write(&mut mask, digits[0], Place::new(left, top, side));
    let (x, y, arm, pen) = (left + 1.55 * side, top + 0.55 * side, 0.25 * side, 0.08 * side);
    mask.line(&[[x - arm, y], [x + arm, y]], pen);
    mask.line(&[[x, y - arm], [x, y + arm]], pen);
    scene.write(&mut mask, digits[1], Place::new(left + 2.1 * side, top, side));
    canvas.put(&mask, ink);
    Case { picture: canvas.finish(), expected: Expected::Several(digits) }
}
