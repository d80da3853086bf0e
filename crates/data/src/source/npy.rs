//! NumPy's format of an array: a text that says type and shape, then the numbers.

use std::io::Read;

use crate::array::{Array, ByteOrder, Element, Number};
use crate::items::Items;
use crate::problem::Problem;

/// The first bytes of an array.
pub(super) const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// NumPy writes some hundred bytes.
const MOST_HEADER_BYTES: usize = 1 << 16;

/// Reads the items of an array. `length` is that of the array's file, header and all, and `stored` what it takes up packed, both
/// in bytes.
///
/// # Errors
/// [`Problem::Npy`] for a header that is none, and those of [`Array::read`].
pub(super) fn read(
    input: &mut impl Read,
    length: u64,
    stored: u64,
    items: Items,
) -> Result<Vec<u8>, Problem> {
    let array = read_header(input, items)?;
    array.check_packed(stored)?;
    let (expected, found) = (array.end(), length);
    if found < expected {
        return Err(Problem::Truncated { expected, found });
    }
    let values = array.read(input, stored)?;
    // Reading on to the end is also what checks the sum.
    match input.read(&mut [0]) {
        Ok(0) => Ok(values),
        Ok(_) => Err(Problem::Trailing { expected, found: expected + 1 }),
        Err(error) => Err(damage(&error)),
    }
}

/// The problem behind a failure to read an entry.
fn damage(error: &std::io::Error) -> Problem {
    Problem::Zip { reason: error.to_string() }
}

fn read_header(input: &mut impl Read, items: Items) -> Result<Array, Problem> {
    let mut start = [0; 8];
    exactly(input, &mut start)?;
    if !start.starts_with(MAGIC) {
        return Err(npy("it does not begin with \\x93NUMPY"));
    }
    let mut size = [0; 4];
    // Version 1 has a size of two bytes, 2 and 3 of four.
    let size_bytes = if start[6] == 1 { 2 } else { 4 };
    exactly(input, &mut size[..size_bytes])?;
    let size = u32::from_le_bytes(size) as usize;
    if size > MOST_HEADER_BYTES {
        return Err(npy(&format!("a header of {size} bytes")));
    }
    let mut text = vec![0; size];
    exactly(input, &mut text)?;
    let text = String::from_utf8_lossy(&text);
    let (element, dimensions) = parse(&text)?;
    let header = (start.len() + size_bytes + size) as u64;
    Ok(Array { layout: items.layout(&dimensions)?, element, header })
}

fn exactly(input: &mut impl Read, buffer: &mut [u8]) -> Result<(), Problem> {
    input.read_exact(buffer).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => npy("it ends within its header"),
        _ => damage(&error),
    })
}

/// Reads `{'descr': '|u1', 'fortran_order': False, 'shape': (60000, 28, 28), }`, whose keys stand in any order.
fn parse(text: &str) -> Result<(Element, Vec<u64>), Problem> {
    let value = |key: &str| {
        let (_, behind) =
            text.split_once(&format!("'{key}':")).ok_or_else(|| npy(&format!("no key `{key}`")))?;
        Ok(behind.trim_start())
    };
    if value("fortran_order")?.starts_with("True") {
        return Err(npy(
            "it is stored column by column (`fortran_order`); `numpy.ascontiguousarray` turns it",
        ));
    }
    let kind = value("descr")?.strip_prefix('\'').and_then(|text| text.split_once('\''));
    let (kind, _) = kind.ok_or_else(|| npy("a type of several fields"))?;
    let element = element(kind).ok_or_else(|| Problem::ElementType { found: kind.into() })?;
    let shape = value("shape")?.strip_prefix('(').and_then(|text| text.split_once(')'));
    let (shape, _) = shape.ok_or_else(|| npy("a shape that is no tuple"))?;
    let sizes = shape.split(',').map(str::trim).filter(|size| !size.is_empty());
    let dimensions = sizes.map(|size| size.parse().map_err(|_| npy(&format!("a size of `{size}`"))));
    Ok((element, dimensions.collect::<Result<_, _>>()?))
}

/// The type that NumPy writes as `<f4`.
fn element(kind: &str) -> Option<Element> {
    let order = match kind.as_bytes().first()? {
        b'>' => ByteOrder::Big,
        b'<' | b'|' | b'=' => ByteOrder::Little,
        _ => return None,
    };
    let (number, width) = match &kind[1..] {
        "b1" | "u1" => (Number::Unsigned, 1),
        "u2" => (Number::Unsigned, 2),
        "u4" => (Number::Unsigned, 4),
        "u8" => (Number::Unsigned, 8),
        "i1" => (Number::Signed, 1),
        "i2" => (Number::Signed, 2),
        "i4" => (Number::Signed, 4),
        "i8" => (Number::Signed, 8),
        "f4" => (Number::Float, 4),
        "f8" => (Number::Float, 8),
        _ => return None,
    };
    Some(Element { number, width, order })
}

fn npy(reason: &str) -> Problem {
    Problem::Npy { reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An array's file with that text for a header.
    fn file(header: &str, numbers: &[u8]) -> Vec<u8> {
        let mut bytes = [MAGIC, &[1, 0][..]].concat();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(numbers);
        bytes
    }

    fn labels(header: &str, numbers: &[u8]) -> Result<Vec<u8>, Problem> {
        let bytes = file(header, numbers);
        read(&mut &bytes[..], bytes.len() as u64, bytes.len() as u64, Items::Labels)
    }

    #[test]
    fn headers_in_any_order_and_of_any_version_are_read() {
        let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }\n";
        assert_eq!(labels(header, &[1, 2, 3]), Ok(vec![1, 2, 3]));
        let header = "{'shape': (2, 1), 'fortran_order': False, 'descr': '>i2'}";
        assert_eq!(labels(header, &[0, 7, 0, 9]), Ok(vec![7, 9]));
        let mut wide = [MAGIC, &[3, 0][..]].concat();
        wide.extend((header.len() as u32).to_le_bytes());
        wide.extend(header.as_bytes());
        wide.extend([0, 7, 0, 9]);
        assert_eq!(read(&mut &wide[..], wide.len() as u64, 100, Items::Labels), Ok(vec![7, 9]));
        for length in 0..wide.len() {
            let cut = read(&mut &wide[..length], length as u64, 100, Items::Labels);
            assert!(cut.is_err(), "{length} of {} bytes", wide.len());
        }
    }

    #[test]
    fn headers_that_mean_something_else_are_named() {
        let header = |kind: &str, order: &str, shape: &str| {
            labels(&format!("{{'descr': {kind}, 'fortran_order': {order}, 'shape': {shape}, }}"), &[0; 16])
                .unwrap_err()
                .to_string()
        };
        for (error, words) in [
            (header("'|u1'", "True", "(16,)"), "column by column"),
            (header("'|O'", "False", "(16,)"), "type `|O`"),
            (header("'<U2'", "False", "(2,)"), "type `<U2`"),
            (header("[('x', '<f4')]", "False", "(4,)"), "several fields"),
            (header("'|u1'", "False", "16"), "no tuple"),
            (header("'|u1'", "False", "(-1,)"), "size of `-1`"),
            (header("'|u1'", "False", "(17,)"), "truncated"),
            (header("'|u1'", "False", "(15,)"), "something follows"),
            (header("'|u1'", "False", "(10000000,)"), "promises"),
            (labels("{}", &[]).unwrap_err().to_string(), "no key"),
        ] {
            assert!(error.contains(words), "{error} should say {words}");
        }
    }
}
