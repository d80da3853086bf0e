//! From a picture file to the 28x28 bytes that the network reads: 0 is the dark ground, 255 the light digit.
#![forbid(unsafe_code)]

use std::io::{BufReader, Cursor};
use std::path::{Path, PathBuf};

use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, ImageReader, Limits, Luma, Rgba};

/// Height and width of what the network reads, in pixels.
pub const SIDE: u32 = 28;
/// The largest height or width of a picture, in pixels.
pub const MAX_SIDE: u32 = 16_384;
/// The most memory that decoding may take, in bytes, whatever a file's header promises.
const MAX_BYTES: u64 = 512 << 20;

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
    /// The file's first bytes are those of no known format.
    #[error("{path}: expected a PNG or JPEG file, found other data")]
    Format {
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
    /// The picture is smaller than what the network reads.
    #[error("{path}: expected at least {SIDE}x{SIDE} pixels, found {width}x{height}")]
    TooSmall {
        /// The file.
        path: PathBuf,
        /// Pixels from left to right.
        width: u32,
        /// Pixels from top to bottom.
        height: u32,
    },
}

/// Reads a PNG or JPEG file of a light digit on dark ground. Colours become grey, transparent places dark; a picture of
/// another size is scaled to fit, centred, on dark ground. A grey picture of 28x28 comes out as it is.
///
/// # Errors
/// Every variant of [`Error`], with the file's path.
pub fn read(path: &Path) -> Result<GrayImage, Error> {
    let unreadable = |source| Error::Unreadable { path: path.into(), source };
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let mut reader = ImageReader::new(BufReader::new(Cursor::new(bytes)));
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    let reader = reader.with_guessed_format().map_err(unreadable)?;
    if reader.format().is_none() {
        return Err(Error::Format { path: path.into() });
    }
    let picture = reader.decode().map_err(|source| Error::Decode { path: path.into(), source })?;
    let (width, height) = (picture.width(), picture.height());
    if width < SIDE || height < SIDE {
        return Err(Error::TooSmall { path: path.into(), width, height });
    }
    Ok(fit(&grey(&picture)))
}

/// Grey values over dark ground.
fn grey(picture: &DynamicImage) -> GrayImage {
    if !picture.color().has_alpha() {
        return picture.to_luma8();
    }
    let mut picture = picture.to_rgba8();
    for Rgba([red, green, blue, alpha]) in picture.pixels_mut() {
        for channel in [red, green, blue] {
            *channel = (u16::from(*channel) * u16::from(*alpha) / 255) as u8;
        }
    }
    DynamicImage::ImageRgba8(picture).to_luma8()
}

/// Scales to 28 pixels on the longer side and centres on dark ground.
fn fit(grey: &GrayImage) -> GrayImage {
    let (width, height) = grey.dimensions();
    if (width, height) == (SIDE, SIDE) {
        return grey.clone();
    }
    let longer = f64::from(width.max(height));
    let scaled = |side: u32| ((f64::from(side) * f64::from(SIDE) / longer).round() as u32).max(1);
    // The triangle filter averages over all pixels that fall on one, so thin strokes of large pictures stay.
    let small = imageops::resize(grey, scaled(width), scaled(height), FilterType::Triangle);
    let mut canvas = GrayImage::from_pixel(SIDE, SIDE, Luma([0]));
    let (left, top) = ((SIDE - small.width()) / 2, (SIDE - small.height()) / 2);
    imageops::replace(&mut canvas, &small, left.into(), top.into());
    canvas
}

#[cfg(test)]
mod tests {
    use image::{ImageFormat, RgbaImage};

    use super::*;

    fn in_folder(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.into().write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_grey_picture_of_the_right_size_comes_out_as_it_is() {
        let original = GrayImage::from_fn(SIDE, SIDE, |x, y| Luma([(x * 7 + y * 3) as u8]));
        let (_folder, path) = in_folder("digit.png", &encoded(original.clone(), ImageFormat::Png));
        assert_eq!(read(&path).unwrap(), original);
    }

    #[test]
    fn a_large_picture_keeps_its_shape_and_is_centred() {
        // A tall white bar fills the height; the sides stay dark.
        let bar = GrayImage::from_pixel(100, 280, Luma([255]));
        let (_folder, path) = in_folder("bar.jpg", &encoded(bar, ImageFormat::Jpeg));
        let small = read(&path).unwrap();
        let lit: Vec<u32> = (0..SIDE).filter(|&x| small.get_pixel(x, 14)[0] > 200).collect();
        assert_eq!(lit, (9..19).collect::<Vec<_>>());
        assert!(small.get_pixel(14, 0)[0] > 200 && small.get_pixel(14, 27)[0] > 200);
    }

    #[test]
    fn transparent_places_are_dark() {
        let clear = RgbaImage::from_pixel(SIDE, SIDE, Rgba([255, 255, 255, 0]));
        let (_folder, path) = in_folder("clear.png", &encoded(clear, ImageFormat::Png));
        assert!(read(&path).unwrap().pixels().all(|pixel| pixel[0] == 0));
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let (_folder, path) = in_folder("x.png", b"no picture at all");
        assert!(matches!(read(&path), Err(Error::Format { .. })));
        let small = encoded(GrayImage::new(27, 40), ImageFormat::Png);
        let (_folder, path) = in_folder("small.png", &small);
        assert!(matches!(read(&path), Err(Error::TooSmall { width: 27, height: 40, .. })));
        let (_folder, path) = in_folder("cut.png", &small[..small.len() / 2]);
        assert!(matches!(read(&path), Err(Error::Decode { .. })));
        assert!(matches!(read(Path::new("nowhere.png")), Err(Error::Unreadable { .. })));
    }

    #[test]
    fn a_header_cannot_ask_for_unbounded_memory() {
        let mut bytes = encoded(GrayImage::new(28, 28), ImageFormat::Png);
        // Width and height stand behind the signature and the head of the first chunk; the checksum follows the chunk.
        bytes[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
        let (_folder, path) = in_folder("huge.png", &bytes);
        assert!(matches!(read(&path), Err(Error::Decode { .. })));
    }
}
