//! The memory that reading a picture takes, told from the head of its file.
//!
//! The limits of `image` do not tell it: they count what some decoders allocate for themselves, and not the coefficients of a JPEG
//! file in scans, the frames of a WebP file, or what becomes of the pixels afterwards.

use image::{ColorType, ImageFormat};

use crate::whole::{self, JpegEnd};

/// What the texts and color profiles of a PNG file may take, unpacked.
pub(crate) const METADATA: u64 = 16 << 20;
/// What looking through a picture takes beside its pixels at the most, and a program before it reads one.
const LOOKING: u64 = 96 << 20;

/// What is to be decoded.
pub(crate) struct Head {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Of the decoder's output.
    pub(crate) color: ColorType,
    /// `true` if the picture lies on its side and is turned after it was decoded.
    pub(crate) is_turned: bool,
}

impl Head {
    /// The bytes that all buffers take which are alive at the worst moment.
    pub(crate) fn peak(&self, bytes: &[u8], format: ImageFormat) -> u64 {
        let (file, pixels) = (bytes.len() as u64, u64::from(self.width) * u64::from(self.height));
        let output = pixels * u64::from(self.color.bytes_per_pixel());
        let mut decoding = output + decoder(bytes, format, pixels);
        if self.is_turned {
            decoding = decoding.max(2 * output);
        }
        let mut files = file;
        if format == ImageFormat::Jpeg && whole::jpeg_end(bytes) == JpegEnd::Open {
            // It is decoded twice, with two ends, and compared.
            decoding += output;
            files += 2 * file;
        }
        let kept = pixels * self.kept_bytes();
        let converting = if self.is_kept_as_decoded() { output } else { output + kept };
        // The gray of a colored picture, where it is taken as it is.
        let looking = kept + pixels;
        files + decoding.max(converting).max(looking) + LOOKING
    }

    /// The bytes of a pixel when the picture is looked through.
    fn kept_bytes(&self) -> u64 {
        match (self.color.has_alpha(), self.color.has_color()) {
            (true, _) => 4,
            (false, true) => 3,
            (false, false) => 1,
        }
    }

    fn is_kept_as_decoded(&self) -> bool {
        u64::from(self.color.bytes_per_pixel()) == self.kept_bytes()
    }
}

/// What a decoder holds beside its output.
fn decoder(bytes: &[u8], format: ImageFormat, pixels: u64) -> u64 {
    let file = bytes.len() as u64;
    match format {
        ImageFormat::Png => file + METADATA,
        // The file once more, its metadata, and the coefficients of two bytes.
        ImageFormat::Jpeg => 2 * file + 2 * whole::jpeg_coefficients(bytes),
        ImageFormat::WebP => 2 * file + webp_frames(bytes) * pixels / 2,
        _ => 0,
    }
}

/// The bytes of two pixels in the frames that a decoder of WebP holds beside its output.
fn webp_frames(bytes: &[u8]) -> u64 {
    // Brightness of all pixels, and two colors of every fourth, in whole blocks.
    const LOSSY: u64 = 4;
    // Four bytes a pixel where the output has three, and transforms of blocks of 4x4.
    const LOSSLESS: u64 = 10;
    // The transparency of a lossy picture is a lossless one, of which one byte a pixel stays.
    const ALPHA: u64 = LOSSLESS + 2;
    // A frame and the canvas that it is drawn on.
    const ANIMATED: u64 = LOSSY + ALPHA + 8;
    match bytes.get(12..16) {
        Some(b"VP8 ") => LOSSY,
        Some(b"VP8L") => LOSSLESS,
        // Bit 1 of the flags tells of frames, bit 4 of transparency.
        _ => match bytes.get(20).copied().unwrap_or_default() {
            flags if flags & 2 != 0 => ANIMATED,
            flags if flags & 16 != 0 => LOSSY + ALPHA,
            _ => LOSSLESS,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In bytes a pixel, of 100 million pixels in a PNG file, beside what looking through them takes.
    fn peak(color: ColorType, is_turned: bool) -> u64 {
        let head = Head { width: 10_000, height: 10_000, color, is_turned };
        (head.peak(b"\x89PNG\r\n\x1a\n", ImageFormat::Png) - LOOKING) / 100_000_000
    }

    #[test]
    fn all_buffers_that_are_alive_at_once_are_counted() {
        assert_eq!(peak(ColorType::L8, false), 2, "it is kept as it was decoded, and its gray beside it");
        assert_eq!(peak(ColorType::Rgb8, false), 4);
        assert_eq!(peak(ColorType::Rgb8, true), 6, "turned into another buffer");
        assert_eq!(peak(ColorType::Rgba16, false), 12, "eight bytes, and the four that are kept");
    }
}
