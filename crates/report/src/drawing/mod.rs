//! A picture made of lines, areas, texts and images, as SVG: to be put on a page, saved, or drawn into a PNG.

pub(crate) mod font;
mod raster;
pub(crate) mod style;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub(crate) use font::{Weight, text_width};
pub(crate) use raster::{encode_gray, encode_rgb};

/// A finished picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Its content in a sentence, for those who cannot see it.
    pub description: String,
    /// In pixels of the page.
    pub width: f64,
    /// In pixels of the page.
    pub height: f64,
    body: String,
}

impl Figure {
    /// A file of its own, on white, the font named but not in it.
    pub fn to_svg(&self) -> String {
        let Self { width, height, body, description } = self;
        let theme = style::Theme::LIGHT;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\">\
             <title>{2}</title><style>{3}</style><rect width=\"{0}\" height=\"{1}\" class=\"paper\"/>\n{body}</svg>\n",
            short(*width),
            short(*height),
            escape(description),
            theme.rules()
        )
    }

    /// For a page that has the rules for the classes.
    pub(crate) fn to_inline(&self) -> String {
        let Self { width, height, body, description } = self;
        format!(
            "<svg role=\"img\" aria-label=\"{2}\" viewBox=\"0 0 {0} {1}\" style=\"max-width:{0}px\">\n{body}</svg>",
            short(*width),
            short(*height),
            escape(description)
        )
    }
}

/// A picture in the making.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drawing {
    body: String,
}

/// The place of a text relative to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A rectangle, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rect {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Rect {
    pub(crate) fn new(left: f64, top: f64, width: f64, height: f64) -> Self {
        Self { left, top, width, height }
    }

    pub(crate) fn right(&self) -> f64 {
        self.left + self.width
    }

    pub(crate) fn bottom(&self) -> f64 {
        self.top + self.height
    }
}

impl Drawing {
    pub(crate) fn finish(self, width: f64, height: f64, description: impl Into<String>) -> Figure {
        Figure { description: description.into(), width, height, body: self.body }
    }

    pub(crate) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(short);
        self.push(&format!("<path class=\"{class}\" d=\"M{x1} {y1}L{x2} {y2}\"/>"));
    }

    /// A line through all points; `close` makes an area of it.
    pub(crate) fn path(&mut self, class: &str, points: &[(f64, f64)], close: bool) {
        self.push(&format!("<path class=\"{class}\" d=\"{}\"/>", outline(points, close)));
    }

    /// A small area; `title` is shown when a pointer rests on it.
    pub(crate) fn titled_path(&mut self, class: &str, points: &[(f64, f64)], title: &str) {
        self.push_titled(&format!("<path class=\"{class}\" d=\"{}\"", outline(points, true)), "path", title);
    }

    /// `title` is shown when a pointer rests on it.
    pub(crate) fn dot(&mut self, class: &str, (x, y): (f64, f64), radius: f64, title: &str) {
        let [x, y, radius] = [x, y, radius].map(short);
        let head = format!("<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"");
        self.push_titled(&head, "circle", title);
    }

    /// `title` is shown when a pointer rests on it.
    pub(crate) fn rect(&mut self, class: &str, rect: Rect, opacity: f64, title: &str) {
        let [x, y, width, height] = [rect.left, rect.top, rect.width, rect.height].map(short);
        let mut head =
            format!("<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"");
        if opacity < 1.0 {
            let _ = write!(head, " fill-opacity=\"{}\"", short(opacity));
        }
        self.push_titled(&head, "rect", title);
    }

    /// The outline of a rectangle.
    pub(crate) fn frame(&mut self, class: &str, rect: Rect) {
        let Rect { left, top, .. } = rect;
        let corners =
            [(left, top), (rect.right(), top), (rect.right(), rect.bottom()), (left, rect.bottom())];
        self.path(class, &corners, true);
    }

    pub(crate) fn text(&mut self, class: &str, at: (f64, f64), anchor: Anchor, size: f64, text: &str) {
        self.write_text(class, at, anchor, size, text, "");
    }

    /// A text that runs upwards.
    pub(crate) fn text_upwards(&mut self, class: &str, (x, y): (f64, f64), size: f64, text: &str) {
        let turn = format!(" transform=\"rotate(-90 {} {})\"", short(x), short(y));
        self.write_text(class, (x, y), Anchor::Middle, size, text, &turn);
    }

    fn write_text(&mut self, class: &str, at: (f64, f64), anchor: Anchor, size: f64, text: &str, more: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        let [x, y, size] = [at.0, at.1, size].map(short);
        let text = escape(text);
        // As a style, for the page's rules would win over an attribute.
        self.push(&format!(
            "<text{class} x=\"{x}\" y=\"{y}\" style=\"font-size:{size}px\"{anchor}{more}>{text}</text>"
        ));
    }

    /// A PNG, its pixels as sharp squares.
    pub(crate) fn image(&mut self, rect: Rect, png: &[u8], title: &str) {
        let [x, y, width, height] = [rect.left, rect.top, rect.width, rect.height].map(short);
        let head = format!(
            "<image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" style=\"image-rendering:pixelated\" \
             href=\"{}\"",
            data_url("image/png", png)
        );
        self.push_titled(&head, "image", title);
    }

    fn push_titled(&mut self, head: &str, element: &str, title: &str) {
        if title.is_empty() {
            self.push(&format!("{head}/>"));
        } else {
            self.push(&format!("{head}><title>{}</title></{element}>", escape(title)));
        }
    }

    fn push(&mut self, element: &str) {
        self.body += element;
        self.body.push('\n');
    }
}

/// The data of a path.
fn outline(points: &[(f64, f64)], close: bool) -> String {
    let mut data = String::new();
    for (place, &(x, y)) in points.iter().enumerate() {
        let command = if place == 0 { 'M' } else { 'L' };
        let _ = write!(data, "{command}{} {}", short(x), short(y));
    }
    if close {
        data.push('Z');
    }
    data
}

/// Bytes as an address that holds them.
pub(crate) fn data_url(kind: &str, bytes: &[u8]) -> String {
    format!("data:{kind};base64,{}", STANDARD.encode(bytes))
}

/// Text as SVG and HTML take it, in elements and in attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            other => escaped.push(other),
        }
    }
    escaped
}

/// At most two places behind the point, and no more than needed: `1.5`, `-3`, `0`.
pub(crate) fn short(number: f64) -> String {
    let text = format!("{number:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_no_longer_than_needed() {
        let numbers = [1.5, -3.0, 0.0, -0.001, 100.0, 2.006, 1e4];
        assert_eq!(numbers.map(short), ["1.5", "-3", "0", "0", "100", "2.01", "10000"]);
    }

    #[test]
    fn what_would_be_markup_is_escaped() {
        let mut drawing = Drawing::default();
        drawing.text("", (1.0, 2.0), Anchor::Start, 13.0, "a < b & \"c\"");
        let svg = drawing.finish(10.0, 10.0, "x > y").to_svg();
        assert!(
            svg.contains(">a &lt; b &amp; &quot;c&quot;</text>") && svg.contains("<title>x &gt; y</title>"),
            "{svg}"
        );
    }

    #[test]
    fn a_drawing_becomes_a_picture_with_its_text() {
        let mut drawing = Drawing::default();
        drawing.rect("fill-1", Rect::new(0.0, 0.0, 20.0, 20.0), 1.0, "");
        drawing.text("", (30.0, 30.0), Anchor::Start, 20.0, "WWW");
        let png = drawing.finish(100.0, 40.0, "").to_png(1.0).unwrap();
        let picture = image::load_from_memory(&png).unwrap().into_rgb8();
        assert_eq!(picture.dimensions(), (100, 40));
        assert_eq!(picture.get_pixel(10, 10).0, [0xd5, 0x5e, 0x00]);
        assert_eq!(picture.get_pixel(25, 35).0, [255; 3]);
        let ink = picture.enumerate_pixels().filter(|(x, _, pixel)| *x >= 30 && pixel.0[0] < 128).count();
        assert!(ink > 100, "{ink} dark pixels");
    }
}
