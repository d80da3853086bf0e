//! Digits of few pixels, as data sets and icons have them.

use image::imageops::FilterType;

use crate::cases::canvas::Canvas;
use crate::cases::case::{Case, Expected};
use crate::cases::scene::{Place, Scene};

/// A picture of a few pixels: the digit with a margin of at most a tenth, drawn at ten times the size and averaged.
fn few_pixels(scene: &mut Scene<'_>, low: u32, high: u32) -> (Canvas, u8) {
    let (digit, side) = (scene.digit(), scene.side(low, high));
    let large = 10 * side;
    let margin = scene.uniform(0.0, 0.1) * large as f32;
    let (ground, ink) = scene.colors();
    let mut canvas = Canvas::new(large, large, ground);
    let mut mask = canvas.mask();
    let place = Place::new(margin, margin, large as f32 - 2.0 * margin);
    if scene.chance(0.5) {
        scene.handwrite(&mut mask, digit, place);
    } else {
        let pen = scene.uniform(0.08, 0.2) * place.side;
        scene.pen(&mut mask, digit, place, pen);
    }
    canvas.put(&mask, ink);
    (canvas.scaled(side, side, FilterType::Triangle), digit)
}

/// From 8x8 pixels on, each pixel enlarged to a square.
pub(super) fn enlarged(scene: &mut Scene<'_>) -> Case {
    let (canvas, digit) = few_pixels(scene, 8, 20);
    let times = scene.side(4, 16);
    let canvas = canvas.scaled(times * canvas.width, times * canvas.height, FilterType::Nearest);
    Case { picture: canvas.finish(), expected: Expected::Digit(digit) }
}

/// From 8x8 pixels on, enlarged with soft edges.
pub(super) fn smooth(scene: &mut Scene<'_>) -> Case {
    let (canvas, digit) = few_pixels(scene, 8, 20);
    let times = scene.side(4, 16);
    let canvas = canvas.scaled(times * canvas.width, times * canvas.height, FilterType::CatmullRom);
    Case { picture: canvas.finish(), expected: Expected::Digit(digit) }
}

/// As small as it is: 8 to 32 pixels.
pub(super) fn small(scene: &mut Scene<'_>) -> Case {
    let (canvas, digit) = few_pixels(scene, 8, 33);
    Case { picture: canvas.finish(), expected: Expected::Digit(digit) }
}

/// A frame of a video: a small picture with room around the digit, enlarged and compressed.
pub(super) fn video(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, ink) = scene.sheet();
    let (digit, place) = (scene.digit(), scene.inside(canvas.width, canvas.height));
    let mut mask = canvas.mask();
    scene.write(&mut mask, digit, place);
    canvas.put(&mask, ink);
    scene.photograph(&mut canvas);
    let (width, height) = (canvas.width, canvas.height);
    let small = canvas.scaled(width / 6, height / 6, FilterType::Triangle);
    let quality = scene.side(20, 60) as u8;
    let picture = small.scaled(width, height, FilterType::Triangle).compressed(quality);
    Case { picture, expected: Expected::Digit(digit) }
}
