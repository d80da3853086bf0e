//! Picture files, decoded within limits.

use std::io::{Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};

use image::error::{LimitError, LimitErrorKind};
use image::{DynamicImage, GrayImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, Luma};

use crate::kind::{self, UnreadKind};
use crate::whole::{self, JpegEnd};
use crate::{MAX_SIDE, MIN_SIDE, NetworkImage, Picture, SIDE};

/// The longest file that is read.
pub const MAX_FILE_BYTES: u64 = 64 << 20;
/// The most memory that decoding may take, in bytes, whatever a file's header promises.
pub const MAX_MEMORY: u64 = 512 << 20;

/// What some programs put before a text, and a few before a picture.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

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
    /// The file is of another kind, which its first bytes tell.
    #[error("{path}: expected a PNG, JPEG, WebP or BMP file, found {kind}")]
    Unread {
        /// The file.
        path: PathBuf,
        /// The kind, and what to do about it.
        kind: UnreadKind,
    },
    /// The file ends before the picture does.
    #[error(
        "{path}: truncated: the file ends before the picture does (it was not copied or downloaded whole)"
    )]
    Truncated {
        /// The file.
        path: PathBuf,
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
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        let picture = decoded(bytes, name, memory)?;
        let (width, height) = (picture.width(), picture.height());
        if width < MIN_SIDE || height < MIN_SIDE {
            return Err(Error::TooSmall { path: name.into(), width, height });
        }
        Ok(Self::from_image(picture))
    }

    /// `true` if a file that begins so is of a kind that is read; whether it is whole and right shows in reading it.
    pub fn is_read_kind(beginning: &[u8]) -> bool {
        format(beginning.strip_prefix(BYTE_ORDER_MARK).unwrap_or(beginning)).is_some()
    }

    /// The memory that the decoded picture takes, in bytes, as the file's head promises; `None` where no picture can be decoded.
    pub fn decoded_bytes(bytes: &[u8]) -> Option<u64> {
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        Some(decoder(bytes, format(bytes)?, u64::MAX).ok()?.total_bytes())
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

/// The format of a file, where it is one that is read.
fn format(bytes: &[u8]) -> Option<ImageFormat> {
    const READ: [ImageFormat; 4] = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Bmp];
    image::guess_format(bytes).ok().filter(|format| READ.contains(format))
}

/// Decodes a picture of which nothing is missing.
fn decoded(bytes: &[u8], name: &Path, memory: u64) -> Result<DynamicImage, Error> {
    let path = || name.to_path_buf();
    let Some(format) = format(bytes) else {
        return Err(match UnreadKind::of(bytes) {
            Some(kind) => Error::Unread { path: path(), kind },
            None => {
                let found = if bytes.is_empty() { "an empty one" } else { "other data" };
                Error::Format { path: path(), found }
            }
        });
    };
    let broken = |source| Error::Decode { path: path(), source };
    let outcome = match format {
        ImageFormat::Jpeg => jpeg(bytes, memory),
        ImageFormat::Png => upright(&whole::with_last_chunk(bytes), format, memory),
        _ => upright(bytes, format, memory),
    };
    match outcome {
        Ok(picture) => Ok(picture),
        Err(error) if is_beyond_limits(&error) => Err(broken(error)),
        Err(_)
            if format == ImageFormat::Png
                && let Some(kind) = kind::unread_png(bytes) =>
        {
            Err(Error::Unread { path: path(), kind })
        }
        Err(error) if is_end(&error) || !whole::reaches_its_end(bytes, format) => {
            Err(Error::Truncated { path: path() })
        }
        Err(error) => Err(broken(error)),
    }
}

/// Decodes a JPEG file. The decoder fills what is missing with gray and does not say so.
fn jpeg(bytes: &[u8], memory: u64) -> Result<DynamicImage, ImageError> {
    let picture = |bytes: &[u8]| upright(bytes, ImageFormat::Jpeg, memory);
    match whole::jpeg_end(bytes) {
        JpegEnd::Marked => picture(bytes),
        JpegEnd::Torn => Err(ImageError::IoError(ErrorKind::UnexpectedEof.into())),
        JpegEnd::Open => {
            let [one, other] = whole::ended(bytes);
            let (one, other) = (picture(&one)?, picture(&other)?);
            if one == other { Ok(one) } else { Err(ImageError::IoError(ErrorKind::UnexpectedEof.into())) }
        }
    }
}

fn is_end(error: &ImageError) -> bool {
    matches!(error, ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof)
}

fn is_beyond_limits(error: &ImageError) -> bool {
    matches!(error, ImageError::Limits(_))
}

/// Decodes within the limits, and turns a photo as the camera was held.
fn upright(bytes: &[u8], format: ImageFormat, memory: u64) -> Result<DynamicImage, ImageError> {
    let mut decoder = decoder(bytes, format, memory)?;
    if decoder.total_bytes() > memory {
        return Err(ImageError::Limits(LimitError::from_kind(LimitErrorKind::InsufficientMemory)));
    }
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

fn decoder(bytes: &[u8], format: ImageFormat, memory: u64) -> Result<impl ImageDecoder, ImageError> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(memory);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    reader.into_decoder()
}
