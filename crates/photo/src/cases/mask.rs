//! Ink as a share of each pixel, and the pens that put it there.

use std::f32::consts::TAU;

/// A place in pixels, or in a unit square: from the left and from the top.
pub(super) type Point = [f32; 2];

/// The share of ink in each pixel, 0 to 1, `[height * width]`, row by row.
#[derive(Clone, Debug)]
pub(super) struct Mask {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) values: Vec<f32>,
}

impl Mask {
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self { width, height, values: vec![0.0; width * height] }
    }

    /// Lays `share(x, y)` over the pixels of a rectangle; where there is ink already, the darker one stays.
    pub(super) fn paint(&mut self, from: Point, to: Point, share: impl Fn(f32, f32) -> f32) {
        let range = |low: f32, high: f32, side: usize| {
            let clamped = |at: f32| (at.max(0.0) as usize).min(side);
            clamped(low.floor())..clamped(high.ceil())
        };
        for y in range(from[1], to[1], self.height) {
            for x in range(from[0], to[0], self.width) {
                let value = &mut self.values[y * self.width + x];
                *value = value.max(share(x as f32 + 0.5, y as f32 + 0.5).clamp(0.0, 1.0));
            }
        }
    }

    /// A round pen of a width in pixels, drawn from point to point.
    pub(super) fn line(&mut self, points: &[Point], pen: f32) {
        let radius = pen / 2.0;
        // A pen thinner than a pixel leaves less ink instead of a thinner line.
        let (radius, most) = if radius < 0.5 { (0.5, (pen).max(0.3)) } else { (radius, 1.0) };
        for pair in points.windows(2) {
            let [a, b] = [pair[0], pair[1]];
            let along = [b[0] - a[0], b[1] - a[1]];
            let length = (along[0] * along[0] + along[1] * along[1]).max(1e-6);
            let reach = radius + 1.0;
            let from = [a[0].min(b[0]) - reach, a[1].min(b[1]) - reach];
            let to = [a[0].max(b[0]) + reach, a[1].max(b[1]) + reach];
            self.paint(from, to, |x, y| {
                let share = (((x - a[0]) * along[0] + (y - a[1]) * along[1]) / length).clamp(0.0, 1.0);
                let (x, y) = (x - a[0] - share * along[0], y - a[1] - share * along[1]);
                most * (radius + 0.5 - x.hypot(y)).clamp(0.0, 1.0)
            });
        }
    }

    /// A closed shape, filled; its corners follow each other clockwise.
    pub(super) fn convex(&mut self, corners: &[Point]) {
        let next = corners.iter().cycle().skip(1);
        let sides: Vec<(Point, Point)> = corners
            .iter()
            .zip(next)
            .map(|(a, b)| {
                let (x, y) = (b[0] - a[0], b[1] - a[1]);
                let length = x.hypot(y).max(1e-6);
                (*a, [y / length, -x / length])
            })
            .collect();
        let bound = |axis: usize, pick: fn(f32, f32) -> f32| {
            corners.iter().map(|corner| corner[axis]).reduce(pick).unwrap_or(0.0)
        };
        let from = [bound(0, f32::min) - 1.0, bound(1, f32::min) - 1.0];
        let to = [bound(0, f32::max) + 1.0, bound(1, f32::max) + 1.0];
        self.paint(from, to, |x, y| {
            let outside = sides.iter().map(|(a, out)| (x - a[0]) * out[0] + (y - a[1]) * out[1]);
            0.5 - outside.fold(f32::NEG_INFINITY, f32::max)
        });
    }

    /// A rectangle, filled.
    pub(super) fn rectangle(&mut self, [left, top]: Point, [right, bottom]: Point) {
        self.convex(&[[left, top], [right, top], [right, bottom], [left, bottom]]);
    }

    /// An ellipse, filled.
    pub(super) fn ellipse(&mut self, center: Point, radii: Point) {
        let (from, to) =
            ([center[0] - radii[0], center[1] - radii[1]], [center[0] + radii[0], center[1] + radii[1]]);
        let least = radii[0].min(radii[1]);
        self.paint(from, to, |x, y| {
            let distance = ((x - center[0]) / radii[0]).hypot((y - center[1]) / radii[1]);
            (1.0 - distance) * least + 0.5
        });
    }

    /// A rectangle's outline.
    pub(super) fn frame(&mut self, [left, top]: Point, [right, bottom]: Point, pen: f32) {
        self.line(&[[left, top], [right, top], [right, bottom], [left, bottom], [left, top]], pen);
    }

    /// An ellipse's outline.
    pub(super) fn ring(&mut self, center: Point, radii: Point, pen: f32) {
        self.line(&arc(center, radii, 0.0, 360.0), pen);
    }

    /// Multiplies the ink of each pixel.
    pub(super) fn fade(&mut self, mut share: impl FnMut(usize, usize) -> f32) {
        for y in 0..self.height {
            for x in 0..self.width {
                self.values[y * self.width + x] *= share(x, y);
            }
        }
    }

    /// The same ink, softer, by a standard deviation in pixels.
    pub(super) fn blurred(mut self, deviation: f32) -> Self {
        blur(&mut self.values, self.width, deviation);
        self
    }

    /// The rectangle of the pixels with more than a quarter of ink: left, top, right and bottom, the last two outside.
    pub(super) fn bounds(&self) -> Option<[usize; 4]> {
        let inked = (0..self.values.len()).filter(|&at| self.values[at] > 0.25);
        let places = inked.map(|at| (at % self.width, at / self.width));
        places
            .map(|(x, y)| [x, y, x + 1, y + 1])
            .reduce(|a, b| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])])
    }
}

/// Points on an ellipse from one angle to another, in degrees, clockwise from the right.
pub(super) fn arc(center: Point, radii: Point, from: f32, to: f32) -> Vec<Point> {
    const STEPS: u8 = 36;
    let angle = |step: u8| (from + (to - from) * f32::from(step) / f32::from(STEPS)) * TAU / 360.0;
    (0..=STEPS)
        .map(|step| [center[0] + radii[0] * angle(step).cos(), center[1] + radii[1] * angle(step).sin()])
        .collect()
}

/// Blurs rows of `width` values in place with a bell of a standard deviation in pixels; what is outside is like the nearest pixel
/// inside.
pub(super) fn blur(values: &mut [f32], width: usize, deviation: f32) {
    if deviation < 0.2 || values.is_empty() {
        return;
    }
    let reach = (2.5 * deviation).ceil() as usize;
    let bell: Vec<f32> =
        (0..=2 * reach).map(|at| (-((at as f32 - reach as f32) / deviation).powi(2) / 2.0).exp()).collect();
    let whole: f32 = bell.iter().sum();
    let bell: Vec<f32> = bell.iter().map(|share| share / whole).collect();
    let height = values.len() / width;
    let mut padded = vec![0.0; width + 2 * reach];
    for row in values.chunks_exact_mut(width) {
        padded[..reach].fill(row[0]);
        padded[reach..reach + width].copy_from_slice(row);
        padded[reach + width..].fill(row[width - 1]);
        row.fill(0.0);
        for (at, share) in bell.iter().enumerate() {
            add(row, &padded[at..at + width], *share);
        }
    }
    let rows = values.to_vec();
    for (y, row) in values.chunks_exact_mut(width).enumerate() {
        row.fill(0.0);
        for (at, share) in bell.iter().enumerate() {
            let from = (y + at).saturating_sub(reach).min(height - 1);
            add(row, &rows[from * width..(from + 1) * width], *share);
        }
    }
}

fn add(to: &mut [f32], from: &[f32], share: f32) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += share * from);
}
