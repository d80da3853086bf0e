//! The pixels of a picture, held in no more bytes than they need, and how they look.

use image::{GenericImageView, GrayImage, Rgb, RgbImage, Rgba, RgbaImage};

/// Pixels as they are held: a gray picture takes a third of a colored one.
#[derive(Clone, Debug)]
pub(crate) enum Pixels {
    Gray(GrayImage),
    Color(RgbImage),
    /// Some of them may be opaque, or all.
    Transparent(RgbaImage),
}

impl Pixels {
    fn dimensions(&self) -> (u32, u32) {
        match self {
            Self::Gray(picture) => picture.dimensions(),
            Self::Color(picture) => picture.dimensions(),
            Self::Transparent(picture) => picture.dimensions(),
        }
    }
}

/// A picture as it is looked at: in red, green and blue, on a gray level behind what is transparent, with ground put beside it. No
/// pixel is copied for that.
#[derive(Clone, Copy)]
pub(crate) struct Original<'a> {
    pixels: &'a Pixels,
    behind: u8,
    /// Pixels on the left and on the right, above and below.
    padding: [u32; 2],
    ground: Rgb<u8>,
}

impl<'a> Original<'a> {
    /// The picture, with a gray level behind what is transparent.
    pub(crate) fn new(pixels: &'a Pixels, behind: u8) -> Self {
        Self { pixels, behind, padding: [0, 0], ground: Rgb([behind; 3]) }
    }

    /// The picture with so many pixels of a color more on the left and on the right, above and below.
    pub(crate) fn padded(self, padding: [u32; 2], ground: Rgb<u8>) -> Self {
        Self { padding, ground, ..self }
    }
}

impl GenericImageView for Original<'_> {
    type Pixel = Rgb<u8>;

    fn dimensions(&self) -> (u32, u32) {
        let (width, height) = self.pixels.dimensions();
        (width + 2 * self.padding[0], height + 2 * self.padding[1])
    }

    fn get_pixel(&self, x: u32, y: u32) -> Rgb<u8> {
        // Left of the picture the difference wraps to a place far on its right.
        let (x, y) = (x.wrapping_sub(self.padding[0]), y.wrapping_sub(self.padding[1]));
        match self.pixels {
            Pixels::Gray(picture) => picture.get_pixel_checked(x, y).map(|gray| Rgb([gray[0]; 3])),
            Pixels::Color(picture) => picture.get_pixel_checked(x, y).copied(),
            Pixels::Transparent(picture) => {
                picture.get_pixel_checked(x, y).map(|pixel| over(*pixel, self.behind))
            }
        }
        .unwrap_or(self.ground)
    }
}

/// The color of a pixel over a gray level; of an opaque one its own.
fn over(Rgba([red, green, blue, alpha]): Rgba<u8>, behind: u8) -> Rgb<u8> {
    let alpha = u16::from(alpha);
    Rgb([red, green, blue]
        .map(|value| ((u16::from(value) * alpha + u16::from(behind) * (255 - alpha) + 127) / 255) as u8))
}
