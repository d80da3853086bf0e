//! What is printed or punched on paper.

use crate::cases::canvas::{Canvas, Color};
use crate::cases::case::{Case, Expected};
use crate::cases::mask::Mask;
use crate::cases::scene::{Place, Scene};

/// A photographed sheet on which something is printed, with a digit over it. `print` may keep parts of the sheet free by
/// answering with the share of each side that it takes.
fn printed(
    scene: &mut Scene<'_>,
    print: impl FnOnce(&mut Scene<'_>, &mut Mask) -> f32,
    color: Color,
) -> Case {
    let (mut canvas, ink) = scene.sheet();
    let mut form = canvas.mask();
    let taken = print(scene, &mut form);
    canvas.put(&form, color);
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let place = match taken > 0.0 {
        true => scene.within(
            [taken * width, taken * height],
            [(1.0 - taken) * width, (1.0 - taken) * height],
            0.6,
            0.95,
        ),
        false => scene.inside(canvas.width, canvas.height),
    };
    write(scene, &mut canvas, place, ink)
}

fn write(scene: &mut Scene<'_>, canvas: &mut Canvas, place: Place, ink: Color) -> Case {
    let (digit, mut mask) = (scene.digit(), canvas.mask());
    scene.write(&mut mask, digit, place);
    canvas.put(&mask, ink);
    scene.photograph(canvas);
    Case { picture: canvas.finish(), expected: Expected::Digit(digit) }
}

/// Lines from left to right.
pub(super) fn rule(scene: &mut Scene<'_>, form: &mut Mask) {
    let (step, pen) = (scene.uniform(26.0, 60.0), scene.uniform(1.0, 2.5));
    let mut y = scene.uniform(0.0, step);
    while y < form.height as f32 {
        form.line(&[[-5.0, y], [form.width as f32 + 5.0, y]], pen);
        y += step;
    }
}

/// Pale lines.
pub(super) fn ruled(scene: &mut Scene<'_>) -> Case {
    let color = [scene.uniform(130.0, 200.0), scene.uniform(160.0, 205.0), 225.0];
    let rule = |scene: &mut Scene<'_>, form: &mut Mask| {
        rule(scene, form);
        0.0
    };
    printed(scene, rule, color)
}

/// Lines as dark as the ink: where they cross the digit, only a person tells them apart.
pub(super) fn ruled_dark(scene: &mut Scene<'_>) -> Case {
    let color = [scene.uniform(20.0, 90.0); 3];
    let rule = |scene: &mut Scene<'_>, form: &mut Mask| {
        rule(scene, form);
        0.0
    };
    let case = printed(scene, rule, color);
    let expected = match case.expected {
        Expected::Digit(digit) => Expected::Perhaps(digit),
        other => other,
    };
    Case { expected, ..case }
}

/// Squares.
pub(super) fn grid(scene: &mut Scene<'_>) -> Case {
    let color = [scene.uniform(150.0, 215.0), scene.uniform(180.0, 215.0), 230.0];
    let squares = |scene: &mut Scene<'_>, form: &mut Mask| {
        let (step, pen) = (scene.uniform(18.0, 40.0), scene.uniform(1.0, 2.0));
        let count = (form.width.max(form.height) as f32 / step) as usize;
        for at in (0..=count).map(|at| (at as f32 + 0.4) * step) {
            form.line(&[[-5.0, at], [form.width as f32 + 5.0, at]], pen);
            form.line(&[[at, -5.0], [at, form.height as f32 + 5.0]], pen);
        }
        0.0
    };
    printed(scene, squares, color)
}

/// A red line along the left side.
pub(super) fn margin(scene: &mut Scene<'_>) -> Case {
    let line = |scene: &mut Scene<'_>, form: &mut Mask| {
        let x = form.width as f32 * scene.uniform(0.05, 0.14);
        form.line(&[[x, -5.0], [x, form.height as f32 + 5.0]], scene.uniform(1.0, 3.0));
        0.2
    };
    printed(scene, line, [225.0, 110.0, 110.0])
}

/// Holes for a folder.
pub(super) fn holes(scene: &mut Scene<'_>) -> Case {
    let dark = scene.uniform(10.0, 90.0);
    let punch = |scene: &mut Scene<'_>, form: &mut Mask| {
        let radius = form.width as f32 * scene.uniform(0.025, 0.04);
        let count = scene.side(2, 5);
        for at in 0..count {
            let y = form.height as f32 * (at as f32 + 0.5) / count as f32;
            form.ellipse([form.width as f32 * 0.07, y], [radius; 2]);
        }
        0.2
    };
    printed(scene, punch, [dark; 3])
}

/// Dirt: up to forty specks of a few pixels.
pub(super) fn specks(scene: &mut Scene<'_>) -> Case {
    let spill = |scene: &mut Scene<'_>, form: &mut Mask| {
        for _ in 0..scene.side(5, 40) {
            let at = [scene.uniform(0.0, form.width as f32), scene.uniform(0.0, form.height as f32)];
            let radius = scene.uniform(0.7, 2.5);
            form.ellipse(at, [radius; 2]);
        }
        0.0
    };
    printed(scene, spill, [60.0; 3])
}

/// The date that a camera prints in a corner.
pub(super) fn date(scene: &mut Scene<'_>) -> Case {
    let stamp = |scene: &mut Scene<'_>, form: &mut Mask| {
        let size = scene.uniform(8.0, 13.0);
        let date = format!(
            "{}/{} {}:{}",
            scene.side(10, 28),
            scene.side(10, 12),
            scene.side(10, 24),
            scene.side(10, 60)
        );
        let (left, top) = (form.width as f32 - 9.5 * size, form.height as f32 - 1.8 * size);
        scene.words(form, &date, [left, top], size);
        0.12
    };
    printed(scene, stamp, [240.0, 140.0, 20.0])
}
