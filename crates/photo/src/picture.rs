//! Pictures, upright, and what transparency means in them.

use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};

use crate::view::{MAX_SIDE, MIN_SIDE};
use crate::{Digit, NetworkImage, find};

/// A decoded picture, upright, without transparency.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The picture as stored, for [`raw`](Self::raw): what is transparent is dark.
    on_black: RgbImage,
    /// The picture on a background that contrasts with it, where it has transparent pixels.
    on_contrast: Option<RgbImage>,
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
        let opaque = |picture: DynamicImage| Self { on_black: picture.into_rgb8(), on_contrast: None };
        let picture = at_full_range(picture);
        if !picture.color().has_alpha() {
            return opaque(picture);
        }
        let picture = picture.into_rgba8();
        if picture.pixels().all(|pixel| pixel[3] == 255) || is_unused(&picture) {
            return opaque(picture.into());
        }
        let on_contrast = over(&picture, if foreground_is_light(&picture) { 0 } else { 255 });
        Self { on_black: over(&picture, 0), on_contrast: Some(on_contrast) }
    }

    /// The digits in the picture, line by line, each line from left to right; empty where none is found.
    pub fn digits(&self) -> Vec<Digit> {
        find::digits(self.on_contrast.as_ref().unwrap_or(&self.on_black))
    }

    /// The picture as it is, gray, scaled to fit; the digit must be light already. A picture of 28x28 keeps its values.
    pub fn raw(&self) -> NetworkImage {
        NetworkImage::fit(&DynamicImage::ImageRgb8(self.on_black.clone()).to_luma8())
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

/// The picture over a gray background.
fn over(picture: &RgbaImage, background: u8) -> RgbImage {
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let Rgba([red, green, blue, alpha]) = *picture.get_pixel(x, y);
        let alpha = u16::from(alpha);
        Rgb([red, green, blue].map(|value| {
            ((u16::from(value) * alpha + u16::from(background) * (255 - alpha) + 127) / 255) as u8
        }))
    })
}
