//! Picture files, decoded within limits.

use std::io::{BufReader, Cursor, Read};
use std::path::Path;

use image::error::{LimitError, LimitErrorKind};
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, Rgb, RgbImage, Rgba, RgbaImage};

use crate::{Digit, Error, NetworkImage, digit};

/// The smallest height or width of a picture, in pixels.
pub const MIN_SIDE: u32 = 8;
/// The largest height or width of a picture, in pixels.
pub const MAX_SIDE: u32 = 16_384;
/// The longest file that is read.
pub const MAX_FILE_BYTES: u64 = 64 << 20;
/// The most memory that decoding may take, in bytes, whatever a file's header promises.
pub const MAX_MEMORY: u64 = 512 << 20;

/// A decoded picture, upright, without transparency.
#[derive(Clone, Debug)]
pub struct Picture {
    /// As stored, for [`raw`](Self::raw): what is transparent is dark.
    on_black: RgbImage,
    /// What is transparent contrasts with what is not.
    on_contrast: Option<RgbImage>,
}

impl Picture {
    /// Reads a PNG, JPEG, WebP or BMP file, whatever its name ends in.
    ///
    /// # Errors
    /// Every variant of [`Error`], with the file's path.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let unreadable = |source| Error::Unreadable { path: path.into(), source };
        Self::read_from(std::fs::File::open(path).map_err(unreadable)?, path)
    }

    /// Reads a picture from a stream; `name` names it in errors.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_from(stream: impl Read, name: &Path) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        let outcome = stream.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes);
        outcome.map_err(|source| Error::Unreadable { path: name.into(), source })?;
        Self::decode(&bytes, name)
    }

    /// Decodes the bytes of a file; `name` names it in errors.
    ///
    /// # Errors
    /// Every variant of [`Error`] but [`Error::Unreadable`].
    pub fn decode(bytes: &[u8], name: &Path) -> Result<Self, Error> {
        Self::decode_within(bytes, name, MAX_MEMORY)
    }

    /// As [`decode`](Self::decode), with less memory for the decoded picture, in bytes: for files of strangers.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_within(bytes: &[u8], name: &Path, memory: u64) -> Result<Self, Error> {
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(Error::TooLong { path: name.into() });
        }
        let reader = ImageReader::new(BufReader::new(Cursor::new(bytes)));
        let reader =
            reader.with_guessed_format().map_err(|source| Error::Unreadable { path: name.into(), source })?;
        if reader.format().is_none() {
            let found = if bytes.is_empty() { "an empty one" } else { "other data" };
            return Err(Error::Format { path: name.into(), found });
        }
        let picture =
            upright(reader, memory).map_err(|source| Error::Decode { path: name.into(), source })?;
        let (width, height) = (picture.width(), picture.height());
        if width < MIN_SIDE || height < MIN_SIDE {
            return Err(Error::TooSmall { path: name.into(), width, height });
        }
        Ok(Self::from_image(&picture))
    }

    fn from_image(picture: &DynamicImage) -> Self {
        if !picture.color().has_alpha() {
            return Self { on_black: picture.to_rgb8(), on_contrast: None };
        }
        let picture = picture.to_rgba8();
        let on_contrast = over(&picture, if ink_is_light(&picture) { 0 } else { 255 });
        Self { on_black: over(&picture, 0), on_contrast: Some(on_contrast) }
    }

    /// The digit in the picture, as MNIST would show it.
    pub fn digit(&self) -> Digit {
        digit::find(self.on_contrast.as_ref().unwrap_or(&self.on_black))
    }

    /// The picture as it is, grey, scaled to fit; light must be ink already. A picture of 28x28 keeps its values.
    pub fn raw(&self) -> NetworkImage {
        NetworkImage::fit(&DynamicImage::ImageRgb8(self.on_black.clone()).to_luma8())
    }
}

/// Decodes within the limits, and turns a photo as the camera was held.
fn upright(
    mut reader: ImageReader<BufReader<Cursor<&[u8]>>>,
    memory: u64,
) -> Result<DynamicImage, ImageError> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(memory);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    if decoder.total_bytes() > memory {
        return Err(ImageError::Limits(LimitError::from_kind(LimitErrorKind::InsufficientMemory)));
    }
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// Whether what can be seen of a transparent picture is light. White strokes on nothing are as common as black ones.
fn ink_is_light(picture: &RgbaImage) -> bool {
    let (mut light, mut weight) = (0u64, 0u64);
    for Rgba([red, green, blue, alpha]) in picture.pixels() {
        let value = u64::from(*red) + u64::from(*green) + u64::from(*blue);
        light += value * u64::from(*alpha);
        weight += u64::from(*alpha);
    }
    2 * light > 3 * 255 * weight
}

/// The picture over a grey ground.
fn over(picture: &RgbaImage, ground: u8) -> RgbImage {
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let Rgba([red, green, blue, alpha]) = *picture.get_pixel(x, y);
        let alpha = u16::from(alpha);
        Rgb([red, green, blue]
            .map(|value| ((u16::from(value) * alpha + u16::from(ground) * (255 - alpha) + 127) / 255) as u8))
    })
}
