//! Things that lie in a photo beside, under or on the digit.

use crate::cases::canvas::{Canvas, Color};
use crate::cases::case::{Case, Expected};
use crate::cases::mask::Point;
use crate::cases::scene::Scene;

/// Writes a digit within two corners and takes the photo.
fn write(scene: &mut Scene<'_>, mut canvas: Canvas, from: Point, to: Point, ink: Color) -> Case {
    let place = scene.within(from, to, 0.55, 0.95);
    let (digit, mut mask) = (scene.digit(), canvas.mask());
    scene.write(&mut mask, digit, place);
    canvas.put(&mask, ink);
    scene.photograph(&mut canvas);
    Case { picture: canvas.finish(), expected: Expected::Digit(digit) }
}

/// The corners of the middle part of a picture.
fn middle(canvas: &Canvas, share: f32) -> (Point, Point) {
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    ([share * width, share * height], [(1.0 - share) * width, (1.0 - share) * height])
}

/// Brown boards with grain.
fn wooden(scene: &mut Scene<'_>, width: usize, height: usize) -> Canvas {
    let mut canvas = Canvas::new(width, height, [130.0, 88.0, 52.0]);
    let (wide, fine) = (scene.waves(4, 90.0), scene.waves(5, 14.0));
    let dark = scene.uniform(0.6, 1.2);
    // Grain runs along the boards: the waves are stretched from left to right.
    canvas.light(|x, y| dark * (1.0 + 0.14 * wide(0.08 * x, y) + 0.1 * fine(0.05 * x, y)));
    canvas
}

/// Paper with a torn edge over a dark ground.
pub(super) fn torn(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, ink) = scene.sheet();
    let (rough, fine) = (scene.waves(4, 120.0), scene.waves(5, 18.0));
    let (edge, dark) = (canvas.width as f32 * scene.uniform(0.06, 0.14), scene.uniform(20.0, 80.0));
    canvas.change(|x, y, color| {
        let torn = edge + 8.0 * rough(0.0, y) + 4.0 * fine(0.0, y);
        let share = (x - torn + 0.5).clamp(0.0, 1.0);
        color.map(|value| dark + share * (value - dark))
    });
    let (from, to) = middle(&canvas, 0.22);
    write(scene, canvas, from, to, ink)
}

/// A thumb that holds the page at its edge.
pub(super) fn thumb(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, ink) = scene.sheet();
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let (mut skin, mut nail) = (canvas.mask(), canvas.mask());
    let (x, size) = (scene.uniform(0.1, 0.9) * width, 0.16 * width.min(height));
    skin.ellipse([x, height], [size, 1.3 * size]);
    nail.ellipse([x, height - 0.7 * size], [0.5 * size, 0.45 * size]);
    canvas.put(&skin.blurred(1.5), [205.0, 150.0, 125.0]);
    canvas.put(&nail.blurred(1.0), [228.0, 185.0, 170.0]);
    write(scene, canvas, [0.12 * width, 0.1 * height], [0.88 * width, 0.7 * height], ink)
}

/// The ring of a cup, faint and brown, beside or under the digit.
pub(super) fn coffee(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, ink) = scene.sheet();
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let radius = width.min(height) * scene.uniform(0.25, 0.4);
    let center = [scene.uniform(0.1, 0.9) * width, scene.uniform(0.1, 0.9) * height];
    let mut ring = canvas.mask();
    ring.ring(center, [radius; 2], scene.uniform(3.0, 9.0));
    let waves = scene.waves(5, 60.0);
    let strength = scene.uniform(0.3, 0.7);
    ring.fade(|x, y| strength * (0.7 + 0.4 * waves(x as f32, y as f32)));
    canvas.put(&ring.blurred(1.0), [150.0, 105.0, 60.0]);
    let (from, to) = middle(&canvas, 0.15);
    write(scene, canvas, from, to, ink)
}

/// A stripe of a highlighter behind the digit.
pub(super) fn highlighter(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, ink) = scene.sheet();
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let (y, pen) = (scene.uniform(0.35, 0.65) * height, scene.uniform(0.12, 0.3) * height);
    let mut stripe = canvas.mask();
    stripe.line(&[[0.25 * width, y], [0.75 * width, y + scene.uniform(-10.0, 10.0)]], pen);
    let colors = [[255.0, 245.0, 60.0], [140.0, 250.0, 120.0], [255.0, 150.0, 200.0]];
    canvas.put(&stripe, colors[scene.stream.below(3) as usize]);
    let (from, to) = middle(&canvas, 0.2);
    write(scene, canvas, from, to, ink)
}

/// A colored card on a wooden desk.
pub(super) fn wood(scene: &mut Scene<'_>) -> Case {
    let (sheet, ink) = scene.sheet();
    let mut canvas = wooden(scene, sheet.width, sheet.height);
    let room = scene.uniform(0.06, 0.2);
    let (from, to) = middle(&canvas, room);
    let mut card = canvas.mask();
    card.rectangle(from, to);
    let color = [scene.uniform(170.0, 255.0), scene.uniform(170.0, 255.0), scene.uniform(170.0, 255.0)];
    canvas.put(&card, color);
    let (from, to) = middle(&canvas, room + 0.08);
    write(scene, canvas, from, to, ink)
}

/// A window of a browser: a title, an address, buttons, and the page with the digit.
pub(super) fn browser(scene: &mut Scene<'_>) -> Case {
    let (width, height) = (scene.side(360, 560), scene.side(320, 480));
    let ink = scene.ink();
    let mut canvas = Canvas::new(width, height, [255.0; 3]);
    let (mut bar, mut field, mut signs) = (canvas.mask(), canvas.mask(), canvas.mask());
    let right = width as f32;
    bar.rectangle([0.0, 0.0], [right, 62.0]);
    field.rectangle([60.0, 34.0], [right - 30.0, 54.0]);
    for (x, at) in [(14.0, 0), (32.0, 1), (50.0, 2)] {
        let mut button = canvas.mask();
        button.ellipse([x, 15.0], [6.0; 2]);
        canvas.put(&bar, [222.0, 225.0, 230.0]);
        bar.values.fill(0.0);
        canvas.put(&button, [[235.0, 95.0, 85.0], [245.0, 190.0, 60.0], [95.0, 200.0, 80.0]][at]);
    }
    let (title, address) = (scene.word(7), scene.word(10));
    scene.words(&mut signs, &title, [90.0, 9.0], 12.0);
    scene.words(&mut signs, &address, [70.0, 39.0], 10.0);
    canvas.put(&field, [250.0; 3]);
    canvas.put(&signs, [70.0; 3]);
    let place = scene.within([0.1 * right, 90.0], [0.9 * right, height as f32 - 25.0], 0.6, 0.95);
    let (digit, mut mask) = (scene.digit(), canvas.mask());
    scene.write(&mut mask, digit, place);
    canvas.put(&mask, ink);
    Case { picture: canvas.finish(), expected: Expected::Digit(digit) }
}

/// A colored note, turned, on a wooden table.
pub(super) fn turned_note(scene: &mut Scene<'_>) -> Case {
    let (sheet, ink) = scene.sheet();
    let mut canvas = wooden(scene, sheet.width, sheet.height);
    let (width, height) = (sheet.width as f32, sheet.height as f32);
    let (half, angle) =
        (width.min(height) * scene.uniform(0.3, 0.4), scene.uniform(-25.0, 25.0).to_radians());
    let (across, down) = (half * angle.cos(), half * angle.sin());
    let (x, y) = (width / 2.0, height / 2.0);
    let mut note = canvas.mask();
    note.convex(&[
        [x - across + down, y - down - across],
        [x + across + down, y + down - across],
        [x + across - down, y + down + across],
        [x - across - down, y - down + across],
    ]);
    let colors = [[250.0, 232.0, 110.0], [250.0, 170.0, 190.0], [160.0, 220.0, 150.0]];
    canvas.put(&note, colors[scene.stream.below(3) as usize]);
    let reach = 0.6 * half;
    write(scene, canvas, [x - reach, y - reach], [x + reach, y + reach], ink)
}

/// A whiteboard with its metal edge and the tray with pens below.
pub(super) fn whiteboard(scene: &mut Scene<'_>) -> Case {
    let (width, height) = (scene.side(320, 500), scene.side(280, 420));
    let mut canvas = Canvas::new(width, height, [236.0, 240.0, 243.0]);
    let (right, bottom) = (width as f32, height as f32);
    let (mut tray, mut pens) = (canvas.mask(), canvas.mask());
    tray.rectangle([0.0, 0.86 * bottom], [right, 0.92 * bottom]);
    let left = scene.uniform(0.1, 0.6) * right;
    pens.rectangle([left, 0.83 * bottom], [left + 0.2 * right, 0.87 * bottom]);
    canvas.put(&tray, [150.0, 153.0, 158.0]);
    canvas.put(&pens, [30.0, 60.0, 170.0]);
    canvas.change(|_, y, color| if y > 0.92 * bottom { [170.0, 160.0, 140.0] } else { color });
    let waves = scene.waves(2, 700.0);
    canvas.light(|x, y| 0.95 + 0.07 * waves(x, y));
    let colors = [[20.0, 20.0, 25.0], [190.0, 30.0, 40.0], [30.0, 70.0, 170.0], [20.0, 120.0, 60.0]];
    let ink = colors[scene.stream.below(4) as usize];
    write(scene, canvas, [0.1 * right, 0.08 * bottom], [0.9 * right, 0.78 * bottom], ink)
}

/// A blackboard with what was wiped off.
pub(super) fn blackboard(scene: &mut Scene<'_>) -> Case {
    let (width, height) = (scene.side(300, 480), scene.side(280, 420));
    let mut canvas = Canvas::new(width, height, [38.0, 58.0, 48.0]);
    let dust = scene.waves(7, 130.0);
    let fine = scene.waves(6, 25.0);
    canvas.change(|x, y, color| color.map(|value| value + 12.0 * dust(x, 3.0 * y) + 5.0 * fine(x, 2.0 * y)));
    let (from, to) = middle(&canvas, 0.12);
    write(scene, canvas, from, to, [222.0, 222.0, 212.0])
}

/// A staple in a corner of the page.
pub(super) fn staple(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, ink) = scene.sheet();
    let mut metal = canvas.mask();
    let (x, y, angle) = (scene.uniform(20.0, 35.0), scene.uniform(18.0, 35.0), scene.uniform(0.2, 1.2));
    let length = scene.uniform(18.0, 32.0);
    metal.line(&[[x, y + length * angle.sin()], [x + length * angle.cos(), y]], 3.0);
    canvas.put(&metal, [95.0, 95.0, 100.0]);
    let (from, to) = middle(&canvas, 0.2);
    write(scene, canvas, from, to, ink)
}

/// Two sheets of different white, one over the other; the digit is on the upper one.
pub(super) fn two_sheets(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, ink) = scene.sheet();
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let (edge, darker) = (scene.uniform(0.1, 0.3) * width, scene.uniform(8.0, 40.0));
    canvas.change(|x, y, color| {
        let past = x - edge - 0.05 * y;
        let under = if past > 0.0 { 0.0 } else { darker + 20.0 * (past / 6.0).exp() };
        color.map(|value| value - under)
    });
    let place = [edge + 0.05 * height + 0.06 * width, 0.1 * height];
    write(scene, canvas, place, [0.95 * width, 0.9 * height], ink)
}
