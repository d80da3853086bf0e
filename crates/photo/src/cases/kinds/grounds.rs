//! A ground within a ground: pages on tables, bars, windows and telephones.

use crate::cases::canvas::{Canvas, Color};
use crate::cases::case::{Case, Expected};
use crate::cases::mask::{Mask, Point};
use crate::cases::scene::Scene;

/// A digit on what lies within two corners.
fn write_within(scene: &mut Scene<'_>, canvas: &mut Canvas, from: Point, to: Point, ink: Color) -> Expected {
    let (digit, mut mask) = (scene.digit(), canvas.mask());
    let (width, height) = (to[0] - from[0], to[1] - from[1]);
    let place = scene.within(
        [from[0] + 0.1 * width, from[1] + 0.1 * height],
        [to[0] - 0.1 * width, to[1] - 0.1 * height],
        0.35,
        0.8,
    );
    scene.write(&mut mask, digit, place);
    canvas.put(&mask, ink);
    Expected::Digit(digit)
}

/// The color of a table: dark, or as brown as wood.
fn table_color(scene: &mut Scene<'_>) -> Color {
    let dark = scene.uniform(20.0, 90.0);
    if scene.chance(0.5) { [dark; 3] } else { [dark + 40.0, dark + 15.0, dark] }
}

/// A page on a dark table, its edges a little turned.
pub(super) fn table(scene: &mut Scene<'_>) -> Case {
    let (sheet, ink) = scene.sheet();
    let (width, height) = (sheet.width as f32, sheet.height as f32);
    let table = table_color(scene);
    let mut canvas = Canvas::new(sheet.width, sheet.height, table);
    let margin = width.min(height) * scene.uniform(0.03, 0.25);
    let turn = margin * scene.uniform(-0.4, 0.4);
    let (left, top, right, bottom) = (margin, margin, width - margin, height - margin);
    let mut mask = canvas.mask();
    mask.convex(&[[left, top + turn], [right - turn, top], [right, bottom - turn], [left + turn, bottom]]);
    canvas.put(&mask, sheet.colors[0]);
    let expected = write_within(scene, &mut canvas, [left, top], [right, bottom], ink);
    scene.photograph(&mut canvas);
    Case { picture: canvas.finish(), expected }
}

/// A page that reaches out of the picture on one to three sides.
pub(super) fn cut_off(scene: &mut Scene<'_>) -> Case {
    let (sheet, ink) = scene.sheet();
    let (width, height) = (sheet.width as f32, sheet.height as f32);
    let table = table_color(scene);
    let mut canvas = Canvas::new(sheet.width, sheet.height, table);
    let mut margin = |side: f32| if scene.chance(0.5) { -2.0 } else { side * scene.uniform(0.05, 0.25) };
    let (from, to) = ([margin(width), margin(height)], [width - margin(width), height - margin(height)]);
    let mut mask = canvas.mask();
    mask.rectangle(from, to);
    canvas.put(&mask, sheet.colors[0]);
    let (from, to) = (from.map(|at| at.max(0.0)), [to[0].min(width), to[1].min(height)]);
    let expected = write_within(scene, &mut canvas, from, to, ink);
    scene.photograph(&mut canvas);
    Case { picture: canvas.finish(), expected }
}

/// Bars above and below, or left and right.
pub(super) fn letterbox(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, ink) = scene.sheet();
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let share = scene.uniform(0.03, 0.22);
    let (from, to) = match scene.chance(0.5) {
        true => ([0.0, share * height], [width, height - share * height]),
        false => ([share * width, 0.0], [width - share * width, height]),
    };
    let expected = write_within(scene, &mut canvas, from, to, ink);
    let bar = if scene.chance(0.7) { 0.0 } else { scene.uniform(0.0, 120.0) };
    bars(&mut canvas, from, to, [bar; 3]);
    Case { picture: canvas.finish(), expected }
}

/// A bar on one side.
pub(super) fn side_bar(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, ink) = scene.sheet();
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let (share, bar) = (scene.uniform(0.03, 0.25), scene.uniform(0.0, 100.0));
    let (mut from, mut to) = ([0.0, 0.0], [width, height]);
    match scene.stream.below(4) {
        0 => from[0] = share * width,
        1 => from[1] = share * height,
        2 => to[0] -= share * width,
        _ => to[1] -= share * height,
    }
    let expected = write_within(scene, &mut canvas, from, to, ink);
    bars(&mut canvas, from, to, [bar; 3]);
    Case { picture: canvas.finish(), expected }
}

fn bars(canvas: &mut Canvas, from: Point, to: Point, color: Color) {
    canvas.change(|x, y, value| {
        let inside = (from[0]..to[0]).contains(&x) && (from[1]..to[1]).contains(&y);
        if inside { value } else { color }
    });
}

/// A screenshot of a window: a white page, cut out, with nothing around it.
pub(super) fn window(scene: &mut Scene<'_>) -> Case {
    screenshot(scene, 0.0)
}

/// The same with the window's shadow in what is transparent.
pub(super) fn window_shadow(scene: &mut Scene<'_>) -> Case {
    let dark = scene.uniform(0.2, 0.8);
    screenshot(scene, dark)
}

fn screenshot(scene: &mut Scene<'_>, shadow: f32) -> Case {
    let (sheet, ink) = scene.sheet();
    let (width, height) = (sheet.width as f32, sheet.height as f32);
    let room = width.min(height) * scene.uniform(0.05, 0.25);
    let (from, to) = ([room, room], [width - room, height - room]);
    let mut page = sheet.mask();
    round_rectangle(&mut page, from, to, scene.uniform(0.0, 14.0));
    // What is transparent is black, as screenshots have it.
    let mut canvas = Canvas::new(sheet.width, sheet.height, [0.0; 3]);
    canvas.put(&page, sheet.colors[0]);
    let expected = write_within(scene, &mut canvas, from, to, ink);
    let mut seen = page.clone().blurred(room / 3.0);
    for (seen, page) in seen.values.iter_mut().zip(&page.values) {
        *seen = (*seen * shadow).max(*page);
    }
    canvas.cut(&seen);
    Case { picture: canvas.finish(), expected }
}

fn round_rectangle(mask: &mut Mask, from: Point, to: Point, radius: f32) {
    mask.rectangle([from[0] + radius, from[1]], [to[0] - radius, to[1]]);
    mask.rectangle([from[0], from[1] + radius], [to[0], to[1] - radius]);
    for x in [from[0] + radius, to[0] - radius] {
        for y in [from[1] + radius, to[1] - radius] {
            mask.ellipse([x, y], [radius.max(0.5); 2]);
        }
    }
}

/// A picture with round corners, transparent outside.
pub(super) fn rounded(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, ink) = scene.any_sheet();
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let expected = write_within(scene, &mut canvas, [0.0; 2], [width, height], ink);
    let mut mask = canvas.mask();
    let radius = width.min(height) * scene.uniform(0.08, 0.25);
    round_rectangle(&mut mask, [0.0; 2], [width, height], radius);
    canvas.cut(&mask);
    Case { picture: canvas.finish(), expected }
}

/// A scan set straight by software, with black triangles in its corners.
pub(super) fn black_corners(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, ink) = scene.sheet();
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let middle = [0.2 * width, 0.2 * height];
    let expected = write_within(scene, &mut canvas, middle, [0.8 * width, 0.8 * height], ink);
    let turn = scene.uniform(3.0, 14.0).to_radians().tan();
    let mut page = canvas.mask();
    let (x, y) = (turn * height / 2.0, turn * width / 2.0);
    page.convex(&[[x, 0.0], [width, y], [width - x, height], [0.0, height - y]]);
    canvas.change(|x, y, value| {
        let share = page.values[y as usize * page.width + x as usize];
        value.map(|value| value * share)
    });
    Case { picture: canvas.finish(), expected }
}

/// A telephone's screen: a bar with the time, the page, a bar with buttons.
pub(super) fn phone(scene: &mut Scene<'_>) -> Case {
    let (paper, ink, dark) = (scene.paper(), scene.ink(), scene.chance(0.4));
    let mut canvas = Canvas::new(280, 560, paper);
    let (bar, sign) = if dark { ([20.0; 3], [240.0; 3]) } else { ([246.0; 3], [30.0; 3]) };
    bars(&mut canvas, [0.0, 70.0], [280.0, 500.0], bar);
    let (mut signs, mut lines) = (canvas.mask(), canvas.mask());
    let time = format!("{}:{}", 10 + scene.stream.below(10), 10 + scene.stream.below(50));
    scene.words(&mut signs, &time, [14.0, 8.0], 12.0);
    signs.frame([240.0, 9.0], [262.0, 19.0], 1.5);
    signs.rectangle([242.0, 11.0], [256.0, 17.0]);
    let title = scene.word(6);
    scene.words(&mut signs, &title, [60.0, 38.0], 18.0);
    signs.line(&[[30.0, 38.0], [20.0, 47.0], [30.0, 56.0]], 2.5);
    lines.rectangle([0.0, 69.0], [280.0, 70.0]);
    for x in [50.0, 140.0, 230.0] {
        signs.ring([x, 525.0], [10.0; 2], 2.5);
    }
    signs.line(&[[95.0, 552.0], [185.0, 552.0]], 4.0);
    canvas.put(&lines, [150.0; 3]);
    canvas.put(&signs, sign);
    let expected = write_within(scene, &mut canvas, [0.0, 70.0], [280.0, 500.0], ink);
    Case { picture: canvas.finish(), expected }
}

/// A colored note on a table.
pub(super) fn sticky(scene: &mut Scene<'_>) -> Case {
    let (sheet, ink) = scene.sheet();
    let table = table_color(scene);
    let mut canvas = Canvas::new(sheet.width, sheet.height, table);
    let (width, height) = (sheet.width as f32, sheet.height as f32);
    let side = width.min(height) * scene.uniform(0.55, 0.85);
    let from = [scene.uniform(4.0, width - side - 4.0), scene.uniform(4.0, height - side - 4.0)];
    let to = [from[0] + side, from[1] + side];
    let mut mask = canvas.mask();
    mask.rectangle(from, to);
    let colors = [[250.0, 232.0, 110.0], [250.0, 170.0, 190.0], [160.0, 220.0, 150.0], [150.0, 200.0, 240.0]];
    canvas.put(&mask, colors[scene.stream.below(4) as usize]);
    let expected = write_within(scene, &mut canvas, from, to, ink);
    scene.photograph(&mut canvas);
    Case { picture: canvas.finish(), expected }
}
