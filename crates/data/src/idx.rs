//! The IDX format of MNIST, read from bytes that nobody vouches for.
//!
//! A file is two zero bytes, a type (8: unsigned bytes), a rank, one big-endian `u32` for each dimension, then the items.
//! It may be packed with gzip, once or twice, which is told from its first bytes. Nothing is allocated for the items before the
//! size in the header has been held against the real length of the file, and no more is unpacked than the header promises.

use std::io::{BufRead, BufReader, Read};

use crate::array::{Array, ByteOrder, Element, Number, unpacking};
use crate::gzip::{self, Gunzip};
use crate::signature::Signature;

pub use crate::items::Items;
pub use crate::problem::Problem;

/// A file that was packed, unpacked and packed again is found; a third time would be on purpose.
const MOST_LAYERS: usize = 2;

/// Reads the items of an IDX file, raw or packed with gzip; `length` is that of the file as it is stored, in bytes.
///
/// Images come as `[count * 28 * 28]` bytes, rows of images one after the other; labels as `[count]` bytes. Taken are images of
/// shape `[count, 28, 28]`, with an axis of 1 before or behind the last two, or `[count, 784]`, and labels `[count]` or, as QMNIST
/// has them, `[count, 8]` with the class first; of any type of the format whose numbers are bytes, for images also their 255ths.
///
/// # Errors
/// Every deviation from the format is its own variant of [`Problem`].
pub fn read(input: impl BufRead, length: u64, items: Items) -> Result<Vec<u8>, Problem> {
    let mut input: Box<dyn BufRead + '_> = Box::new(input);
    let mut layers = 0;
    while layers < MOST_LAYERS && starts_as_gzip(&mut input)? {
        input = Box::new(BufReader::with_capacity(1 << 16, Gunzip::new(input)));
        layers += 1;
    }
    let array = read_header(&mut input, items)?;
    if layers == 0 { read_raw(&mut input, length, &array) } else { read_packed(&mut input, length, &array) }
}

fn starts_as_gzip(input: &mut impl BufRead) -> Result<bool, Problem> {
    Ok(input.fill_buf().map_err(|error| beginning(&error))?.starts_with(&gzip::MAGIC))
}

/// The problem where not even the first bytes can be had.
fn beginning(error: &std::io::Error) -> Problem {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            Problem::Gzip { reason: "it breaks off in its first bytes".into() }
        }
        _ => unpacking(error),
    }
}

fn read_raw(input: &mut impl BufRead, length: u64, array: &Array) -> Result<Vec<u8>, Problem> {
    let expected = array.end();
    if length < expected {
        return Err(Problem::Truncated { expected, found: length });
    }
    if length > expected {
        let added = length - expected;
        return Err(if added_line_ends(input)? == Some(added) {
            Problem::LineEnds { added }
        } else {
            Problem::Trailing { expected, found: length }
        });
    }
    array.read(input, length)
}

/// The number of carriage returns before line feeds, where no line feed is without one.
fn added_line_ends(input: &mut impl BufRead) -> Result<Option<u64>, Problem> {
    let (mut added, mut before) = (0, 0);
    loop {
        let bytes = input.fill_buf().map_err(|error| Problem::read(&error))?;
        if bytes.is_empty() {
            return Ok(Some(added));
        }
        for &byte in bytes {
            if byte == b'\n' {
                if before != b'\r' {
                    return Ok(None);
                }
                added += 1;
            }
            before = byte;
        }
        let count = bytes.len();
        input.consume(count);
    }
}

fn read_packed(input: &mut impl BufRead, length: u64, array: &Array) -> Result<Vec<u8>, Problem> {
    array.check_packed(length)?;
    let values = array.read(input, length)?;
    // Reading on to the end of the stream is also what checks its sum.
    match input.fill_buf() {
        Ok([]) => Ok(values),
        Ok(_) => Err(Problem::Trailing { expected: array.end(), found: array.end() + 1 }),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(Problem::Gzip { reason: "the end of the stream is missing, and with it the checksum".into() })
        }
        Err(error) => Err(unpacking(&error)),
    }
}

/// Checks the header.
fn read_header(input: &mut impl BufRead, items: Items) -> Result<Array, Problem> {
    let start = input.fill_buf().map_err(|error| beginning(&error))?;
    match start {
        [] => return Err(Problem::NoBytes),
        [0] | [0, 0, ..] => {}
        start => return Err(Problem::NotIdx { found: Signature::of(start) }),
    }
    let mut magic = [0; 4];
    read_part(input, &mut magic, 0)?;
    let [_, _, kind, rank] = magic;
    let element = element(kind).ok_or(Problem::Type { found: kind })?;
    if !(1..=4).contains(&rank) {
        return Err(Problem::Rank { found: rank });
    }
    let mut sizes = [0; 16];
    let sizes = &mut sizes[..4 * usize::from(rank)];
    read_part(input, sizes, 4)?;
    let dimensions: Vec<u64> = sizes
        .chunks_exact(4)
        .map(|size| u64::from(u32::from_be_bytes(size.try_into().expect("four bytes"))))
        .collect();
    Ok(Array { layout: items.layout(&dimensions)?, element, header: 4 + 4 * u64::from(rank) })
}

/// The type of the items.
fn element(kind: u8) -> Option<Element> {
    let (number, width) = match kind {
        0x08 => (Number::Unsigned, 1),
        0x09 => (Number::Signed, 1),
        0x0b => (Number::Signed, 2),
        0x0c => (Number::Signed, 4),
        0x0d => (Number::Float, 4),
        0x0e => (Number::Float, 8),
        _ => return None,
    };
    Some(Element { number, width, order: ByteOrder::Big })
}

/// Fills `buffer` with the bytes of the header from `at` on.
fn read_part(input: &mut impl Read, buffer: &mut [u8], at: u64) -> Result<(), Problem> {
    let mut found = Vec::new();
    match input.take(buffer.len() as u64).read_to_end(&mut found) {
        Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => return Err(unpacking(&error)),
        _ => {}
    }
    if found.len() < buffer.len() {
        let expected = at + buffer.len() as u64;
        return Err(Problem::Truncated { expected, found: at + found.len() as u64 });
    }
    buffer.copy_from_slice(&found);
    Ok(())
}

#[cfg(test)]
mod tests;
