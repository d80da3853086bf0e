//! Digits without room around them, and plain ones to compare with.

use image::RgbaImage;

use crate::cases::canvas::{Canvas, Color};
use crate::cases::case::{Case, Expected};
use crate::cases::mask::Mask;
use crate::cases::scene::{Place, Scene};

/// Real handwriting, cut to its ink with a margin of 0 to 20 pixels at a size of 100.
pub(super) fn handwriting(scene: &mut Scene<'_>) -> Case {
    let digit = scene.digit();
    let side = scene.uniform(60.0, 160.0);
    let mut mask = Mask::new(240, 240);
    scene.handwrite(&mut mask, digit, Place::new(40.0, 40.0, side));
    finish(scene, &mask, digit)
}

/// Digits of a pen of any width, cut to their ink.
pub(super) fn pen(scene: &mut Scene<'_>) -> Case {
    let digit = scene.digit();
    let (side, pen) = (scene.uniform(60.0, 200.0), scene.uniform(0.03, 0.22));
    let mut mask = Mask::new(320, 320);
    scene.pen(&mut mask, digit, Place::new(60.0, 60.0, side), pen * side);
    finish(scene, &mask, digit)
}

/// In a square, from its top to its bottom: a 1 parts the ground in two.
pub(super) fn full_height(scene: &mut Scene<'_>) -> Case {
    let (digit, side) = (scene.digit(), scene.side(40, 200));
    let (ground, ink) = scene.colors();
    let mut canvas = Canvas::new(side, side, ground);
    let (mut mask, place) = (canvas.mask(), Place::new(0.0, 0.0, side as f32));
    if scene.chance(0.5) {
        scene.handwrite(&mut mask, digit, place);
    } else {
        let pen = place.side * scene.uniform(0.08, 0.25);
        scene.pen(&mut mask, digit, place, pen);
    }
    canvas.put(&mask, ink);
    Case { picture: canvas.finish(), expected: Expected::Digit(digit) }
}

/// Ink or none, without a shade between, cut to it.
pub(super) fn one_bit(scene: &mut Scene<'_>) -> Case {
    let digit = scene.digit();
    let side = scene.uniform(20.0, 120.0);
    let mut mask = Mask::new(200, 200);
    scene.handwrite(&mut mask, digit, Place::new(40.0, 40.0, side));
    mask.values.iter_mut().for_each(|value| *value = f32::from(*value > 0.4));
    let cut = cropped(scene, &mask, &|canvas, mask| canvas.put(mask, [0.0; 3]), [255.0; 3]);
    let picture = if scene.chance(0.5) { inverted(cut) } else { cut };
    Case { picture, expected: Expected::Digit(digit) }
}

/// A digit with room around it.
pub(super) fn plain(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, ink) = scene.any_sheet();
    let (digit, place) = (scene.digit(), scene.inside(canvas.width, canvas.height));
    let mut mask = canvas.mask();
    scene.write(&mut mask, digit, place);
    canvas.put(&mask, ink);
    if scene.chance(0.5) {
        scene.photograph(&mut canvas);
    }
    Case { picture: canvas.finish(), expected: Expected::Digit(digit) }
}

/// Ink of any color on nothing, with or without room around it.
pub(super) fn transparent(scene: &mut Scene<'_>) -> Case {
    let (digit, side) = (scene.digit(), scene.uniform(60.0, 160.0));
    let mut mask = Mask::new(260, 260);
    scene.write(&mut mask, digit, Place::new(50.0, 50.0, side));
    let ink = scene.colors().1;
    let mask = cut(scene, &mask);
    let mut canvas = Canvas::new(mask.width, mask.height, ink);
    canvas.cut(&mask);
    Case { picture: canvas.finish(), expected: Expected::Digit(digit) }
}

fn finish(scene: &mut Scene<'_>, mask: &Mask, digit: u8) -> Case {
    let (ground, ink) = scene.colors();
    let picture = cropped(scene, mask, &|canvas, mask| canvas.put(mask, ink), ground);
    Case { picture, expected: Expected::Digit(digit) }
}

fn cropped(scene: &mut Scene<'_>, mask: &Mask, put: &dyn Fn(&mut Canvas, &Mask), ground: Color) -> RgbaImage {
    let mask = cut(scene, mask);
    let mut canvas = Canvas::new(mask.width, mask.height, ground);
    put(&mut canvas, &mask);
    canvas.finish()
}

/// The inked part of a mask with a margin of 0 to 20 pixels in a hundred, each as often.
fn cut(scene: &mut Scene<'_>, mask: &Mask) -> Mask {
    let bounds = mask.bounds().unwrap_or([0, 0, mask.width, mask.height]);
    let longer = (bounds[2] - bounds[0]).max(bounds[3] - bounds[1]);
    let share = [0.0, 0.01, 0.02, 0.04, 0.1, 0.2][scene.stream.below(6) as usize];
    let margin = (share * longer as f32).round() as usize;
    // A file has at least eight pixels each way, and so a slim one has some room.
    let room = |low: usize, high: usize| margin.max(10usize.saturating_sub(high - low).div_ceil(2));
    let (across, down) = (room(bounds[0], bounds[2]), room(bounds[1], bounds[3]));
    let mut cut = Mask::new(bounds[2] - bounds[0] + 2 * across, bounds[3] - bounds[1] + 2 * down);
    for y in 0..cut.height {
        for x in 0..cut.width {
            let (from_x, from_y) = ((x + bounds[0]).wrapping_sub(across), (y + bounds[1]).wrapping_sub(down));
            if from_x < mask.width && from_y < mask.height {
                cut.values[y * cut.width + x] = mask.values[from_y * mask.width + from_x];
            }
        }
    }
    cut
}

fn inverted(mut picture: RgbaImage) -> RgbaImage {
    for pixel in picture.pixels_mut() {
        pixel.0[..3].iter_mut().for_each(|value| *value = 255 - *value);
    }
    picture
}
