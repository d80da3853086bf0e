//! Pens from a hair to a fat marker, and those that do not leave a whole stroke.

use crate::cases::canvas::Canvas;
use crate::cases::case::{Case, Expected};
use crate::cases::mask::Mask;
use crate::cases::scene::{Place, Scene};

/// A sheet with a digit of a pen whose width is a share of the digit's side.
fn written(scene: &mut Scene<'_>, low: f32, high: f32) -> (Canvas, Mask, u8) {
    let canvas = scene.sheet().0;
    let (digit, place) = (scene.digit(), scene.inside(canvas.width, canvas.height));
    let pen = place.side * scene.uniform(low, high);
    let mut mask = canvas.mask();
    scene.pen(&mut mask, digit, place, pen);
    (canvas, mask, digit)
}

fn inked(scene: &mut Scene<'_>, (mut canvas, mask, digit): (Canvas, Mask, u8)) -> Case {
    let ink = scene.ink();
    canvas.put(&mask, ink);
    Case { picture: canvas.finish(), expected: Expected::Digit(digit) }
}

/// One pixel wide.
pub(super) fn hairline(scene: &mut Scene<'_>) -> Case {
    let canvas = scene.sheet().0;
    let (digit, place) = (scene.digit(), scene.inside(canvas.width, canvas.height));
    let pen = scene.uniform(0.8, 1.4);
    let mut mask = canvas.mask();
    scene.pen(&mut mask, digit, place, pen);
    inked(scene, (canvas, mask, digit))
}

/// Two hundredths of the digit wide.
pub(super) fn thin(scene: &mut Scene<'_>) -> Case {
    let written = written(scene, 0.012, 0.03);
    inked(scene, written)
}

/// A page of A4 at half of the usual 300 dots per inch, with a small digit of a thin pen.
pub(super) fn scan(scene: &mut Scene<'_>) -> Case {
    let (paper, ink) = (scene.paper(), scene.ink());
    let mut canvas = Canvas::new(1240, 1754, paper);
    let place = scene.within([80.0, 80.0], [1160.0, 1674.0], 0.04, 0.16);
    let (digit, pen) = (scene.digit(), scene.uniform(2.0, 6.0));
    let mut mask = canvas.mask();
    scene.pen(&mut mask, digit, place, pen);
    canvas.put(&mask, ink);
    Case { picture: canvas.finish(), expected: Expected::Digit(digit) }
}

/// An eighth to a sixth of the digit wide.
pub(super) fn marker(scene: &mut Scene<'_>) -> Case {
    let written = written(scene, 0.13, 0.18);
    inked(scene, written)
}

/// So wide that more than a third of a close picture is ink.
pub(super) fn fat(scene: &mut Scene<'_>) -> Case {
    let (digit, side) = (scene.digit(), scene.uniform(120.0, 240.0));
    let pen = side * scene.uniform(0.2, 0.28);
    let (room, (ground, ink)) = (pen / 2.0 + side * scene.uniform(0.02, 0.15), scene.colors());
    let mut canvas = Canvas::new((side + 2.0 * room) as usize, (side + 2.0 * room) as usize, ground);
    let mut mask = canvas.mask();
    scene.pen(&mut mask, digit, Place::new(room, room, side), pen);
    canvas.put(&mask, ink);
    // The holes of an 8 or a 6 may be gone in the widest.
    let clear = pen < 0.24 * side || !matches!(digit, 0 | 2..=6 | 8 | 9);
    let expected = if clear { Expected::Digit(digit) } else { Expected::Perhaps(digit) };
    Case { picture: canvas.finish(), expected }
}

/// Little darker than the paper.
pub(super) fn pencil(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, mask, digit) = written(scene, 0.04, 0.08);
    let (paper, darker) = (canvas.colors[0], scene.uniform(30.0, 70.0));
    canvas.put(&mask, paper.map(|value| value - darker));
    scene.photograph(&mut canvas);
    Case { picture: canvas.finish(), expected: Expected::Digit(digit) }
}

/// Light and grainy on a dark board.
pub(super) fn chalk(scene: &mut Scene<'_>) -> Case {
    let (_, mut mask, digit) = written(scene, 0.06, 0.11);
    let mut canvas = Canvas::new(mask.width, mask.height, [36.0, 60.0, 46.0]);
    let grain = scene.uniform(0.0, 0.5);
    mask.fade(|_, _| 1.0 - grain * scene.stream.unit());
    canvas.put(&mask, [225.0, 225.0, 215.0]);
    scene.photograph(&mut canvas);
    Case { picture: canvas.finish(), expected: Expected::Digit(digit) }
}

/// Gaps all over the stroke, each a few pixels large.
pub(super) fn dry(scene: &mut Scene<'_>) -> Case {
    let (canvas, mut mask, digit) = written(scene, 0.06, 0.1);
    let cell = scene.side(2, 5);
    let (across, share) = (mask.width / cell + 1, scene.uniform(0.2, 0.4));
    let kept: Vec<bool> = (0..across * (mask.height / cell + 1)).map(|_| !scene.chance(share)).collect();
    mask.fade(|x, y| f32::from(kept[y / cell * across + x / cell]));
    inked(scene, (canvas, mask, digit))
}

/// A gap across the whole digit.
pub(super) fn cut(scene: &mut Scene<'_>) -> Case {
    let (canvas, mut mask, digit) = written(scene, 0.06, 0.1);
    let [_, top, _, bottom] = mask.bounds().unwrap_or([0; 4]);
    let height = (bottom - top) as f32;
    let from = top as f32 + height * scene.uniform(0.3, 0.7);
    let to = from + height * scene.uniform(0.02, 0.06);
    mask.fade(|_, y| f32::from(!(from..to).contains(&(y as f32))));
    inked(scene, (canvas, mask, digit))
}

/// Dots along the strokes, as in books for children who learn to write.
pub(super) fn dotted(scene: &mut Scene<'_>) -> Case {
    let (canvas, mut mask, digit) = written(scene, 0.06, 0.09);
    let cell = scene.uniform(7.0, 11.0);
    let (phase_x, phase_y) = (scene.uniform(0.0, 6.0), scene.uniform(0.0, 6.0));
    let wave = |at: usize, phase: f32| (std::f32::consts::TAU * at as f32 / cell + phase).sin();
    mask.fade(|x, y| f32::from(wave(x, phase_x) * wave(y, phase_y) > -0.2));
    let case = inked(scene, (canvas, mask, digit));
    Case { expected: Expected::Perhaps(digit), ..case }
}

/// The outline of a fat digit.
pub(super) fn outlined(scene: &mut Scene<'_>) -> Case {
    let (canvas, mut mask, digit) = written(scene, 0.16, 0.2);
    let line = scene.uniform(2.0, 5.0);
    let inner = mask.clone().blurred(line);
    mask.fade(|x, y| f32::from(inner.values[y * inner.width + x] < 0.85));
    let case = inked(scene, (canvas, mask, digit));
    Case { expected: Expected::Perhaps(digit), ..case }
}
