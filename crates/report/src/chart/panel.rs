//! One chart: two axes with their words, and what is drawn between them.

use super::curve::Band;
use super::scale::Scale;
use crate::drawing::{Anchor, Drawing, Rect, Weight, text_width};

/// Room around the frame for ticks and words.
const LEFT: f64 = 64.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 44.0;
const TICK_SIZE: f64 = 12.0;

/// A direction of a chart.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    pub(crate) scale: Scale,
    /// Its quantity, with its unit.
    pub(crate) words: &'static str,
}

/// The mark of a value on its own. Shapes differ so that color need not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Circle,
    Square,
    Triangle,
}

impl Shape {
    /// The shape of the series with this number.
    pub(crate) fn of(series: usize) -> Self {
        [Self::Circle, Self::Square, Self::Triangle][series % 3]
    }

    pub(crate) fn draw_at(self, drawing: &mut Drawing, series: usize, at: (f64, f64)) {
        self.draw(drawing, series, at, "");
    }

    fn draw(self, drawing: &mut Drawing, series: usize, (x, y): (f64, f64), title: &str) {
        let class = format!("fill-{series}");
        match self {
            Self::Circle => drawing.dot(&class, (x, y), 3.6, title),
            Self::Square => drawing.rect(&class, Rect::new(x - 3.2, y - 3.2, 6.4, 6.4), 1.0, title),
            Self::Triangle => {
                drawing.titled_path(&class, &[(x - 4.2, y + 3.4), (x + 4.2, y + 3.4), (x, y - 4.2)], title);
            }
        }
    }
}

/// A chart in a drawing.
#[derive(Debug)]
pub(crate) struct Panel<'a> {
    drawing: &'a mut Drawing,
    frame: Rect,
    x: Axis,
    y: Axis,
}

impl<'a> Panel<'a> {
    /// Draws the grid, ticks and words of a chart that takes all of `place`.
    pub(crate) fn new(drawing: &'a mut Drawing, place: Rect, title: &str, [x, y]: [Axis; 2]) -> Self {
        let (width, height) = (place.width - LEFT - RIGHT, place.height - TOP - BOTTOM);
        let frame = Rect::new(place.left + LEFT, place.top + TOP, width, height);
        let panel = Self { drawing, frame, x, y };
        panel.draw_axes(title)
    }

    fn draw_axes(self, title: &str) -> Self {
        let Self { drawing, frame, x, y } = self;
        drawing.text("bold", (frame.left, frame.top - 14.0), Anchor::Start, 14.0, title);
        for (value, words) in spaced(y.scale.ticks(6), &y.scale, frame.height, 16.0) {
            let at = frame.bottom() - y.scale.place(value) * frame.height;
            drawing.line("grid", (frame.left, at), (frame.right(), at));
            drawing.text("muted", (frame.left - 7.0, at + 4.0), Anchor::End, TICK_SIZE, &words);
        }
        for (value, words) in spaced(x.scale.ticks(6), &x.scale, frame.width, 44.0) {
            let at = frame.left + x.scale.place(value) * frame.width;
            drawing.line("axis", (at, frame.bottom()), (at, frame.bottom() + 4.0));
            drawing.text("muted", (at, frame.bottom() + 17.0), Anchor::Middle, TICK_SIZE, &words);
        }
        drawing.line("axis", (frame.left, frame.bottom()), (frame.right(), frame.bottom()));
        let middle = (frame.left + frame.width / 2.0, frame.top + frame.height / 2.0);
        drawing.text("muted", (middle.0, frame.bottom() + 36.0), Anchor::Middle, TICK_SIZE, x.words);
        drawing.text_upwards("muted", (frame.left - 50.0, middle.1), TICK_SIZE, y.words);
        Self { drawing, frame, x, y }
    }

    fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let Rect { left, width, height, .. } = self.frame;
        (left + self.x.scale.place(x) * width, self.frame.bottom() - self.y.scale.place(y) * height)
    }

    pub(crate) fn line(&mut self, series: usize, points: &[(f64, f64)]) {
        let points: Vec<_> = points.iter().map(|&point| self.at(point)).collect();
        self.drawing.path(&format!("line-{series}"), &points, false);
    }

    pub(crate) fn band(&mut self, series: usize, band: &[Band]) {
        let upper = band.iter().map(|piece| (piece.x, piece.high));
        let lower = band.iter().rev().map(|piece| (piece.x, piece.low));
        let outline: Vec<_> = upper.chain(lower).map(|point| self.at(point)).collect();
        self.drawing.path(&format!("band-{series}"), &outline, true);
    }

    /// A mark at a point, with what is shown when a pointer rests on it.
    pub(crate) fn mark(&mut self, series: usize, shape: Shape, point: (f64, f64), title: &str) {
        let at = self.at(point);
        shape.draw(self.drawing, series, at, title);
    }

    /// A bar from the bottom up to a value, between two places on the horizontal axis.
    pub(crate) fn bar(&mut self, series: usize, from: f64, to: f64, value: f64, title: &str) {
        let ((left, top), (right, _)) = (self.at((from, value)), self.at((to, value)));
        let rect = Rect::new(left + 1.0, top, (right - left - 2.0).max(1.0), self.frame.bottom() - top);
        self.drawing.rect(&format!("band-{series}"), rect, 1.0, title);
        self.drawing.line(&format!("line-{series}"), (rect.left, top), (rect.right(), top));
    }

    /// A dashed line to hold values against.
    pub(crate) fn guide(&mut self, from: (f64, f64), to: (f64, f64)) {
        let (from, to) = (self.at(from), self.at(to));
        self.drawing.line("guide", from, to);
    }

    /// Words at a point of the chart.
    pub(crate) fn note(&mut self, class: &str, point: (f64, f64), anchor: Anchor, words: &str) {
        let (x, y) = self.at(point);
        self.drawing.text(class, (x, y), anchor, TICK_SIZE, words);
    }

    /// A small letter with its middle at a point.
    pub(crate) fn glyph(&mut self, class: &str, point: (f64, f64), letter: &str) {
        let (x, y) = self.at(point);
        self.drawing.text(class, (x, y + 3.5), Anchor::Middle, 10.0, letter);
    }

    /// A letter that stands out, with its middle at a point.
    pub(crate) fn badge(&mut self, point: (f64, f64), letter: &str) {
        let (x, y) = self.at(point);
        self.drawing.dot("ink", (x, y), 11.0, "");
        self.drawing.text("inverse bold", (x, y + 5.0), Anchor::Middle, 14.0, letter);
    }

    /// The legend, in the upper right corner above the frame.
    pub(crate) fn legend(&mut self, entries: &[(usize, Shape, &str)]) {
        legend(self.drawing, (self.frame.right(), self.frame.top - 14.0), entries);
    }
}

/// The legend, on one line that ends at a point.
fn legend(drawing: &mut Drawing, (right, baseline): (f64, f64), entries: &[(usize, Shape, &str)]) {
    let mut left = right;
    for &(series, shape, words) in entries.iter().rev() {
        left -= text_width(words, TICK_SIZE, Weight::Regular);
        drawing.text("muted", (left, baseline), Anchor::Start, TICK_SIZE, words);
        drawing.line(&format!("line-{series}"), (left - 24.0, baseline - 4.0), (left - 6.0, baseline - 4.0));
        shape.draw(drawing, series, (left - 15.0, baseline - 4.0), "");
        left -= 36.0;
    }
}

/// The ticks without those that would stand less than `least` pixels behind the one before.
fn spaced(ticks: Vec<(f64, String)>, scale: &Scale, length: f64, least: f64) -> Vec<(f64, String)> {
    let mut before = f64::NEG_INFINITY;
    let far_enough = |(value, _): &(f64, String)| {
        let place = scale.place(*value) * length;
        let far = place - before >= least;
        if far {
            before = place;
        }
        far
    };
    ticks.into_iter().filter(far_enough).collect()
}
