//! The IDX format of MNIST, read from bytes that nobody vouches for.
//!
//! A file is two zero bytes, a type (8: unsigned bytes), a rank, one big-endian `u32` for each dimension, then the items.
//! It may be packed with gzip, which is told from its first bytes. Nothing is allocated for the items before the size in
//! the header has been held against the real length of the file, and no more is unpacked than the header promises.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

use crate::{DIGITS, PIXELS, SIDE};

/// The most bytes of items in a file: ten million images. The largest set in MNIST's form has 8.1 million.
pub const MAX_BYTES: u64 = 10_000_000 * PIXELS as u64;

/// Deflate never unpacks a byte to more than this (zlib's manual, "Maximum Compression Factor").
const MAX_EXPANSION: u64 = 1032;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const UNSIGNED_BYTE: u8 = 8;

/// The kind of items in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Items {
    /// Images of 28x28 pixels, rank 3.
    Images,
    /// Labels 0..=9, rank 1.
    Labels,
}

impl Items {
    fn rank(self) -> u8 {
        match self {
            Self::Images => 3,
            Self::Labels => 1,
        }
    }

    fn header_bytes(self) -> u64 {
        4 + 4 * u64::from(self.rank())
    }
}

/// A deviation from the IDX format. Lengths are in bytes, of the unpacked file where it is packed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdxError {
    /// The first two bytes are not zero.
    #[error("not an IDX file: it begins with {found:02x?} instead of [00, 00]")]
    Magic {
        /// The first two bytes.
        found: [u8; 2],
    },

    /// The items are not unsigned bytes.
    #[error("items of type 0x{found:02x} instead of 0x08 (unsigned bytes)")]
    Type {
        /// The type byte.
        found: u8,
    },

    /// The number of dimensions is not that of images or labels.
    #[error("{found} dimensions instead of {expected}")]
    Rank {
        /// 3 for images, 1 for labels.
        expected: u8,
        /// The rank byte.
        found: u8,
    },

    /// The images are not 28x28.
    #[error("images of {}x{} pixels instead of 28x28", found[0], found[1])]
    Dimensions {
        /// Rows and columns.
        found: [u32; 2],
    },

    /// The header promises more than the file could hold.
    #[error("the header promises {promised} bytes, but at most {possible} are possible")]
    AbsurdHeader {
        /// The size that follows from the header.
        promised: u64,
        /// [`MAX_BYTES`], or the most that a packed file of this length can hold.
        possible: u64,
    },

    /// The file ends too early.
    #[error("truncated: {found} bytes instead of {expected}")]
    Truncated {
        /// The length that follows from the header.
        expected: u64,
        /// The length found.
        found: u64,
    },

    /// Something follows the last item.
    #[error("at least {found} bytes instead of {expected}: something follows the last item")]
    Trailing {
        /// The length that follows from the header.
        expected: u64,
        /// The length found; a packed file is unpacked for one byte more than expected.
        found: u64,
    },

    /// There are no items.
    #[error("the file is empty: its header counts 0 items")]
    Empty,

    /// A label is not a digit.
    #[error("label {index} is {found} instead of a digit 0..=9")]
    Label {
        /// The label's place, from zero.
        index: usize,
        /// Its value.
        found: u8,
    },

    /// There are more or fewer labels than images.
    #[error("{found} labels for {expected} images")]
    Count {
        /// The number of images.
        expected: usize,
        /// The number of labels.
        found: usize,
    },

    /// The gzip stream is damaged.
    #[error("damaged gzip data: {reason}")]
    Gzip {
        /// The message of the unpacking.
        reason: String,
    },

    /// The bytes could not be read.
    #[error("can't be read: {reason}")]
    Read {
        /// The message of the system.
        reason: String,
    },
}

/// Reads the items of an IDX file, raw or packed with gzip; `length` is that of the file as it is stored, in bytes.
///
/// Images come as `[count * 28 * 28]` bytes, rows of images one after the other; labels as `[count]` bytes.
///
/// # Errors
/// Every deviation from the format is its own variant of [`IdxError`].
pub fn read(mut input: impl BufRead, length: u64, items: Items) -> Result<Vec<u8>, IdxError> {
    let start = input.fill_buf().map_err(|error| IdxError::Read { reason: error.to_string() })?;
    let values = if start.starts_with(&GZIP_MAGIC) {
        read_packed(input, length, items)?
    } else {
        read_raw(input, length, items)?
    };
    if items == Items::Labels {
        check_labels(&values)?;
    }
    Ok(values)
}

/// `Ok` if each label is a digit.
///
/// # Errors
/// [`IdxError::Label`] with the first that is not.
pub(crate) fn check_labels(labels: &[u8]) -> Result<(), IdxError> {
    match labels.iter().position(|&label| usize::from(label) >= DIGITS) {
        Some(index) => Err(IdxError::Label { index, found: labels[index] }),
        None => Ok(()),
    }
}

fn read_raw(mut input: impl BufRead, length: u64, items: Items) -> Result<Vec<u8>, IdxError> {
    let promised = read_header(&mut input, items)?;
    let expected = items.header_bytes() + promised;
    if length < expected {
        return Err(IdxError::Truncated { expected, found: length });
    }
    if length > expected {
        return Err(IdxError::Trailing { expected, found: length });
    }
    read_items(&mut input, promised, items)
}

fn read_packed(input: impl BufRead, length: u64, items: Items) -> Result<Vec<u8>, IdxError> {
    let mut unpacked = GzDecoder::new(input);
    let promised = read_header(&mut unpacked, items)?;
    let possible = length.saturating_mul(MAX_EXPANSION);
    if promised > possible {
        return Err(IdxError::AbsurdHeader { promised, possible });
    }
    let values = read_items(&mut unpacked, promised, items)?;
    // Reading the end of the stream is also what checks its CRC.
    let expected = items.header_bytes() + promised;
    let behind_items = fill(&mut unpacked, &mut [0])?;
    let behind_stream =
        unpacked.into_inner().fill_buf().map_err(|error| IdxError::Read { reason: error.to_string() })?.len();
    if behind_items + behind_stream > 0 {
        return Err(IdxError::Trailing { expected, found: expected + 1 });
    }
    Ok(values)
}

/// Checks the header and returns the bytes of items that it promises.
fn read_header(input: &mut impl Read, items: Items) -> Result<u64, IdxError> {
    let mut header = [0; 16];
    let header = &mut header[..items.header_bytes() as usize];
    let found = fill(input, header)?;
    if found >= 4 {
        check_magic(header[..4].try_into().expect("four bytes"), items)?;
    }
    if found < header.len() {
        return Err(IdxError::Truncated { expected: header.len() as u64, found: found as u64 });
    }

    let dimension = |axis: usize| {
        let at = 4 + 4 * axis;
        u32::from_be_bytes(header[at..at + 4].try_into().expect("four bytes"))
    };
    let item_bytes = match items {
        Items::Labels => 1,
        Items::Images => match [dimension(1), dimension(2)] {
            [rows, columns] if rows as usize == SIDE && columns as usize == SIDE => PIXELS as u64,
            found => return Err(IdxError::Dimensions { found }),
        },
    };
    let promised = u64::from(dimension(0)) * item_bytes;
    if promised == 0 {
        return Err(IdxError::Empty);
    }
    if promised > MAX_BYTES {
        return Err(IdxError::AbsurdHeader { promised, possible: MAX_BYTES });
    }
    Ok(promised)
}

fn check_magic(start: [u8; 4], items: Items) -> Result<(), IdxError> {
    let [first, second, kind, rank] = start;
    if [first, second] != [0, 0] {
        return Err(IdxError::Magic { found: [first, second] });
    }
    if kind != UNSIGNED_BYTE {
        return Err(IdxError::Type { found: kind });
    }
    if rank != items.rank() {
        return Err(IdxError::Rank { expected: items.rank(), found: rank });
    }
    Ok(())
}

/// Reads the promised bytes, which must have been held against the file's length before.
fn read_items(input: &mut impl Read, promised: u64, items: Items) -> Result<Vec<u8>, IdxError> {
    let absurd = |_| IdxError::AbsurdHeader { promised, possible: usize::MAX as u64 };
    let mut values = vec![0; usize::try_from(promised).map_err(absurd)?];
    let found = fill(input, &mut values)?;
    if found < values.len() {
        let header = items.header_bytes();
        return Err(IdxError::Truncated { expected: header + promised, found: header + found as u64 });
    }
    Ok(values)
}

/// Reads until `buffer` is full or the input ends; returns the bytes read.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> Result<usize, IdxError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // What a packed file that breaks off gives instead of a plain end.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error)
                if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) =>
            {
                return Err(IdxError::Gzip { reason: error.to_string() });
            }
            Err(error) => return Err(IdxError::Read { reason: error.to_string() }),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests;
