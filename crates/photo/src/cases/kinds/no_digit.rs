//! Pictures without a digit.

use super::paper;
use crate::cases::canvas::Canvas;
use crate::cases::case::{Case, Expected};
use crate::cases::mask::{Mask, Point, arc};
use crate::cases::scene::{Place, Scene};
use crate::cases::strokes;

/// One color, or a photo of empty paper.
pub(super) fn blank(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, _) = scene.any_sheet();
    if scene.chance(0.6) {
        let waves = scene.waves(3, 500.0);
        canvas.light(|x, y| 0.9 + 0.1 * waves(x, y));
        scene.photograph(&mut canvas);
    }
    Case { picture: canvas.finish(), expected: Expected::Nothing }
}

/// Nothing but noise.
pub(super) fn noise(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, _) = scene.any_sheet();
    let (deviation, soft) = (scene.uniform(3.0, 40.0), scene.uniform(0.0, 1.5));
    canvas.noise(&mut scene.stream, deviation);
    canvas.blur(soft);
    Case { picture: canvas.finish(), expected: Expected::Nothing }
}

/// Lines with nothing on them.
pub(super) fn ruled(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, _) = scene.sheet();
    let mut form = canvas.mask();
    paper::rule(scene, &mut form);
    let shade = scene.uniform(40.0, 190.0);
    canvas.put(&form, [shade, shade, shade + 30.0]);
    scene.photograph(&mut canvas);
    Case { picture: canvas.finish(), expected: Expected::Nothing }
}

/// A page on a table with nothing on it.
pub(super) fn page(scene: &mut Scene<'_>) -> Case {
    let (sheet, _) = scene.sheet();
    let mut canvas = Canvas::new(sheet.width, sheet.height, [scene.uniform(20.0, 100.0); 3]);
    let (width, height) = (sheet.width as f32, sheet.height as f32);
    let mut mask = canvas.mask();
    let mut room = || scene.uniform(0.04, 0.3);
    mask.rectangle([room() * width, room() * height], [(1.0 - room()) * width, (1.0 - room()) * height]);
    canvas.put(&mask, sheet.colors[0]);
    scene.photograph(&mut canvas);
    Case { picture: canvas.finish(), expected: Expected::Nothing }
}

fn drawn(scene: &mut Scene<'_>, draw: impl FnOnce(&mut Scene<'_>, &mut Mask, Place)) -> Case {
    let (mut canvas, ink) = scene.sheet();
    let place = scene.inside(canvas.width, canvas.height);
    let mut mask = canvas.mask();
    draw(scene, &mut mask, place);
    canvas.put(&mask, ink);
    Case { picture: canvas.finish(), expected: Expected::NoDigit }
}

/// A letter that is no digit's twin.
pub(super) fn letter(scene: &mut Scene<'_>) -> Case {
    drawn(scene, |scene, mask, place| {
        let letter = strokes::LETTERS[scene.stream.below(15) as usize];
        let pen = place.side * scene.uniform(0.05, 0.12);
        scene.strokes(mask, strokes::letter(letter), place, pen);
    })
}

/// A few lines of words.
pub(super) fn words(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, ink) = scene.sheet();
    let (mut mask, size) = (canvas.mask(), scene.uniform(14.0, 30.0));
    let letters = ((canvas.width as f32 - 30.0) / size / 0.78) as usize;
    for row in 0..scene.side(1, 6) {
        let word = scene.word(letters.clamp(3, 14));
        scene.words(&mut mask, &word, [15.0, 20.0 + 1.6 * size * row as f32], size);
    }
    canvas.put(&mask, ink);
    Case { picture: canvas.finish(), expected: Expected::NoDigit }
}

/// Soft patches, as of a landscape.
pub(super) fn clouds(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, _) = scene.sheet();
    let (coarse, fine) = (scene.waves(6, 250.0), scene.waves(8, 60.0));
    let tint = [scene.uniform(0.5, 1.0), scene.uniform(0.5, 1.0), scene.uniform(0.5, 1.0)];
    canvas.change(|x, y, _| tint.map(|tint| tint * (128.0 + 70.0 * coarse(x, y) + 35.0 * fine(x, y))));
    Case { picture: canvas.finish(), expected: Expected::NoDigit }
}

/// A face of a circle, eyes and a mouth.
pub(super) fn face(scene: &mut Scene<'_>) -> Case {
    drawn(scene, |scene, mask, place| {
        let (pen, half) = (place.side * scene.uniform(0.03, 0.07), place.side / 2.0);
        let [x, y] = [place.left + half, place.top + half];
        mask.ring([x, y], [0.9 * half, half], pen);
        for side in [-0.35, 0.35] {
            mask.ellipse([x + side * half, y - 0.25 * half], [0.09 * half, 0.12 * half]);
        }
        mask.line(&arc([x, y + 0.15 * half], [0.45 * half, 0.35 * half], 20.0, 160.0), pen);
    })
}

/// Lines to and fro.
pub(super) fn scribble(scene: &mut Scene<'_>) -> Case {
    drawn(scene, |scene, mask, place| {
        let points: Vec<Point> = (0..scene.side(9, 22))
            .map(|_| {
                [place.left + place.side * scene.stream.unit(), place.top + place.side * scene.stream.unit()]
            })
            .collect();
        mask.line(&points, place.side * scene.uniform(0.02, 0.06));
    })
}

/// A filled square, disk or triangle.
pub(super) fn shape(scene: &mut Scene<'_>) -> Case {
    drawn(scene, |scene, mask, Place { left, top, side, .. }| match scene.stream.below(3) {
        0 => mask.rectangle([left, top], [left + side, top + side * scene.uniform(0.6, 1.0)]),
        1 => {
            mask.ellipse([left + side / 2.0, top + side / 2.0], [side / 2.0, side * scene.uniform(0.35, 0.5)])
        }
        _ => mask.convex(&[[left + side / 2.0, top], [left + side, top + side], [left, top + side]]),
    })
}
