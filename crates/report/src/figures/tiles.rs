//! Small pictures side by side, each with words under it.

use adder_data::{PIXELS, SIDE};

use crate::drawing::{Anchor, Drawing, Figure, Rect, Weight, encode_gray, text_width};
use crate::samples::{Sample, Samples};

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

/// The title of a pair, as the notebook has it: `5 + 2 = 7`.
pub fn equation(digit: u8, addend: u8) -> String {
    format!("{digit} + {addend} = {}", u16::from(digit) + u16::from(addend))
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
    drawing.image(picture, &encode_gray(&tile.pixels, SIDE), "");
    for (number, line) in tile.lines.iter().enumerate() {
        let baseline = picture.bottom() + 6.0 + SIZE + number as f64 * LINE;
        drawing.text("", (middle, baseline), Anchor::Middle, SIZE, line);
    }
}

/// Images in a row of a grid, as in the notebook.
const COLUMNS: usize = 3;

/// Samples in rows of three under a heading, each titled `5 + 2 = 7`.
pub fn sample_grid(heading: &str, samples: &[Sample]) -> Figure {
    let tile = |&Sample { pixels, digit, addend }: &Sample| Tile {
        pixels,
        title: equation(digit, addend),
        lines: Vec::new(),
    };
    tiles(heading, &samples.iter().map(tile).collect::<Vec<_>>(), COLUMNS)
}

/// The grids of training, validation and evaluation, each with a name for its file.
pub fn sample_grids(samples: &Samples) -> [(&'static str, Figure); 3] {
    [
        ("samples-training", sample_grid("Training, augmented", &samples.training)),
        ("samples-validation", sample_grid("Validation", &samples.validation)),
        ("samples-evaluation", sample_grid("Evaluation", &samples.evaluation)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_equation_is_written_as_in_the_notebook() {
        assert_eq!(equation(5, 2), "5 + 2 = 7");
        assert_eq!(equation(9, 9), "9 + 9 = 18");
    }

    #[test]
    fn long_words_widen_the_figure() {
        let tile = |line: &str| Tile { pixels: [0; PIXELS], title: String::new(), lines: vec![line.into()] };
        let width = |line: &str| tiles("", &[tile(line)], 1).width;
        assert_eq!(width("short"), PICTURE + 2.0 * GAP);
        let long = "a line of words that is wider than the picture above it";
        assert_eq!(width(long), text_width(long, SIZE, Weight::Regular) + 2.0 * GAP);
    }

    #[test]
    fn the_pixels_of_a_saved_grid_are_the_images() {
        let pixels = std::array::from_fn(|at| (at * 5 % 256) as u8);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.png");
        tiles("", &[Tile { pixels, title: "x".into(), lines: vec![] }], 1).save_png(&path, 1.0).unwrap();
        let picture = image::open(&path).unwrap().into_luma8();
        let (left, top) = (GAP as u32, (GAP / 2.0 + LINE + 4.0) as u32);
        for (at, &pixel) in pixels.iter().enumerate() {
            let (x, y) = (left + 4 * (at % SIDE) as u32 + 2, top + 4 * (at / SIDE) as u32 + 2);
            assert_eq!(picture.get_pixel(x, y).0[0], pixel, "pixel {at}");
        }
        let taken = folder.path().join("taken");
        std::fs::create_dir(&taken).unwrap();
        assert!(matches!(tiles("", &[], 1).save_png(&taken, 1.0), Err(crate::Error::Write { .. })));
    }
}
