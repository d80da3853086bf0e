//! Picture files, decoded within limits.

use std::io::{Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, Luma};

use crate::kind::{self, UnreadKind};
use crate::memory::{Head, METADATA};
use crate::whole::{self, JpegEnd};
use crate::{MAX_SIDE, MIN_SIDE, NetworkImage, Picture, SIDE};

/// The longest file that is read.
pub const MAX_FILE_BYTES: u64 = 64 << 20;
/// The most memory that reading a picture may take, in bytes, with all copies that are alive at once.
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
    /// The picture is broken, or of a form of its format that is not read.
    #[error(
        "{path}: expected {} {format} file, found one of which the decoder says: {}",
        expected(source),
        reason(source)
    )]
    Decode {
        /// The file.
        path: PathBuf,
        /// The format, which the file's first bytes tell.
        format: &'static str,
        /// The decoder's reason.
        source: image::ImageError,
    },
    /// A side of the picture is too long.
    #[error("{path}: expected sides of at most {MAX_SIDE} pixels, found {width}x{height}")]
    TooWide {
        /// The file.
        path: PathBuf,
        /// Pixels from left to right, as they are stored.
        width: u32,
        /// Pixels from top to bottom.
        height: u32,
    },
    /// Reading the picture takes more memory than it may.
    #[error(
        "{path}: expected a picture that can be read within {} MiB of memory, found {width}x{height} pixels, which take {} MiB",
        limit >> 20,
        needed.div_ceil(1 << 20)
    )]
    TooMuchMemory {
        /// The file.
        path: PathBuf,
        /// Pixels from left to right, as they are stored.
        width: u32,
        /// Pixels from top to bottom.
        height: u32,
        /// The bytes that reading it takes.
        needed: u64,
        /// The bytes that it may take.
        limit: u64,
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

    /// Decodes as [`decode`](Self::decode) does, within so many bytes of memory, with all copies that are alive at once: for files of
    /// strangers.
    ///
    /// # Errors
    /// Every variant of [`Error`] but [`Error::Unreadable`].
    pub fn decode_within(bytes: &[u8], name: &Path, memory: u64) -> Result<Self, Error> {
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(Error::TooLong { path: name.into() });
        }
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        Ok(Self::from_image(decoded(bytes, name, memory)?))
    }

    /// `true` if a file that begins so is of a kind that is read; whether it is whole and right shows in reading it.
    pub fn is_read_kind(beginning: &[u8]) -> bool {
        format(beginning.strip_prefix(BYTE_ORDER_MARK).unwrap_or(beginning)).is_some()
    }

    /// The memory that [`decode`](Self::decode) and looking through the picture take at their worst moment, in bytes, as the file's
    /// head promises; `None` where no picture can be decoded.
    pub fn decoding_memory(bytes: &[u8]) -> Option<u64> {
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        let format = format(bytes)?;
        let (head, ..) = head(&mut decoder(bytes, format).ok()?).ok()?;
        Some(head.peak(bytes, format))
    }

    /// The pixels of a picture by its head alone; `None` where it is none.
    pub fn stored_pixels(bytes: &[u8]) -> Option<u64> {
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        let (head, ..) = head(&mut decoder(bytes, format(bytes)?).ok()?).ok()?;
        Some(u64::from(head.width) * u64::from(head.height))
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
    let outcome = match format {
        ImageFormat::Jpeg => jpeg(bytes, memory),
        ImageFormat::Png => upright(&whole::with_last_chunk(bytes), format, memory),
        _ => upright(bytes, format, memory),
    };
    let error = match outcome {
        Ok(picture) => return Ok(picture),
        Err(Refusal::Sides(width, height)) if width.max(height) > MAX_SIDE => {
            return Err(Error::TooWide { path: path(), width, height });
        }
        Err(Refusal::Sides(width, height)) => return Err(Error::TooSmall { path: path(), width, height }),
        Err(Refusal::Memory { head: Head { width, height, .. }, needed }) => {
            return Err(Error::TooMuchMemory { path: path(), width, height, needed, limit: memory });
        }
        Err(Refusal::Decoder(error)) => error,
    };
    let unread = if format == ImageFormat::Png { kind::unread_png(bytes) } else { None };
    let is_limit = matches!(error, ImageError::Limits(_));
    Err(match unread {
        Some(kind) if !is_limit => Error::Unread { path: path(), kind },
        None if !is_limit && (is_end(&error) || !whole::reaches_its_end(bytes, format)) => {
            Error::Truncated { path: path() }
        }
        _ => Error::Decode { path: path(), format: name_of(format), source: error },
    })
}

/// Why a picture is not decoded.
enum Refusal {
    /// By the decoder.
    Decoder(ImageError),
    /// For its width and height.
    Sides(u32, u32),
    /// For the bytes that it takes.
    Memory { head: Head, needed: u64 },
}

impl From<ImageError> for Refusal {
    fn from(error: ImageError) -> Self {
        Self::Decoder(error)
    }
}

/// Decodes a JPEG file. The decoder fills what is missing with gray and does not say so.
fn jpeg(bytes: &[u8], memory: u64) -> Result<DynamicImage, Refusal> {
    let picture = |bytes: &[u8], memory: u64| upright(bytes, ImageFormat::Jpeg, memory);
    match whole::jpeg_end(bytes) {
        JpegEnd::Marked => picture(bytes, memory),
        JpegEnd::Torn => Err(missing_end()),
        JpegEnd::Open => {
            // What both take together is asked of the file as it is.
            check(bytes, ImageFormat::Jpeg, memory, &mut decoder(bytes, ImageFormat::Jpeg)?)?;
            let [one, other] = whole::ended(bytes);
            let (one, other) = (picture(&one, memory)?, picture(&other, memory)?);
            if one == other { Ok(one) } else { Err(missing_end()) }
        }
    }
}

fn missing_end() -> Refusal {
    Refusal::Decoder(ImageError::IoError(ErrorKind::UnexpectedEof.into()))
}

fn is_end(error: &ImageError) -> bool {
    matches!(error, ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof)
}

/// What is expected of a file of which a decoder says so.
fn expected(error: &ImageError) -> &'static str {
    match error {
        ImageError::Unsupported(_) => "a common form of",
        ImageError::Limits(_) => "texts and profiles of at most 16 MiB in a",
        _ => "an undamaged",
    }
}

/// A decoder's reason in its own words, without those that the library puts before it.
fn reason(error: &ImageError) -> String {
    let inner = std::error::Error::source(error);
    inner.map_or_else(|| error.to_string(), ToString::to_string).trim_end_matches('.').to_owned()
}

fn name_of(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Png => "PNG",
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::WebP => "WebP",
        _ => "BMP",
    }
}

/// Decodes within the limits, and turns a photo as the camera was held.
fn upright(bytes: &[u8], format: ImageFormat, memory: u64) -> Result<DynamicImage, Refusal> {
    let mut decoder = decoder(bytes, format)?;
    let orientation = check(bytes, format, memory, &mut decoder)?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// Whether a picture is within the limits, by its head, and how it was held.
fn check(
    bytes: &[u8],
    format: ImageFormat,
    memory: u64,
    decoder: &mut impl ImageDecoder,
) -> Result<Orientation, Refusal> {
    let (head, orientation) = head(decoder)?;
    let sides = MIN_SIDE..=MAX_SIDE;
    if !(sides.contains(&head.width) && sides.contains(&head.height)) {
        return Err(Refusal::Sides(head.width, head.height));
    }
    let needed = head.peak(bytes, format);
    if needed > memory { Err(Refusal::Memory { head, needed }) } else { Ok(orientation) }
}

fn head(decoder: &mut impl ImageDecoder) -> Result<(Head, Orientation), ImageError> {
    let ((width, height), color) = (decoder.dimensions(), decoder.color_type());
    let orientation = decoder.orientation()?;
    let is_turned = matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    Ok((Head { width, height, color, is_turned }, orientation))
}

fn decoder(bytes: &[u8], format: ImageFormat) -> Result<impl ImageDecoder, ImageError> {
    let mut limits = Limits::default();
    // Sides and pixels are looked at before any is decoded.
    limits.max_alloc = Some(METADATA);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    reader.into_decoder()
}
