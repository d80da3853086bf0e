//! Pictures, upright, and what transparency means in them.

use image::{DynamicImage, GenericImageView as _, GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};

use crate::original::{Original, Pixels};
use crate::view::{MAX_SIDE, MIN_SIDE};
use crate::{Digit, NetworkImage, find};

/// A decoded picture, upright.
#[derive(Clone, Debug)]
pub struct Picture {
    pixels: Pixels,
    /// The gray level that contrasts with what is seen of a transparent picture.
    contrast: u8,
}

impl Picture {
    /// Takes pixels as a canvas gives them, `[height * width * 4]` bytes: red, green, blue and alpha, row by row, colors not
    /// multiplied by alpha. `None` where there are more or fewer bytes, or a side is shorter than [`MIN_SIDE`] or longer than
    /// [`MAX_SIDE`].
    pub fn from_rgba(width: u32, height: u32, pixels: Vec<u8>) -> Option<Self> {
        let sides = MIN_SIDE..=MAX_SIDE;
        let fits = sides.contains(&width) && sides.contains(&height);
        // A longer buffer would be taken as well.
        let whole = pixels.len() as u64 == 4 * u64::from(width) * u64::from(height);
        let picture = RgbaImage::from_raw(width, height, pixels).filter(|_| fits && whole)?;
        Some(Self::from_image(picture.into()))
    }

    pub(crate) fn from_image(picture: DynamicImage) -> Self {
        let picture = at_full_range(picture);
        if picture.color().has_alpha() {
            let mut picture = picture.into_rgba8();
            if is_unused(&picture) {
                picture.pixels_mut().for_each(|pixel| pixel[3] = 255);
            }
            let contrast = if foreground_is_light(&picture) { 0 } else { 255 };
            return Self { pixels: Pixels::Transparent(picture), contrast };
        }
        let pixels = match picture.color().has_color() {
            true => Pixels::Color(picture.into_rgb8()),
            false => Pixels::Gray(picture.into_luma8()),
        };
        Self { pixels, contrast: 255 }
    }

    /// The digits in the picture, line by line, each line from left to right; empty where none is found.
    pub fn digits(&self) -> Vec<Digit> {
        find::digits(&Original::new(&self.pixels, self.contrast))
    }

    /// The picture as it is, gray, scaled to fit; the digit must be light already, and what is transparent is dark. A picture of
    /// 28x28 keeps its values.
    pub fn raw(&self) -> NetworkImage {
        if let Pixels::Gray(picture) = &self.pixels {
            return NetworkImage::fit(picture);
        }
        let on_black = Original::new(&self.pixels, 0);
        let (width, height) = on_black.dimensions();
        // Row by row: another colored picture would be as large as the first.
        let row = |y| RgbImage::from_fn(width, 1, |x, _| on_black.get_pixel(x, y));
        let gray = (0..height).flat_map(|y| DynamicImage::from(row(y)).to_luma8().into_raw());
        let gray = GrayImage::from_raw(width, height, gray.collect()).expect("a byte for each pixel");
        NetworkImage::fit(&gray)
    }
}

/// Numbers of 16 bits that all fit into 8, 10 or 12 bits as those of so many: scanners and cameras store them so, and of the upper 8
/// bits nothing could be seen.
fn at_full_range(picture: DynamicImage) -> DynamicImage {
    match picture {
        DynamicImage::ImageLuma16(picture) if let Some(most) = narrow_range(&picture) => {
            let value = |x, y| scaled(picture.get_pixel(x, y)[0], most);
            GrayImage::from_fn(picture.width(), picture.height(), |x, y| Luma([value(x, y)])).into()
        }
        DynamicImage::ImageRgb16(picture) if let Some(most) = narrow_range(&picture) => {
            let value = |x, y| picture.get_pixel(x, y).0.map(|value| scaled(value, most));
            RgbImage::from_fn(picture.width(), picture.height(), |x, y| Rgb(value(x, y))).into()
        }
        other => other,
    }
}

/// The largest number of the fewest bits that all values fit into, where those are 12 or fewer.
fn narrow_range(values: &[u16]) -> Option<u16> {
    let largest = values.iter().copied().max()?;
    [0xff, 0x3ff, 0xfff].into_iter().find(|most| largest <= *most)
}

fn scaled(value: u16, most: u16) -> u8 {
    ((u32::from(value) * 255 + u32::from(most) / 2) / u32::from(most)) as u8
}

/// `true` if an alpha channel is zero everywhere although there are colors: programs that write four bytes a pixel and mean three leave
/// it so, above all in BMP files.
fn is_unused(picture: &RgbaImage) -> bool {
    let mut pixels = picture.pixels();
    let Some(first) = pixels.next() else { return false };
    first[3] == 0 && picture.pixels().all(|pixel| pixel[3] == 0) && pixels.any(|pixel| pixel != first)
}

/// `true` if what can be seen of a transparent picture is light. White strokes on nothing are as common as black ones.
fn foreground_is_light(picture: &RgbaImage) -> bool {
    let (mut light, mut weight) = (0u64, 0u64);
    for Rgba([red, green, blue, alpha]) in picture.pixels() {
        let value = u64::from(*red) + u64::from(*green) + u64::from(*blue);
        light += value * u64::from(*alpha);
        weight += u64::from(*alpha);
    }
    2 * light > 3 * 255 * weight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_is_the_luma_of_colors() {
        let colors = RgbImage::from_fn(28, 28, |x, y| Rgb([(x * 9) as u8, (y * 9) as u8, (x * y) as u8]));
        let expected = DynamicImage::from(colors.clone()).to_luma8();
        assert_eq!(Picture::from_image(colors.into()).raw().pixels(), expected.as_raw());
    }

    #[test]
    fn opaque_pixels_are_those_of_a_picture_without_transparency() {
        let colors = RgbImage::from_fn(64, 48, |x, y| match x.abs_diff(30) < 5 && y.abs_diff(24) < 15 {
            true => Rgb([(x * 3) as u8, y as u8, 40]),
            false => Rgb([220, 210, 190 + (x + y) as u8 % 5]),
        });
        let opaque = DynamicImage::from(colors.clone()).to_rgba8();
        let [one, other] = [colors.into(), opaque.into()].map(|picture| {
            let picture = Picture::from_image(picture);
            (picture.raw(), picture.digits())
        });
        assert_eq!(one.0, other.0);
        assert_eq!((one.1.len(), other.1.len()), (1, 1));
        assert_eq!((&one.1[0].image, one.1[0].region), (&other.1[0].image, other.1[0].region));
    }
}
