//! Small pictures side by side, each with words under it.

use adder_data::{PIXELS, SIDE};

use crate::drawing::{Anchor, Drawing, Figure, Rect, Weight, encode_grey, text_width};

const PICTURE: f64 = 4.0 * SIDE as f64;
const GAP: f64 = 22.0;
const LINE: f64 = 16.0;
const SIZE: f64 = 12.0;

/// An image with words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// 28x28 pixels in rows, 0 black to 255 white.
    pub pixels: [u8; PIXELS],
    /// Above it, in bold: short, such as `5 + 2 = 7`.
    pub title: String,
    /// Under it, a line each.
    pub lines: Vec<String>,
}

/// Images row by row, `columns` in a row, under a heading that may be empty. No image makes an empty figure.
pub fn tiles(heading: &str, tiles: &[Tile], columns: usize) -> Figure {
    let mut drawing = Drawing::default();
    let columns = columns.clamp(1, tiles.len().max(1));
    let lines = tiles.iter().map(|tile| tile.lines.len()).max().unwrap_or(0);
    let words = tiles.iter().flat_map(|tile| {
        let under = tile.lines.iter().map(|line| text_width(line, SIZE, Weight::Regular));
        under.chain([text_width(&tile.title, SIZE + 1.0, Weight::SemiBold)])
    });
    let cell = (words.fold(PICTURE, f64::max), LINE + 4.0 + PICTURE + 6.0 + lines as f64 * LINE);
    let top = if heading.is_empty() { GAP / 2.0 } else { GAP + 20.0 };
    drawing.text("bold", (GAP, 24.0), Anchor::Start, 15.0, heading);
    for (place, tile) in tiles.iter().enumerate() {
        let (row, column) = (place / columns, place % columns);
        let left = GAP + column as f64 * (cell.0 + GAP);
        draw(&mut drawing, (left + cell.0 / 2.0, top + row as f64 * (cell.1 + GAP)), tile);
    }
    let rows = tiles.len().div_ceil(columns);
    let width =
        GAP + (columns as f64 * (cell.0 + GAP)).max(text_width(heading, 15.0, Weight::SemiBold) + GAP);
    let height = top + rows as f64 * (cell.1 + GAP);
    let description = if heading.is_empty() { "Images with their answers" } else { heading };
    drawing.finish(width, height, description)
}

fn draw(drawing: &mut Drawing, (middle, top): (f64, f64), tile: &Tile) {
    drawing.text("bold", (middle, top + SIZE), Anchor::Middle, SIZE + 1.0, &tile.title);
    let top = top + LINE + 4.0;
    let picture = Rect::new(middle - PICTURE / 2.0, top, PICTURE, PICTURE);
    drawing.image(picture, &encode_grey(&tile.pixels, SIDE), "");
    for (number, line) in tile.lines.iter().enumerate() {
        let baseline = picture.bottom() + 6.0 + SIZE + number as f64 * LINE;
        drawing.text("", (middle, baseline), Anchor::Middle, SIZE, line);
    }
}
