//! Images of a data set, enlarged, side by side, each with a title.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use adder_data::whole_file::write_whole;
use adder_data::{PIXELS, SIDE};
use image::{GrayImage, ImageFormat, Luma};

use crate::canvas::{TEXT_HEIGHT, draw_enlarged, draw_text, fill, text_width};
use crate::{Error, Result};

/// Width and height of a pixel of a sample.
const SCALE: u32 = 7;
const SAMPLE_SIDE: u32 = SIDE as u32 * SCALE;
/// Between the samples, and around them.
const GAP: u32 = 28;
/// Between a title and what is under it.
const LEADING: u32 = 6;
/// A thin frame tells where a sample ends that is white up to its edge.
const FRAME: u32 = 1;

const PAPER: u8 = 252;
const INK: u8 = 40;
const FRAME_GREY: u8 = 150;

/// An image and the words above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// 28x28 pixels in rows, 0 black to 255 white.
    pub pixels: [u8; PIXELS],
    /// A short line of ASCII; other characters show as question marks.
    pub title: String,
}

/// The title of a pair, as the notebook has it: `5 + 2 = 7`.
pub fn equation(digit: u8, addend: u8) -> String {
    format!("{digit} + {addend} = {}", u16::from(digit) + u16::from(addend))
}

/// Draws samples row by row, `columns` in a row, under a heading that may be empty.
///
/// # Errors
/// [`Error::Grid`] for no sample, no column or more than 100 of either.
pub fn draw_sample_grid(heading: &str, samples: &[Sample], columns: usize) -> Result<GrayImage> {
    check("samples", samples.len())?;
    check("columns", columns)?;
    let layout = Layout::new(heading, samples, columns);
    let (width, height) = layout.picture;
    let mut picture = GrayImage::from_pixel(width, height, Luma([PAPER]));
    draw_text(&mut picture, (GAP, GAP), heading, INK);
    for (place, sample) in samples.iter().enumerate() {
        draw_sample(&mut picture, &layout, layout.corner(place), sample);
    }
    Ok(picture)
}

/// Draws as [`draw_sample_grid`] and writes a PNG file, whole or not at all.
///
/// # Errors
/// As [`draw_sample_grid`], and [`Error::Write`].
pub fn save_sample_grid(path: &Path, heading: &str, samples: &[Sample], columns: usize) -> Result<()> {
    let picture = draw_sample_grid(heading, samples, columns)?;
    write_whole(path, |file| write_png(&picture, file))
        .map_err(|error| Error::Write { path: path.to_owned(), reason: error.to_string() })
}

fn check(field: &'static str, found: usize) -> Result<()> {
    if (1..=100).contains(&found) { Ok(()) } else { Err(Error::Grid { field, expected: "1 to 100", found }) }
}

fn write_png(picture: &GrayImage, file: &mut File) -> io::Result<()> {
    let mut writer = BufWriter::new(file);
    picture.write_to(&mut writer, ImageFormat::Png).map_err(io::Error::other)?;
    writer.flush()
}

/// Where everything goes, in pixels.
struct Layout {
    columns: u32,
    /// Width and height of a title with its sample.
    cell: (u32, u32),
    /// The upper edge of the first row.
    top: u32,
    /// Width and height of all.
    picture: (u32, u32),
}

impl Layout {
    fn new(heading: &str, samples: &[Sample], columns: usize) -> Self {
        let columns = columns.min(samples.len());
        let rows = samples.len().div_ceil(columns) as u32;
        let columns = columns as u32;
        let titles = samples.iter().map(|sample| text_width(&sample.title));
        let cell_width = titles.max().unwrap_or(0).max(SAMPLE_SIDE);
        let cell_height = TEXT_HEIGHT + LEADING + SAMPLE_SIDE;
        let top = if heading.is_empty() { GAP } else { GAP + TEXT_HEIGHT + GAP };
        let width = GAP + (columns * (cell_width + GAP)).max(text_width(heading) + GAP);
        let height = top + rows * (cell_height + GAP);
        Self { columns, cell: (cell_width, cell_height), top, picture: (width, height) }
    }

    /// The upper left corner of the sample's cell.
    fn corner(&self, place: usize) -> (u32, u32) {
        let (row, column) = (place as u32 / self.columns, place as u32 % self.columns);
        (GAP + column * (self.cell.0 + GAP), self.top + row * (self.cell.1 + GAP))
    }
}

fn draw_sample(picture: &mut GrayImage, layout: &Layout, (left, top): (u32, u32), sample: &Sample) {
    let centred = |width: u32| left + (layout.cell.0 - width) / 2;
    draw_text(picture, (centred(text_width(&sample.title)), top), &sample.title, INK);
    let (left, top) = (centred(SAMPLE_SIDE), top + TEXT_HEIGHT + LEADING);
    let framed = SAMPLE_SIDE + 2 * FRAME;
    fill(picture, (left - FRAME, top - FRAME), (framed, framed), FRAME_GREY);
    draw_enlarged(picture, (left, top), &sample.pixels, SIDE, SCALE);
}

#[cfg(test)]
mod tests;
