//! Pictures, upright, and what transparency means in them.

use image::{DynamicImage, Rgb, RgbImage, Rgba, RgbaImage};

use crate::{Digit, NetworkImage, NoDigit, find};

/// The smallest height or width of a picture, in pixels.
pub const MIN_SIDE: u32 = 8;
/// The largest height or width of a picture, in pixels.
pub const MAX_SIDE: u32 = 16_384;

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
        Some(Self::from_image(&picture.into()))
    }

    pub(crate) fn from_image(picture: &DynamicImage) -> Self {
        let opaque = |picture: &DynamicImage| Self { on_black: picture.to_rgb8(), on_contrast: None };
        if !picture.color().has_alpha() {
            return opaque(picture);
        }
        let whole = picture;
        let picture = picture.to_rgba8();
        if picture.pixels().all(|pixel| pixel[3] == 255) {
            return opaque(whole);
        }
        let on_contrast = over(&picture, if foreground_is_light(&picture) { 0 } else { 255 });
        Self { on_black: over(&picture, 0), on_contrast: Some(on_contrast) }
    }

    /// The digits in the picture, line by line, each line from left to right; empty where none is found.
    pub fn digits(&self) -> Vec<Digit> {
        find::digits(self.on_contrast.as_ref().unwrap_or(&self.on_black))
    }

    /// The digit in the picture, as MNIST would show it.
    ///
    /// # Errors
    /// [`NoDigit`] where there is none, or more than one.
    pub fn digit(&self) -> Result<Digit, NoDigit> {
        let mut digits = self.digits();
        match (digits.pop(), digits.len()) {
            (None, _) => Err(NoDigit::Nothing),
            (Some(digit), 0) => Ok(digit),
            (Some(_), others) => Err(NoDigit::Several { count: others + 1 }),
        }
    }

    /// The picture as it is, gray, scaled to fit; the digit must be light already. A picture of 28x28 keeps its values.
    pub fn raw(&self) -> NetworkImage {
        NetworkImage::fit(&DynamicImage::ImageRgb8(self.on_black.clone()).to_luma8())
    }
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
