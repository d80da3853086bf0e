//! The image that the network reads.

use image::GrayImage;
use image::imageops::{self, FilterType};

/// Height and width of the network's input, in pixels.
pub const SIDE: u32 = 28;
const PIXELS: usize = (SIDE * SIDE) as usize;

/// 28x28 bytes: 0 is the dark background, 255 the light digit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkImage(GrayImage);

impl NetworkImage {
    /// Takes `[28 * 28]` bytes, row by row; `None` where there are more or fewer.
    pub fn from_pixels(pixels: &[u8]) -> Option<Self> {
        (pixels.len() == PIXELS).then(|| GrayImage::from_raw(SIDE, SIDE, pixels.to_vec())).flatten().map(Self)
    }

    /// An image of nothing.
    pub fn dark() -> Self {
        Self(GrayImage::new(SIDE, SIDE))
    }

    pub(crate) fn canvas(&mut self) -> &mut GrayImage {
        &mut self.0
    }

    /// Scales to 28 pixels on the longer side and centers on a dark background.
    pub(crate) fn fit(gray: &GrayImage) -> Self {
        let (width, height) = gray.dimensions();
        if (width, height) == (SIDE, SIDE) {
            return Self(gray.clone());
        }
        let longer = f64::from(width.max(height));
        let scaled = |side: u32| ((f64::from(side) * f64::from(SIDE) / longer).round() as u32).max(1);
        // The triangle filter averages over all pixels that fall on one, so thin strokes of large pictures stay.
        let small = imageops::resize(gray, scaled(width), scaled(height), FilterType::Triangle);
        let (left, top) = ((SIDE - small.width()) / 2, (SIDE - small.height()) / 2);
        let mut image = Self::dark();
        imageops::replace(&mut image.0, &small, left.into(), top.into());
        image
    }

    /// The bytes, `[28 * 28]`, row by row.
    pub fn pixels(&self) -> &[u8] {
        self.0.as_raw()
    }

    /// A text for a terminal: 14 lines of 28 characters, each two pixels, one above the other.
    pub fn to_text(&self) -> String {
        let lit = |x, y| self.0.get_pixel(x, y)[0] >= 96;
        let half_rows = (0..SIDE).step_by(2).map(|y| {
            let line = (0..SIDE).map(|x| match (lit(x, y), lit(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => '·',
            });
            line.chain(['\n']).collect::<String>()
        });
        half_rows.collect()
    }
}
