//! From a drawing to pixels.

use std::io::{Cursor, Write as _};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use adder_data::whole_file::write_whole;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, fontdb};

use super::Figure;
use super::font::{FAMILY, REGULAR_TTF, SEMIBOLD_TTF};
use crate::{Error, Result};

/// The embedded fonts and no others: pictures must not depend on what a machine has.
static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(REGULAR_TTF.to_vec());
    fonts.load_font_data(SEMIBOLD_TTF.to_vec());
    fonts.set_sans_serif_family(FAMILY);
    Arc::new(fonts)
});

impl Figure {
    /// A PNG of `scale` times the figure's width and height, light.
    ///
    /// # Errors
    /// [`Error::Draw`] where the picture would have no or far too many pixels.
    pub fn to_png(&self, scale: f32) -> Result<Vec<u8>> {
        let refused = |reason: String| Error::Draw { figure: self.description.clone(), reason };
        let options =
            usvg::Options { fontdb: FONTS.clone(), font_family: FAMILY.into(), ..usvg::Options::default() };
        let tree =
            usvg::Tree::from_str(&self.to_svg(), &options).map_err(|error| refused(error.to_string()))?;
        let size = tree.size().to_int_size().scale_by(scale);
        let mut pixels = size
            .and_then(|size| Pixmap::new(size.width(), size.height()))
            .ok_or_else(|| refused(format!("{} x {} pixels, {scale} times", self.width, self.height)))?;
        resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
        pixels.encode_png().map_err(|error| refused(error.to_string()))
    }

    /// Writes the PNG of [`to_png`](Self::to_png) into a file, whole or not at all.
    ///
    /// # Errors
    /// As [`to_png`](Self::to_png), and [`Error::Write`].
    pub fn save_png(&self, path: &Path, scale: f32) -> Result<()> {
        write(path, &self.to_png(scale)?)
    }

    /// Writes the figure into a file of SVG, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn save_svg(&self, path: &Path) -> Result<()> {
        write(path, self.to_svg().as_bytes())
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_whole(path, |file| file.write_all(bytes))
        .map_err(|error| Error::Write { path: path.to_owned(), reason: error.to_string() })
}

/// A PNG of gray pixels, row by row.
pub(crate) fn encode_gray(pixels: &[u8], width: usize) -> Vec<u8> {
    encode(pixels, width, pixels.len() / width, ExtendedColorType::L8)
}

/// A PNG of red, green and blue, row by row.
pub(crate) fn encode_rgb(pixels: &[[u8; 3]], width: usize) -> Vec<u8> {
    encode(pixels.as_flattened(), width, pixels.len() / width, ExtendedColorType::Rgb8)
}

fn encode(bytes: &[u8], width: usize, height: usize, color: ExtendedColorType) -> Vec<u8> {
    let mut png = Cursor::new(Vec::new());
    // Digits are flat: without filters they compress best.
    let encoder = PngEncoder::new_with_quality(&mut png, CompressionType::Best, FilterType::NoFilter);
    encoder
        .write_image(bytes, width as u32, height as u32, color)
        .expect("whole rows of pixels, written to memory, are a picture");
    png.into_inner()
}
