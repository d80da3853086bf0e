//! Whether a file is whole. Decoders fill what is missing of a picture with gray, and an answer for that would be a guess.

use std::borrow::Cow;

use image::ImageFormat;

/// The last chunk of every PNG file.
const IEND: &[u8] = b"\0\0\0\0IEND\xae\x42\x60\x82";
/// The mark at the end of every JPEG file.
const END: [u8; 2] = [0xff, 0xd9];
/// So many zeros in a row are never compressed data: a file that ends in them was allocated, and not written to its end.
const UNWRITTEN: usize = 16;
/// Longer than the code of any block, so that the decoder, which reads ahead, meets data that was put there.
const TAIL: usize = 256;

/// Where the marks of a JPEG file lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JpegEnd {
    /// To its end, whatever follows.
    Marked,
    /// Into compressed data that no mark ends: all of it may be there, or not.
    Open,
    /// Into a header that is not whole, or to no picture.
    Torn,
}

/// The precision that the scans so far gave to the coefficients of each component: by its name and, of 64 coefficients, the number of
/// bits that are still missing. A file that ends behind one of several scans has all blocks, but coarse ones.
struct Coverage(Vec<(u8, [u8; 64])>);

/// More bits than any coefficient has: nothing was said of it.
const UNTOLD: u8 = u8::MAX;

impl Coverage {
    /// Takes the components that a frame's head names: precision, height, width, their number, and three bytes for each.
    fn begin(&mut self, head: &[u8]) {
        let components = head.get(6..).unwrap_or_default().chunks_exact(3);
        self.0 = components.map(|component| (component[0], [UNTOLD; 64])).collect();
    }

    /// Takes a scan's head: the number of its components, two bytes for each, the first and the last coefficient, and bits.
    fn scan(&mut self, head: &[u8]) {
        let Some((&[count], rest)) = head.split_first_chunk() else { return };
        let Some((names, &[first, last, bits, ..])) = rest.split_at_checked(2 * usize::from(count)) else {
            return;
        };
        for name in names.chunks_exact(2).map(|name| name[0]) {
            let of_name = self.0.iter_mut().filter(|(component, _)| *component == name);
            for missing in of_name.flat_map(|(_, missing)| missing.get_mut(first.into()..=last.into())) {
                missing.fill(bits & 15);
            }
        }
    }

    fn is_whole(&self) -> bool {
        self.0.iter().all(|(_, missing)| missing.iter().all(|bits| *bits == 0))
    }
}

/// Follows the marks of a JPEG file from its beginning.
pub(crate) fn jpeg_end(bytes: &[u8]) -> JpegEnd {
    let (mut at, mut in_data, mut coverage) = (2, false, Coverage(Vec::new()));
    loop {
        // A mark is a byte 0xff and another that is neither fill nor the zero behind a 0xff of the data.
        let found = bytes.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == 0xff));
        at += found.map_or(0, |found| found + 1);
        let mark = bytes.get(at).filter(|_| found.is_some());
        match mark {
            None if in_data && coverage.is_whole() => return JpegEnd::Open,
            None => return JpegEnd::Torn,
            Some(0xff) => {}
            Some(0xd9) => return JpegEnd::Marked,
            Some(0x00 | 0x01 | 0xd0..=0xd8) => at += 1,
            Some(&mark) => {
                let Some(head) = segment(bytes, at + 1) else { return JpegEnd::Torn };
                match mark {
                    0xda => coverage.scan(head),
                    0xc0..=0xcf if ![0xc4, 0xc8, 0xcc].contains(&mark) => coverage.begin(head),
                    _ => {}
                }
                at += 3 + head.len();
                in_data = mark == 0xda;
            }
        }
    }
}

/// The coefficients of all blocks, in whole groups of blocks, where a JPEG file is decoded at once: in scans of a part of the components
/// or of the bits. A decoder of the usual files, of one scan, holds a row of them.
pub(crate) fn jpeg_coefficients(bytes: &[u8]) -> u64 {
    let (mut at, mut components, mut count) = (2, 0, 0);
    while let Some(&[0xff, mark]) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        if mark == 0xff {
            at += 1;
            continue;
        }
        let Some(head) = segment(bytes, at + 2) else { break };
        match mark {
            0xda if count > 0 => {
                let is_one_scan = head.first().is_some_and(|&scanned| u64::from(scanned) == components);
                return if is_one_scan { 0 } else { count };
            }
            0xc0..=0xcf if ![0xc4, 0xc8, 0xcc].contains(&mark) => {
                (components, count) = frame_coefficients(head);
                if mark == 0xc2 {
                    return count;
                }
            }
            _ => {}
        }
        at += 4 + head.len();
    }
    count
}

/// The number of components that a frame's head names, and of their coefficients: precision, height, width, their number, and three
/// bytes for each, of which the second says into how many blocks of a group it is sampled.
fn frame_coefficients(head: &[u8]) -> (u64, u64) {
    let Some(&[_, h1, h0, w1, w0, _]) = head.first_chunk() else { return (0, 0) };
    let [height, width] = [[h1, h0], [w1, w0]].map(|side| u64::from(u16::from_be_bytes(side)));
    let samples: Vec<[u64; 2]> = head[6..]
        .chunks_exact(3)
        .map(|component| [component[1] >> 4, component[1] & 15].map(|sampled| u64::from(sampled.clamp(1, 4))))
        .collect();
    let most = |axis: usize| samples.iter().map(|sampled| sampled[axis]).max().unwrap_or(1);
    let groups = width.div_ceil(8 * most(0)) * height.div_ceil(8 * most(1));
    let blocks: u64 = samples.iter().map(|[across, down]| across * down).sum();
    (samples.len() as u64, 64 * groups * blocks)
}

/// What stands in a segment behind its length, which counts itself.
fn segment(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let length: &[u8; 2] = bytes.get(at..)?.first_chunk()?;
    bytes.get(at + 2..at + usize::from(u16::from_be_bytes(*length)))
}

/// The file with an end put behind it, in two ways. Of a picture whose data is whole both decode to the same pixels; where something
/// is missing, it is read from what was put there, and they differ.
pub(crate) fn ended(bytes: &[u8]) -> [Vec<u8>; 2] {
    let zeros = bytes.iter().rev().take_while(|byte| **byte == 0).count();
    let written = if zeros >= UNWRITTEN { &bytes[..bytes.len() - zeros] } else { bytes };
    // A 0xff at the end would make a mark of what follows.
    let written = written.strip_suffix(&[0xff]).unwrap_or(written);
    [0x00, 0x55].map(|filler| [written, &[filler; TAIL], &END].concat())
}

/// Whether a file reaches the end that its marks or its head promise. Where it does, a decoder's complaint is of something else.
pub(crate) fn reaches_its_end(bytes: &[u8], format: ImageFormat) -> bool {
    match format {
        ImageFormat::Jpeg => jpeg_end(bytes) == JpegEnd::Marked,
        ImageFormat::Png => bytes.windows(4).any(|word| word == b"IEND"),
        ImageFormat::WebP => {
            length_at(bytes, 4).is_some_and(|length| bytes.len() as u64 >= u64::from(length) + 8)
        }
        _ => true,
    }
}

/// A length of four bytes, the least first.
fn length_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|length| u32::from_le_bytes(*length))
}

/// A PNG file with its last chunk, where that is all that it lacks, whole or in part.
pub(crate) fn with_last_chunk(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut at = 8;
    while let Some(head) = bytes.get(at..at + 8).filter(|head| head[4..] != IEND[4..8]) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        at = at.saturating_add(12).saturating_add(length);
    }
    match bytes.get(at..) {
        Some(rest) if rest.len() < IEND.len() && IEND.starts_with(rest) => {
            Cow::Owned([&bytes[..at], IEND].concat())
        }
        _ => Cow::Borrowed(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marks_of_a_jpeg_lead_to_its_end() {
        // A start, a comment that holds an end, a frame of one component, a scan with a stuffed 0xff and a restart, an end.
        let start = b"\xff\xd8\xff\xfe\0\x04\xff\xd9\xff\xc0\0\x0b\x08\0\x10\0\x10\x01\x07\x11\0";
        let scan = b"\xff\xda\0\x08\x01\x07\0\0\x3f\0";
        let whole = [&start[..], scan, b"data\xff\0\xff\xd0more\xff\xff\xd9"].concat();
        assert_eq!(jpeg_end(&whole), JpegEnd::Marked);
        assert_eq!(jpeg_end(&[&whole[..], b"behind"].concat()), JpegEnd::Marked);
        for length in 0..whole.len() {
            let expected = if length < start.len() + scan.len() { JpegEnd::Torn } else { JpegEnd::Open };
            assert_eq!(jpeg_end(&whole[..length]), expected, "{length} bytes");
        }
        // A scan that leaves out coefficients, or their last bit.
        for coarse in [b"\xff\xda\0\x08\x01\x07\0\0\x3e\0", b"\xff\xda\0\x08\x01\x07\0\0\x3f\x01"] {
            assert_eq!(jpeg_end(&[&start[..], coarse, b"data"].concat()), JpegEnd::Torn);
        }
    }

    #[test]
    fn the_coefficients_of_a_jpeg_in_scans_are_counted() {
        let frame = |mark: u8| {
            [&[0xff, 0xd8, 0xff, mark][..], b"\0\x11\x08\0\x21\0\x10\x03\x01\x22\0\x02\x11\0\x03\x11\0"]
                .concat()
        };
        let [together, first] =
            [&b"\xff\xda\0\x0c\x03\x01\0\x02\0\x03\0\0\x3f\0"[..], b"\xff\xda\0\x08\x01\x01\0\0\x3f\0"];
        // Of 33x16 pixels, one group across and three down, of four blocks of brightness and one of each color.
        let all = 3 * 6 * 64;
        assert_eq!(jpeg_coefficients(&[&frame(0xc0)[..], together].concat()), 0);
        assert_eq!(jpeg_coefficients(&[&frame(0xc0)[..], first].concat()), all);
        assert_eq!(jpeg_coefficients(&[&frame(0xc2)[..], together].concat()), all);
        assert_eq!(jpeg_coefficients(&frame(0xc2)[..9]), 0);
    }

    #[test]
    fn a_png_gets_its_last_chunk_where_it_ends_behind_another() {
        let signature = b"\x89PNG\r\n\x1a\n";
        let chunk = b"\0\0\0\x02IDATab\0\0\0\0";
        let open = [&signature[..], chunk].concat();
        assert_eq!(with_last_chunk(&open), [&open[..], IEND].concat());
        assert_eq!(with_last_chunk(&[&open[..], &IEND[..9]].concat()), [&open[..], IEND].concat());
        let whole = [&open[..], IEND].concat();
        assert!(matches!(with_last_chunk(&whole), Cow::Borrowed(_)));
        assert!(matches!(with_last_chunk(&open[..open.len() - 1]), Cow::Borrowed(_)));
    }
}
