//! Marks of other kinds beside, around and through a digit.

use super::forms::Written;
use crate::cases::case::{Case, Expected};
use crate::cases::mask::{Mask, Point, arc};
use crate::cases::scene::Scene;
use crate::cases::strokes;

/// An oval frame, as stamps have it, double or with words along it left out.
pub(super) fn oval(scene: &mut Scene<'_>) -> Case {
    let written = Written::new(scene);
    let (height, pen) = (written.height(), scene.uniform(2.0, 5.0));
    let mut form = written.canvas.mask();
    form.ring(written.middle(), [0.85 * height, 0.68 * height], pen);
    if scene.chance(0.5) {
        form.ring(written.middle(), [0.92 * height, 0.76 * height], pen / 2.0);
    }
    let expected = Expected::Digit(written.digit);
    written.finish(scene, &form, expected)
}

/// A box of two lines.
pub(super) fn double_box(scene: &mut Scene<'_>) -> Case {
    let written = Written::new(scene);
    let (height, pen) = (written.height(), scene.uniform(1.5, 4.0));
    let mut form = written.canvas.mask();
    let [x, y] = written.middle();
    for room in [0.64, 0.74] {
        form.frame([x - room * height, y - room * height], [x + room * height, y + room * height], pen);
    }
    let expected = Expected::Digit(written.digit);
    written.finish(scene, &form, expected)
}

/// A box with round corners, drawn by hand and not quite closed.
pub(super) fn round_box(scene: &mut Scene<'_>) -> Case {
    let written = Written::new(scene);
    let (height, pen) = (written.height(), scene.uniform(3.0, 7.0));
    let [x, y] = written.middle();
    let (reach, corner) = (0.72 * height, 0.2 * height);
    let turns = [(1.0, -1.0, -90.0), (1.0, 1.0, 0.0), (-1.0, 1.0, 90.0), (-1.0, -1.0, 180.0)];
    let mut points: Vec<Point> = turns
        .iter()
        .flat_map(|(right, down, from)| {
            let center = [x + right * (reach - corner), y + down * (reach - corner)];
            arc(center, [corner; 2], *from, from + 90.0)
        })
        .collect();
    points.push([x + scene.uniform(-0.3, 0.3) * height, y - reach + scene.uniform(-4.0, 4.0)]);
    let mut form = written.canvas.mask();
    form.line(&points, pen);
    let expected = Expected::Digit(written.digit);
    written.finish(scene, &form, expected)
}

/// Brackets on both sides.
pub(super) fn brackets(scene: &mut Scene<'_>) -> Case {
    let written = Written::new(scene);
    let (height, pen) = (written.height(), written.height() * scene.uniform(0.04, 0.1));
    let [_, y] = written.middle();
    let (left, right) = (written.from[0] - 0.2 * height, written.to[0] + 0.2 * height);
    let mut form = written.canvas.mask();
    form.line(&arc([left + 0.1 * height, y], [0.25 * height, 0.65 * height], 130.0, 230.0), pen);
    form.line(&arc([right - 0.1 * height, y], [0.25 * height, 0.65 * height], -50.0, 50.0), pen);
    let expected = Expected::Perhaps(written.digit);
    written.finish(scene, &form, expected)
}

/// A line of a ruled page right through the digit, thin and lighter than the ink.
pub(super) fn struck(scene: &mut Scene<'_>) -> Case {
    let mut written = Written::new(scene);
    let mut form = written.canvas.mask();
    let y = written.from[1] + written.height() * scene.uniform(0.2, 0.9);
    form.line(&[[-5.0, y], [written.canvas.width as f32 + 5.0, y]], scene.uniform(1.0, 2.5));
    written.canvas.put(&form, [150.0, 180.0, 225.0]);
    let nothing = written.canvas.mask();
    let expected = Expected::Digit(written.digit);
    written.finish(scene, &nothing, expected)
}

/// A line below the digit that its foot touches.
pub(super) fn underline(scene: &mut Scene<'_>) -> Case {
    let written = Written::new(scene);
    let (pen, over) = (scene.uniform(2.0, 6.0), written.height() * scene.uniform(0.1, 0.4));
    let mut form = written.canvas.mask();
    let y = written.to[1] + scene.uniform(-0.03, 0.01) * written.height();
    form.line(&[[written.from[0] - over, y], [written.to[0] + over, y]], pen);
    let expected = Expected::Perhaps(written.digit);
    written.finish(scene, &form, expected)
}

/// A crossed seven, a slashed zero, an open four, a one with flag and foot.
pub(super) fn other_forms(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, ink) = scene.sheet();
    let (digit, form) = loop {
        let digit = scene.digit();
        if let Some(form) = strokes::other_form(digit) {
            break (digit, form);
        }
    };
    let place = scene.inside(canvas.width, canvas.height);
    let pen = place.side * scene.uniform(0.05, 0.1);
    let mut mask = canvas.mask();
    scene.strokes(&mut mask, form, place, pen);
    canvas.put(&mask, ink);
    let slashed = digit == 0;
    let expected = if slashed { Expected::Perhaps(digit) } else { Expected::Digit(digit) };
    Case { picture: canvas.finish(), expected }
}

/// An arrow that points at the digit.
pub(super) fn arrow(scene: &mut Scene<'_>) -> Case {
    let written = Written::new(scene);
    let (height, pen) = (written.height(), written.height() * scene.uniform(0.03, 0.08));
    let [_, y] = written.middle();
    let (tip, tail) = (written.from[0] - 0.12 * height, (written.from[0] - 0.7 * height).max(6.0));
    let mut form = written.canvas.mask();
    form.line(&[[tail, y], [tip, y]], pen);
    form.line(
        &[[tip - 0.15 * height, y - 0.12 * height], [tip, y], [tip - 0.15 * height, y + 0.12 * height]],
        pen,
    );
    let expected = Expected::Perhaps(written.digit);
    written.finish(scene, &form, expected)
}

/// A point or a comma after the digit.
pub(super) fn point(scene: &mut Scene<'_>) -> Case {
    let written = Written::new(scene);
    let radius = written.height() * scene.uniform(0.03, 0.07);
    let mut form = written.canvas.mask();
    let at = [written.to[0] + 0.15 * written.height(), written.to[1] - radius];
    form.ellipse(at, [radius; 2]);
    if scene.chance(0.5) {
        form.line(&[at, [at[0] - radius, at[1] + 3.0 * radius]], 1.4 * radius);
    }
    inked(scene, written, form)
}

/// A minus before the digit.
pub(super) fn minus(scene: &mut Scene<'_>) -> Case {
    let written = Written::new(scene);
    let (height, pen) = (written.height(), written.height() * scene.uniform(0.05, 0.1));
    let y = written.middle()[1] + scene.uniform(-0.1, 0.1) * height;
    let right = written.from[0] - 0.15 * height;
    let mut form = written.canvas.mask();
    form.line(&[[(right - 0.4 * height).max(5.0), y], [right, y]], pen);
    inked(scene, written, form)
}

/// A mark of the same ink as the digit.
fn inked(scene: &mut Scene<'_>, mut written: Written, form: Mask) -> Case {
    written.canvas.put(&form, written.ink);
    let (nothing, expected) = (written.canvas.mask(), Expected::Perhaps(written.digit));
    written.finish(scene, &nothing, expected)
}

/// A printed word above or left of the digit, as a form has it.
pub(super) fn label(scene: &mut Scene<'_>) -> Case {
    let written = Written::new(scene);
    let size = written.height() * scene.uniform(0.1, 0.18);
    let (word, mut form) = (scene.word(4), written.canvas.mask());
    let top = (written.from[1] - 2.2 * size).max(4.0);
    scene.words(&mut form, &word, [(written.from[0] - size).max(4.0), top], size);
    let expected = Expected::Perhaps(written.digit);
    written.finish(scene, &form, expected)
}
