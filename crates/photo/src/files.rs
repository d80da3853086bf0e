//! Picture files, decoded within limits.

use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use image::error::{LimitError, LimitErrorKind};
use image::{DynamicImage, GrayImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, Luma};

use crate::{MAX_SIDE, MIN_SIDE, NetworkImage, Picture, SIDE};

/// The longest file that is read.
pub const MAX_FILE_BYTES: u64 = 64 << 20;
/// The most memory that decoding may take, in bytes, whatever a file's header promises.
pub const MAX_MEMORY: u64 = 512 << 20;

/// A picture that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be opened or read.
    #[error("{path}: cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is longer than any that is read.
    #[error("{path}: expected at most {} MB, found more", MAX_FILE_BYTES >> 20)]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// The file's first bytes are those of no known format.
    #[error("{path}: expected a PNG, JPEG, WebP or BMP file, found {found}")]
    Format {
        /// The file.
        path: PathBuf,
        /// The kind of data that the file holds instead.
        found: &'static str,
    },
    /// The picture is broken, or larger than the limits.
    #[error("{path}: cannot be decoded: {source}")]
    Decode {
        /// The file.
        path: PathBuf,
        /// The decoder's reason.
        source: image::ImageError,
    },
    /// The picture has too few pixels to hold a digit.
    #[error("{path}: expected at least {MIN_SIDE}x{MIN_SIDE} pixels, found {width}x{height}")]
    TooSmall {
        /// The file.
        path: PathBuf,
        /// Pixels from left to right.
        width: u32,
        /// Pixels from top to bottom.
        height: u32,
    },
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
    /// Every variant of [`Error`].
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

    /// Decodes as [`decode`](Self::decode) does, with less memory for the decoded picture, in bytes: for files of strangers.
    ///
    /// # Errors
    /// Every variant of [`Error`] but [`Error::Unreadable`].
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
}

impl NetworkImage {
    /// Writes images one below the other into a PNG file, 28 pixels wide.
    ///
    /// # Errors
    /// An error of the encoder where there are none, or more than a PNG file can hold.
    pub fn to_png(images: &[Self]) -> Result<Vec<u8>, ImageError> {
        let pixels: Vec<u8> = images.iter().flat_map(|image| image.pixels()).copied().collect();
        let height = (pixels.len() / SIDE as usize) as u32;
        let sheet =
            GrayImage::from_fn(SIDE, height, |x, y| Luma([pixels[y as usize * SIDE as usize + x as usize]]));
        let mut file = Cursor::new(Vec::new());
        sheet.write_to(&mut file, ImageFormat::Png)?;
        Ok(file.into_inner())
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
