//! Who draws: a random stream, real handwriting, and the choice of digits, pens and colors.

use adder_random::Stream;

use super::canvas::{Canvas, Color};
use super::mask::{Mask, Point};
use super::strokes::{self, Strokes};

/// Digits that people wrote, as MNIST has them.
#[derive(Clone, Copy, Debug)]
pub struct Handwriting<'a> {
    images: &'a [[u8; 784]],
    labels: &'a [u8],
}

impl<'a> Handwriting<'a> {
    /// Takes images of 28x28 bytes, `[images * 784]`, light on dark, and the digit in each; `None` where there are none, or
    /// not as many labels.
    pub fn new(images: &'a [u8], labels: &'a [u8]) -> Option<Self> {
        let (images, rest) = images.as_chunks();
        let fits = rest.is_empty() && images.len() == labels.len() && !images.is_empty();
        fits.then_some(Self { images, labels })
    }
}

/// A square for a digit: its corner and side in pixels, and how it is turned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) left: f32,
    pub(super) top: f32,
    pub(super) side: f32,
    /// Degrees, clockwise.
    pub(super) angle: f32,
}

impl Place {
    pub(super) fn new(left: f32, top: f32, side: f32) -> Self {
        Self { left, top, side, angle: 0.0 }
    }

    /// The place of a point of the unit square.
    fn point(self, [x, y]: Point) -> Point {
        let (sine, cosine) = self.angle.to_radians().sin_cos();
        let (x, y) = (x - 0.5, y - 0.5);
        let middle = self.side / 2.0;
        [
            self.left + middle + self.side * (x * cosine - y * sine),
            self.top + middle + self.side * (x * sine + y * cosine),
        ]
    }

    /// The point of the unit square at a place.
    fn unit(self, [x, y]: Point) -> Point {
        let (sine, cosine) = self.angle.to_radians().sin_cos();
        let middle = self.side / 2.0;
        let (x, y) = ((x - self.left - middle) / self.side, (y - self.top - middle) / self.side);
        [0.5 + x * cosine + y * sine, 0.5 - x * sine + y * cosine]
    }
}

/// A random stream with handwriting to draw from.
pub(super) struct Scene<'a> {
    pub(super) stream: Stream,
    handwriting: Handwriting<'a>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(stream: Stream, handwriting: Handwriting<'a>) -> Self {
        Self { stream, handwriting }
    }

    pub(super) fn uniform(&mut self, low: f32, high: f32) -> f32 {
        self.stream.uniform(low, high)
    }

    pub(super) fn side(&mut self, low: u32, high: u32) -> usize {
        (low + self.stream.below(high - low)) as usize
    }

    pub(super) fn chance(&mut self, share: f32) -> bool {
        self.stream.unit() < share
    }

    pub(super) fn digit(&mut self) -> u8 {
        self.stream.below(10) as u8
    }

    /// Writes a digit: as somebody wrote it, or, as often, with a pen of a usual width.
    pub(super) fn write(&mut self, mask: &mut Mask, digit: u8, place: Place) {
        if self.chance(0.5) {
            return self.handwrite(mask, digit, place);
        }
        let pen = place.side * self.uniform(0.05, 0.13);
        self.pen(mask, digit, place, pen);
    }

    /// Writes a digit with a pen of a width in pixels.
    pub(super) fn pen(&mut self, mask: &mut Mask, digit: u8, place: Place, pen: f32) {
        self.strokes(mask, strokes::digit(digit), place, pen);
    }

    /// Writes strokes with the slant and the unsteadiness of a hand.
    pub(super) fn strokes(&mut self, mask: &mut Mask, strokes: Strokes, place: Place, pen: f32) {
        let (slant, width) = (self.uniform(-0.12, 0.18), self.uniform(0.82, 1.1));
        let (shake, phase) = (self.uniform(0.0, 0.02), self.uniform(0.0, 6.0));
        for stroke in strokes {
            let points: Vec<Point> = stroke
                .into_iter()
                .map(|[x, y]| {
                    let wave = |at: f32| shake * (7.0 * at + phase).sin();
                    place.point([(x - 0.5) * width - (y - 0.5) * slant + 0.5 + wave(y), y + wave(x)])
                })
                .collect();
            mask.line(&points, pen);
        }
    }

    /// Writes a digit as somebody wrote it, as high or as wide as its place.
    pub(super) fn handwrite(&mut self, mask: &mut Mask, digit: u8, place: Place) {
        let glyph = Glyph::new(self.handwritten(digit));
        // Enlarged ink is as soft as a pixel of MNIST is large; a pen is sharper, and heavier or lighter.
        let (sharp, level) = (self.uniform(1.0, 4.0), self.uniform(0.35, 0.6));
        let reach = place.side * 0.75;
        let (x, y) = (place.left + place.side / 2.0, place.top + place.side / 2.0);
        mask.paint([x - reach, y - reach], [x + reach, y + reach], |x, y| {
            let ink = glyph.at(place.unit([x, y]));
            if ink <= 0.02 { 0.0 } else { (ink - level) * sharp + level }
        });
    }

    /// The pixels of one of the images of a digit, light on dark.
    pub(super) fn handwritten(&mut self, digit: u8) -> &'a [u8; 784] {
        let Handwriting { images, labels } = self.handwriting;
        let first = self.stream.below(labels.len() as u32) as usize;
        let found =
            (0..labels.len()).map(|step| (first + step) % labels.len()).find(|&at| labels[at] == digit);
        &images[found.unwrap_or(first)]
    }

    /// The color of the ground and that of the ink: most often dark on light paper, else light on dark, or any two colors that
    /// tell them apart.
    pub(super) fn colors(&mut self) -> (Color, Color) {
        let choice = self.stream.unit();
        if choice < 0.55 {
            return (self.paper(), self.ink());
        }
        if choice < 0.7 {
            let ground = self.uniform(0.0, 60.0);
            let ink = self.uniform(180.0, 255.0);
            return ([ground; 3], [ink; 3]);
        }
        loop {
            let any = |scene: &mut Self| -> Color { std::array::from_fn(|_| scene.uniform(0.0, 255.0)) };
            let (ground, ink) = (any(self), any(self));
            let distance: f32 = ground.iter().zip(ink).map(|(a, b)| (a - b).powi(2)).sum();
            if distance > 110.0 * 110.0 {
                return (ground, ink);
            }
        }
    }

    /// The color of light paper.
    pub(super) fn paper(&mut self) -> Color {
        let light = self.uniform(205.0, 255.0);
        let warm = self.uniform(0.0, 14.0);
        [light, light - 0.3 * warm, light - warm]
    }

    /// The color of dark ink: black, blue, seldom red.
    pub(super) fn ink(&mut self) -> Color {
        let dark = self.uniform(5.0, 60.0);
        match self.stream.below(6) {
            0 | 1 => [dark, dark + 10.0, dark + 70.0],
            2 => [170.0 + dark, dark, dark],
            _ => [dark; 3],
        }
    }

    /// A sheet of paper with ink for it.
    pub(super) fn sheet(&mut self) -> (Canvas, Color) {
        let (width, height) = (self.side(240, 480), self.side(240, 560));
        (Canvas::new(width, height, self.paper()), self.ink())
    }

    /// A sheet in colors of any kind.
    pub(super) fn any_sheet(&mut self) -> (Canvas, Color) {
        let (width, height) = (self.side(200, 420), self.side(200, 420));
        let (ground, ink) = self.colors();
        (Canvas::new(width, height, ground), ink)
    }

    /// A place for a digit well inside a picture.
    pub(super) fn inside(&mut self, width: usize, height: usize) -> Place {
        self.within(
            [0.1 * width as f32, 0.1 * height as f32],
            [0.9 * width as f32, 0.9 * height as f32],
            0.35,
            0.75,
        )
    }

    /// A place within a rectangle, its side a share of the shorter one.
    pub(super) fn within(&mut self, from: Point, to: Point, low: f32, high: f32) -> Place {
        let (width, height) = (to[0] - from[0], to[1] - from[1]);
        let side = width.min(height) * self.uniform(low, high);
        let left = from[0] + self.uniform(0.0, width - side);
        let top = from[1] + self.uniform(0.0, height - side);
        Place { left, top, side, angle: self.uniform(-8.0, 8.0) }
    }

    /// Words in capital letters, each letter as high as `size`, in strokes of a pen; returns where they end.
    pub(super) fn words(&mut self, mask: &mut Mask, words: &str, [left, top]: Point, size: f32) -> f32 {
        let mut at = left;
        for letter in words.bytes() {
            let place = Place::new(at, top, size);
            for stroke in strokes::letter(letter) {
                let points: Vec<Point> = stroke.into_iter().map(|[x, y]| place.point([0.7 * x, y])).collect();
                mask.line(&points, size * 0.11);
            }
            at += 0.78 * size;
        }
        at
    }

    /// Several letters at random.
    pub(super) fn word(&mut self, letters: usize) -> String {
        (0..letters).map(|_| char::from(strokes::LETTERS[self.stream.below(15) as usize])).collect()
    }

    /// Light that changes smoothly over the picture, from -1 to 1: a sum of waves.
    pub(super) fn waves(&mut self, count: usize, length: f32) -> impl Fn(f32, f32) -> f32 + use<> {
        let waves: Vec<[f32; 3]> = (0..count)
            .map(|_| {
                let (angle, length) = (self.uniform(0.0, 6.3), length * self.uniform(0.6, 1.6));
                let rate = std::f32::consts::TAU / length;
                [rate * angle.cos(), rate * angle.sin(), self.uniform(0.0, 6.3)]
            })
            .collect();
        move |x, y| {
            let sum: f32 =
                waves.iter().map(|[across, down, phase]| (across * x + down * y + phase).sin()).sum();
            sum / (waves.len() as f32).sqrt() / 1.5
        }
    }

    /// What a camera adds: a soft lens and the noise of its sensor.
    pub(super) fn photograph(&mut self, canvas: &mut Canvas) {
        let (soft, noise) = (self.uniform(0.4, 1.1), self.uniform(1.0, 4.0));
        canvas.blur(soft);
        canvas.noise(&mut self.stream, noise);
    }
}

/// The ink of a 28x28 image, read between its pixels, in the unit square around what is inked.
struct Glyph<'a> {
    pixels: &'a [u8; 784],
    /// Left, top and the longer side of the inked part, in pixels; the shorter side is in the middle.
    corner: Point,
    side: f32,
}

impl<'a> Glyph<'a> {
    fn new(pixels: &'a [u8; 784]) -> Self {
        let inked = |at: &usize| pixels[*at] > 0;
        let span = |of: fn(usize) -> usize| {
            let places = (0..784).filter(inked).map(of);
            let (low, high) = places.fold((27, 0), |(low, high), at| (at.min(low), (at + 1).max(high)));
            (low as f32, (high as f32).max(low as f32 + 1.0))
        };
        let ((left, right), (top, bottom)) = (span(|at| at % 28), span(|at| at / 28));
        let side = (right - left).max(bottom - top);
        let corner = [(left + right - side) / 2.0, (top + bottom - side) / 2.0];
        Self { pixels, corner, side }
    }

    /// The ink at a place in the unit square, from Catmull and Rom's cubic through the four pixels around it each way.
    fn at(&self, [x, y]: Point) -> f32 {
        let (x, y) = (self.corner[0] + x * self.side - 0.5, self.corner[1] + y * self.side - 0.5);
        if !(-2.0..30.0).contains(&x) || !(-2.0..30.0).contains(&y) {
            return 0.0;
        }
        let (left, top) = (x.floor() as i32, y.floor() as i32);
        let (across, down) = (cubic(x - x.floor()), cubic(y - y.floor()));
        let pixel = |x: i32, y: i32| match (usize::try_from(x), usize::try_from(y)) {
            (Ok(x), Ok(y)) if x < 28 && y < 28 => f32::from(self.pixels[y * 28 + x]),
            _ => 0.0,
        };
        let rows = (top - 1..).zip(down).map(|(y, share)| {
            share * (left - 1..).zip(across).map(|(x, share)| share * pixel(x, y)).sum::<f32>()
        });
        rows.sum::<f32>() / 255.0
    }
}

/// The shares of the four values around a place between the second and the third.
fn cubic(at: f32) -> [f32; 4] {
    let (square, cube) = (at * at, at * at * at);
    [
        -0.5 * at + square - 0.5 * cube,
        1.0 - 2.5 * square + 1.5 * cube,
        0.5 * at + 2.0 * square - 1.5 * cube,
        0.5 * cube - 0.5 * square,
    ]
}
