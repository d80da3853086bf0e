//! Numbers in rows, as IDX and NumPy files hold them, turned into pixels and labels of one byte each.

use std::io::{self, Read};

use crate::DIGITS;
use crate::gzip::MAX_EXPANSION;
use crate::items::{Items, MAX_IMAGES};
use crate::problem::Problem;

/// Bytes that are converted at a time.
const CHUNK: usize = 1 << 16;

impl Items {
    /// The numbers of one item of an array of those dimensions.
    ///
    /// # Errors
    /// [`Problem::Shape`], [`Problem::Empty`] or [`Problem::TooMany`].
    pub(crate) fn layout(self, dimensions: &[u64]) -> Result<Layout, Problem> {
        const PIXELS: u64 = crate::PIXELS as u64;
        let (count, values) = match (self, dimensions) {
            (
                Self::Images,
                &[count, 28, 28] | &[count, 28, 28, 1] | &[count, 1, 28, 28] | &[count, PIXELS],
            ) => (count, crate::PIXELS),
            (Self::Labels, &[count] | &[count, 1]) => (count, 1),
            // QMNIST: the class, then where the digit was written and by whom.
            (Self::Labels, &[count, 8]) => (count, 8),
            _ => return Err(Problem::Shape { items: self, found: dimensions.to_vec() }),
        };
        match count {
            0 => Err(Problem::Empty),
            1..=MAX_IMAGES => Ok(Layout { items: self, count, values }),
            found => Err(Problem::TooMany { found }),
        }
    }
}

/// How numbers make items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    items: Items,
    count: u64,
    /// Numbers of an item, of which an image keeps all and a label the first.
    values: usize,
}

/// The type of a number in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) number: Number,
    /// Bytes: 1, 2, 4 or 8; for [`Number::Float`] 4 or 8.
    pub(crate) width: usize,
    pub(crate) order: ByteOrder,
}

/// The kind of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Unsigned,
    Signed,
    Float,
}

/// The order of a number's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    Big,
    Little,
}

impl Element {
    /// The number in `bytes`, which are [`width`](Self::width) many. What `f64` rounds is far from any byte.
    fn value(self, bytes: &[u8]) -> f64 {
        let mut wide = [0; 8];
        let bits = match self.order {
            ByteOrder::Big => {
                wide[8 - bytes.len()..].copy_from_slice(bytes);
                u64::from_be_bytes(wide)
            }
            ByteOrder::Little => {
                wide[..bytes.len()].copy_from_slice(bytes);
                u64::from_le_bytes(wide)
            }
        };
        let unused = 64 - 8 * self.width as u32;
        match self.number {
            Number::Unsigned => bits as f64,
            Number::Signed => ((bits << unused) as i64 >> unused) as f64,
            Number::Float if self.width == 4 => f64::from(f32::from_bits(bits as u32)),
            Number::Float => f64::from_bits(bits),
        }
    }
}

/// An array as its header describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Array {
    pub(crate) layout: Layout,
    pub(crate) element: Element,
    /// Bytes of the header, behind which the numbers begin.
    pub(crate) header: u64,
}

impl Array {
    /// Bytes of all numbers. [`MAX_IMAGES`] keeps it small.
    pub(crate) fn bytes(&self) -> u64 {
        self.layout.count * (self.layout.values * self.element.width) as u64
    }

    /// Bytes of the header and all numbers.
    pub(crate) fn end(&self) -> u64 {
        self.header + self.bytes()
    }

    /// `Ok` if `stored` bytes of packed data can hold the numbers.
    ///
    /// # Errors
    /// [`Problem::AbsurdHeader`].
    pub(crate) fn check_packed(&self, stored: u64) -> Result<(), Problem> {
        let (promised, possible) = (self.bytes(), stored.saturating_mul(MAX_EXPANSION));
        if promised > possible { Err(Problem::AbsurdHeader { promised, possible }) } else { Ok(()) }
    }

    /// Reads the numbers from behind the header: pixels `[count * 28 * 28]` or labels `[count]`. `stored` is the length of the
    /// file as it lies there; memory beyond a small multiple of it is only taken for bytes that have come.
    ///
    /// # Errors
    /// [`Problem::Truncated`], [`Problem::Pixel`], [`Problem::Label`], and those of reading.
    pub(crate) fn read(&self, input: &mut impl Read, stored: u64) -> Result<Vec<u8>, Problem> {
        let Layout { items, count, values } = self.layout;
        let mut bytes = Bytes { input, found: 0 };
        let kept = count * if items == Items::Images { values as u64 } else { 1 };
        let mut target = room(kept.min(stored.saturating_mul(8)))?;
        if items == Items::Images && self.element.width == 1 && self.element.number == Number::Unsigned {
            bytes.read_into(&mut target, self.bytes())?;
        } else {
            let mut pixels = Pixels { scale: Scale::Unknown, target };
            let mut labels = LabelRange::default();
            let item_bytes = values * self.element.width;
            let items_of_chunk = (CHUNK / item_bytes).max(1) as u64;
            let mut chunk = Vec::new();
            let mut at = 0;
            while at < count {
                chunk.clear();
                let wanted = items_of_chunk.min(count - at) * item_bytes as u64;
                bytes.read_into(&mut chunk, wanted)?;
                if (chunk.len() as u64) < wanted {
                    break;
                }
                for (item, numbers) in (at..).zip(chunk.chunks_exact(item_bytes)) {
                    let mut numbers = numbers.chunks_exact(self.element.width).map(|b| self.element.value(b));
                    match items {
                        Items::Images => numbers.try_for_each(|value| pixels.push(value, item))?,
                        Items::Labels => {
                            pixels.target.push(labels.push(numbers.next().unwrap_or(f64::NAN), item));
                        }
                    }
                }
                at += items_of_chunk;
            }
            target = pixels.target;
            if bytes.found == self.bytes() {
                labels.check()?;
            }
        }
        if bytes.found < self.bytes() {
            return Err(Problem::Truncated { expected: self.end(), found: self.header + bytes.found });
        }
        Ok(target)
    }
}

/// An empty vector with room for so many bytes.
fn room(bytes: u64) -> Result<Vec<u8>, Problem> {
    let mut vector = Vec::new();
    let size = usize::try_from(bytes).map_err(|_| Problem::Memory { bytes })?;
    vector.try_reserve_exact(size).map_err(|_| Problem::Memory { bytes })?;
    Ok(vector)
}

/// An input that counts.
struct Bytes<'a, R> {
    input: &'a mut R,
    found: u64,
}

impl<R: Read> Bytes<'_, R> {
    /// Appends `wanted` bytes, or as many as there are.
    fn read_into(&mut self, target: &mut Vec<u8>, wanted: u64) -> Result<(), Problem> {
        let before = target.len();
        let result = self.input.by_ref().take(wanted).read_to_end(target);
        self.found += (target.len() - before) as u64;
        match result {
            Ok(_) => Ok(()),
            // What a packed file that breaks off gives instead of a plain end.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
            Err(error) => Err(unpacking(&error)),
        }
    }
}

/// The problem behind a failure to read what may be packed.
pub(crate) fn unpacking(error: &io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            Problem::Gzip { reason: error.to_string() }
        }
        io::ErrorKind::OutOfMemory => Problem::Memory { bytes: CHUNK as u64 },
        _ => Problem::read(error),
    }
}

/// Whether pixels go from 0 to 255 or from 0 to 1, as far as those seen tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    /// Only zeros and ones were seen; the ones are kept as 255.
    Unknown,
    /// A value between 0 and 1 was seen.
    Unit,
    /// A value above 1 was seen.
    Bytes,
}

/// Pixels that come as numbers.
struct Pixels {
    scale: Scale,
    target: Vec<u8>,
}

impl Pixels {
    /// Adds a pixel of `image`. Numbers that went through `f32` or a product with 1/255 come back exactly.
    fn push(&mut self, value: f64, image: u64) -> Result<(), Problem> {
        let problem = || Problem::Pixel { image, found: value.to_string() };
        let is_whole = value.fract() == 0.0;
        if self.scale == Scale::Unknown && value > 1.0 {
            self.scale = Scale::Bytes;
            self.target.iter_mut().for_each(|pixel| *pixel = u8::from(*pixel == 255));
        } else if self.scale == Scale::Unknown && !is_whole {
            self.scale = Scale::Unit;
        }
        let (largest, scaled) = match self.scale {
            Scale::Bytes => (255.0, value),
            Scale::Unknown | Scale::Unit => (1.0, value * 255.0),
        };
        // 1e-3 of a step: 255 times what f32 rounds is below 2e-5, and no other scale in use comes so near for all values.
        if !(0.0..=largest).contains(&value) || (scaled - scaled.round()).abs() > 1e-3 {
            return Err(problem());
        }
        self.target.push(scaled.round() as u8);
        Ok(())
    }
}

/// The labels of a file: the first that is no digit, and the range of all.
#[derive(Default)]
struct LabelRange {
    wrong: Option<(u64, String)>,
    range: Option<(i64, i64)>,
}

impl LabelRange {
    /// Takes note of a label; returns it as a digit, where it is one.
    fn push(&mut self, value: f64, index: u64) -> u8 {
        let (least, most) = self.range.unwrap_or((i64::MAX, i64::MIN));
        self.range = Some((least.min(value as i64), most.max(value as i64)));
        let is_digit = value.fract() == 0.0 && (0.0..DIGITS as f64).contains(&value);
        if !is_digit && self.wrong.is_none() {
            self.wrong = Some((index, value.to_string()));
        }
        value as u8
    }

    fn check(self) -> Result<(), Problem> {
        match (self.wrong, self.range) {
            (Some((index, found)), Some((least, most))) => Err(Problem::Label { index, found, least, most }),
            _ => Ok(()),
        }
    }
}

/// `Ok` if each label is a digit.
///
/// # Errors
/// [`Problem::Label`] with the first that is not.
pub(crate) fn check_labels(labels: &[u8]) -> Result<(), Problem> {
    let mut range = LabelRange::default();
    for (index, &label) in (0..).zip(labels) {
        range.push(f64::from(label), index);
    }
    range.check()
}

#[cfg(test)]
mod tests;
