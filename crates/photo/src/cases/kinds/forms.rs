//! What forms print around a digit: boxes, circles, lines and cells.

use crate::cases::canvas::{Canvas, Color};
use crate::cases::case::{Case, Expected};
use crate::cases::mask::{Mask, Point};
use crate::cases::scene::{Place, Scene};

/// A sheet with a digit in the middle of it, and the rectangle of its ink.
pub(super) struct Written {
    pub(super) canvas: Canvas,
    pub(super) mask: Mask,
    pub(super) digit: u8,
    pub(super) ink: Color,
    pub(super) from: Point,
    pub(super) to: Point,
}

impl Written {
    /// Room is left around the digit for half of its side.
    pub(super) fn new(scene: &mut Scene<'_>) -> Self {
        let (canvas, ink) = scene.sheet();
        let (width, height) = (canvas.width as f32, canvas.height as f32);
        let place = scene.within([0.22 * width, 0.22 * height], [0.78 * width, 0.78 * height], 0.6, 0.9);
        let (digit, mut mask) = (scene.digit(), canvas.mask());
        scene.write(&mut mask, digit, place);
        let [left, top, right, bottom] = mask.bounds().unwrap_or([0, 0, 1, 1]).map(|at| at as f32);
        Self { canvas, mask, digit, ink, from: [left, top], to: [right, bottom] }
    }

    /// The height of the digit.
    pub(super) fn height(&self) -> f32 {
        self.to[1] - self.from[1]
    }

    /// The middle of the digit.
    pub(super) fn middle(&self) -> Point {
        [(self.from[0] + self.to[0]) / 2.0, (self.from[1] + self.to[1]) / 2.0]
    }

    /// Puts the form, printed in gray, black or the ink itself, and the digit.
    pub(super) fn finish(mut self, scene: &mut Scene<'_>, form: &Mask, expected: Expected) -> Case {
        let shade = scene.uniform(0.0, 150.0);
        let color = if scene.chance(0.4) { self.ink } else { [shade; 3] };
        self.canvas.put(form, color);
        self.canvas.put(&self.mask, self.ink);
        if scene.chance(0.5) {
            scene.photograph(&mut self.canvas);
        }
        Case { picture: self.canvas.finish(), expected }
    }
}

/// A box around the digit.
pub(super) fn boxed(scene: &mut Scene<'_>) -> Case {
    let written = Written::new(scene);
    let (room, pen) = (written.height() * scene.uniform(0.1, 0.35), scene.uniform(1.5, 6.0));
    let mut form = written.canvas.mask();
    let half = (written.to[0] - written.from[0]).max(0.7 * written.height()) / 2.0 + room;
    let x = written.middle()[0];
    form.frame([x - half, written.from[1] - room], [x + half, written.to[1] + room], pen);
    let expected = Expected::Digit(written.digit);
    written.finish(scene, &form, expected)
}

/// A circle around the digit.
pub(super) fn circled(scene: &mut Scene<'_>) -> Case {
    let written = Written::new(scene);
    let (room, pen) = (scene.uniform(1.2, 1.45), scene.uniform(2.0, 7.0));
    let mut form = written.canvas.mask();
    let radius = written.height() / 2.0 * room;
    let across = radius * scene.uniform(0.9, 1.1);
    form.ring(written.middle(), [across, radius], pen);
    let expected = Expected::Digit(written.digit);
    written.finish(scene, &form, expected)
}

/// A line below the digit.
pub(super) fn underlined(scene: &mut Scene<'_>) -> Case {
    let written = Written::new(scene);
    let (pen, gap) = (scene.uniform(2.0, 9.0), written.height() * scene.uniform(0.08, 0.3));
    let mut form = written.canvas.mask();
    let over = written.height() * scene.uniform(0.1, 0.4);
    let (y, tilt) = (written.to[1] + gap + pen / 2.0, scene.uniform(-4.0, 4.0));
    form.line(
        &[[written.from[0] - over, y + tilt.max(0.0)], [written.to[0] + over, y + (-tilt).max(0.0)]],
        pen,
    );
    let expected = Expected::Digit(written.digit);
    written.finish(scene, &form, expected)
}

/// A box that the digit touches or crosses.
pub(super) fn touching(scene: &mut Scene<'_>) -> Case {
    let written = Written::new(scene);
    let (over, pen) = (written.height() * scene.uniform(-0.02, 0.08), scene.uniform(1.5, 5.0));
    let mut form = written.canvas.mask();
    let half = 0.62 * written.height();
    let x = written.middle()[0];
    form.frame([x - half, written.from[1] - 0.25 * written.height()], [x + half, written.to[1] - over], pen);
    let expected = Expected::Perhaps(written.digit);
    written.finish(scene, &form, expected)
}

/// A row of cells, one digit in one of them.
pub(super) fn comb(scene: &mut Scene<'_>) -> Case {
    let (paper, ink, digit) = (scene.paper(), scene.ink(), scene.digit());
    let (cells, side) = (scene.side(2, 6), scene.uniform(70.0, 120.0));
    let cell = |at: usize| 20.0 + side * at as f32;
    let mut canvas = Canvas::new((side * cells as f32) as usize + 40, side as usize + 60, paper);
    let (mut form, mut mask) = (canvas.mask(), canvas.mask());
    let (pen, top, bottom) = (scene.uniform(1.0, 3.0), 30.0, 30.0 + side);
    for at in 0..=cells {
        form.line(&[[cell(at), top], [cell(at), bottom]], pen);
    }
    form.line(&[[cell(0), bottom], [cell(cells), bottom]], pen);
    if scene.chance(0.5) {
        form.line(&[[cell(0), top], [cell(cells), top]], pen);
    }
    let at = scene.stream.below(cells as u32) as usize;
    let size = side * scene.uniform(0.55, 0.75);
    let room = (side - size) / 2.0;
    scene.write(&mut mask, digit, Place::new(cell(at) + room, top + room, size));
    canvas.put(&form, [scene.uniform(60.0, 170.0); 3]);
    canvas.put(&mask, ink);
    Case { picture: canvas.finish(), expected: Expected::Digit(digit) }
}

/// One to four boxes with nothing in them.
pub(super) fn empty(scene: &mut Scene<'_>) -> Case {
    let (canvas, form) = boxes(scene);
    finish_boxes(scene, canvas, &form, Expected::Nothing)
}

/// The same, a tick or a cross in one.
pub(super) fn ticked(scene: &mut Scene<'_>) -> Case {
    let (mut canvas, form) = boxes(scene);
    let [left, top, _, bottom] = form.bounds().unwrap_or([0, 0, 1, 1]).map(|at| at as f32);
    let (side, ink) = (bottom - top, scene.ink());
    let mut tick = canvas.mask();
    let place = |x: f32, y: f32| [left + x * side, top + y * side];
    let pen = side * scene.uniform(0.04, 0.09);
    if scene.chance(0.5) {
        tick.line(&[place(0.15, 0.5), place(0.4, 0.8), place(0.95, 0.0)], pen);
    } else {
        tick.line(&[place(0.15, 0.2), place(0.85, 0.8)], pen);
        tick.line(&[place(0.85, 0.15), place(0.2, 0.85)], pen);
    }
    canvas.put(&tick, ink);
    finish_boxes(scene, canvas, &form, Expected::NoDigit)
}

fn boxes(scene: &mut Scene<'_>) -> (Canvas, Mask) {
    let (count, side) = (scene.side(1, 5), scene.uniform(60.0, 120.0));
    let (paper, pen) = (scene.paper(), scene.uniform(1.5, 5.0));
    let canvas = Canvas::new((1.25 * side * count as f32) as usize + 80, side as usize + 80, paper);
    let mut form = canvas.mask();
    for at in 0..count {
        let left = 45.0 + 1.25 * side * at as f32;
        form.frame([left, 40.0], [left + side, 40.0 + side], pen);
    }
    (canvas, form)
}

fn finish_boxes(scene: &mut Scene<'_>, mut canvas: Canvas, form: &Mask, expected: Expected) -> Case {
    canvas.put(form, [scene.uniform(0.0, 140.0); 3]);
    if scene.chance(0.5) {
        scene.photograph(&mut canvas);
    }
    Case { picture: canvas.finish(), expected }
}
