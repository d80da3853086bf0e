//! Light, lenses, screens and files.

use crate::cases::canvas::{Canvas, Color};
use crate::cases::case::{Case, Expected};
use crate::cases::scene::Scene;

/// A sheet with a digit.
fn written(scene: &mut Scene<'_>) -> (Canvas, u8) {
    let (mut canvas, ink) = scene.sheet();
    let (digit, place) = (scene.digit(), scene.inside(canvas.width, canvas.height));
    let mut mask = canvas.mask();
    scene.write(&mut mask, digit, place);
    canvas.put(&mask, ink);
    (canvas, digit)
}

fn photographed(scene: &mut Scene<'_>, mut canvas: Canvas, digit: u8) -> Case {
    scene.photograph(&mut canvas);
    Case { picture: canvas.finish(), expected: Expected::Digit(digit) }
}

/// The shadow of a hand or a telephone, its edge as soft as `softness` pixels.
fn shadow(scene: &mut Scene<'_>, softness: f32) -> Case {
    let (mut canvas, digit) = written(scene);
    let (angle, dark) = (scene.uniform(0.0, std::f32::consts::TAU), scene.uniform(0.25, 0.55));
    let (x, y) =
        (canvas.width as f32 * scene.uniform(0.3, 0.7), canvas.height as f32 * scene.uniform(0.3, 0.7));
    canvas.light(|at_x, at_y| {
        let across = (at_x - x) * angle.cos() + (at_y - y) * angle.sin();
        1.0 - dark / (1.0 + (-across / softness).exp())
    });
    photographed(scene, canvas, digit)
}

/// With an edge of a few pixels.
pub(super) fn hard_shadow(scene: &mut Scene<'_>) -> Case {
    let softness = scene.uniform(1.0, 6.0);
    shadow(scene, softness)
}

/// With an edge that fades.
pub(super) fn soft_shadow(scene: &mut Scene<'_>) -> Case {
    let softness = scene.uniform(20.0, 70.0);
    shadow(scene, softness)
}

/// Corners that are darker than the middle.
pub(super) fn vignette(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, digit) = written(scene);
    let (x, y, dark) = (canvas.width as f32 / 2.0, canvas.height as f32 / 2.0, scene.uniform(0.2, 0.6));
    canvas.light(|at_x, at_y| 1.0 - dark * (((at_x - x) / x).powi(2) + ((at_y - y) / y).powi(2)) / 2.0);
    photographed(scene, canvas, digit)
}

/// The spot of a lamp.
pub(super) fn glare(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, digit) = written(scene);
    let radius = scene.uniform(30.0, 90.0);
    let (x, y) = (scene.uniform(0.0, canvas.width as f32), scene.uniform(0.0, canvas.height as f32));
    let bright = scene.uniform(40.0, 110.0);
    canvas.change(|at_x, at_y, color| {
        let distance = (at_x - x).hypot(at_y - y) / radius;
        color.map(|value| 0.8 * value + bright * (-distance * distance / 2.0).exp())
    });
    photographed(scene, canvas, digit)
}

/// Two lamps of different colors.
pub(super) fn lamps(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, digit) = written(scene);
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let lamps: Vec<([f32; 3], f32, f32)> = (0..2)
        .map(|_| {
            let color = [scene.uniform(0.6, 1.0), scene.uniform(0.5, 0.9), scene.uniform(0.4, 1.0)];
            (color, scene.uniform(-0.3, 1.3) * width, scene.uniform(-0.3, 1.3) * height)
        })
        .collect();
    canvas.change(|x, y, color| {
        std::array::from_fn(|at| {
            let light = lamps.iter().map(|(lamp, left, top)| {
                let distance = ((x - left) / width).hypot((y - top) / height);
                lamp[at] * 0.8 / (0.6 + distance * distance)
            });
            color[at] * light.sum::<f32>().min(1.3)
        })
    });
    photographed(scene, canvas, digit)
}

/// Paper that was crumpled: patches of light and shade.
pub(super) fn crumpled(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, digit) = written(scene);
    let (waves, deep) = (scene.waves(8, 90.0), scene.uniform(0.05, 0.12));
    canvas.light(|x, y| 0.88 + deep * waves(x, y).clamp(-1.2, 1.2));
    photographed(scene, canvas, digit)
}

/// A JPEG file of low quality.
pub(super) fn compressed(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, digit) = written(scene);
    scene.photograph(&mut canvas);
    let quality = scene.side(5, 50) as u8;
    Case { picture: canvas.compressed(quality), expected: Expected::Digit(digit) }
}

/// Out of focus.
pub(super) fn blurred(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, digit) = written(scene);
    let deviation = canvas.width.min(canvas.height) as f32 * scene.uniform(0.006, 0.018);
    canvas.blur(deviation);
    photographed(scene, canvas, digit)
}

/// A photo of a screen: stripes of its rows of pixels.
pub(super) fn moire(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, digit) = written(scene);
    let (length, angle, deep) = (scene.uniform(3.0, 12.0), scene.uniform(0.0, 3.1), scene.uniform(4.0, 16.0));
    let rate = std::f32::consts::TAU / length;
    canvas.change(|x, y, color| {
        let phase = rate * (x * angle.cos() + y * angle.sin());
        [
            color[0] + deep * phase.sin(),
            color[1] + deep * (phase + 2.0).sin(),
            color[2] + deep * (phase + 4.0).sin(),
        ]
    });
    photographed(scene, canvas, digit)
}

/// Gray ink on gray ground, either the lighter one.
pub(super) fn gray(scene: &mut Scene<'_>) -> Case {
    let (middle, apart) = (scene.uniform(70.0, 180.0), scene.uniform(25.0, 60.0));
    let apart = if scene.chance(0.5) { apart } else { -apart };
    on_ground(scene, |canvas| canvas.change(|_, _, _| [middle; 3]), [middle + apart; 3])
}

/// A ground that runs from one color to another.
pub(super) fn gradient(scene: &mut Scene<'_>) -> Case {
    let mut light = || -> Color { std::array::from_fn(|_| scene.uniform(150.0, 255.0)) };
    let (from, to) = (light(), light());
    let (down, ink) = (scene.chance(0.5), scene.ink());
    let run = |canvas: &mut Canvas| {
        let (width, height) = (canvas.width as f32, canvas.height as f32);
        canvas.change(|x, y, _| {
            let share = if down { y / height } else { x / width };
            std::array::from_fn(|at| from[at] + share * (to[at] - from[at]))
        });
    };
    on_ground(scene, run, ink)
}

fn on_ground(scene: &mut Scene<'_>, ground: impl FnOnce(&mut Canvas), ink: Color) -> Case {
    let (mut canvas, _) = scene.sheet();
    ground(&mut canvas);
    let (digit, place) = (scene.digit(), scene.inside(canvas.width, canvas.height));
    let mut mask = canvas.mask();
    scene.write(&mut mask, digit, place);
    canvas.put(&mask, ink);
    Case { picture: canvas.finish(), expected: Expected::Digit(digit) }
}
