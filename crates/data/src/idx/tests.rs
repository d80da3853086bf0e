use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;

/// An IDX file with that header and those items.
fn file(kind: u8, dimensions: &[u32], items: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, kind, dimensions.len() as u8];
    bytes.extend(dimensions.iter().flat_map(|dimension| dimension.to_be_bytes()));
    bytes.extend_from_slice(items);
    bytes
}

fn labels(items: &[u8]) -> Vec<u8> {
    file(8, &[items.len() as u32], items)
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn read_bytes(bytes: &[u8], items: Items) -> Result<Vec<u8>, IdxError> {
    read(bytes, bytes.len() as u64, items)
}

/// Holds for the raw and for the packed file.
fn assert_refused(bytes: &[u8], items: Items, expected: &IdxError) {
    assert_eq!(read_bytes(bytes, items).as_ref(), Err(expected), "raw");
    assert_eq!(read_bytes(&packed(bytes), items).as_ref(), Err(expected), "packed");
}

#[test]
fn images_and_labels_are_read_raw_and_packed() {
    let pixels: Vec<u8> = (0..2 * PIXELS).map(|at| (at * 7 % 256) as u8).collect();
    let images = file(8, &[2, 28, 28], &pixels);
    assert_eq!(read_bytes(&images, Items::Images), Ok(pixels.clone()));
    assert_eq!(read_bytes(&packed(&images), Items::Images), Ok(pixels));
    assert_eq!(read_bytes(&labels(&[0, 9, 5]), Items::Labels), Ok(vec![0, 9, 5]));
    assert_eq!(read_bytes(&packed(&labels(&[0, 9, 5])), Items::Labels), Ok(vec![0, 9, 5]));
}

#[test]
fn each_wrong_header_has_its_own_error() {
    assert_refused(b"P5 28 28 255 ...", Items::Images, &IdxError::Magic { found: *b"P5" });
    assert_refused(&file(9, &[1], &[1]), Items::Labels, &IdxError::Type { found: 9 });
    let rank = IdxError::Rank { expected: 3, found: 1 };
    assert_refused(&labels(&[1]), Items::Images, &rank);
    let rank = IdxError::Rank { expected: 1, found: 3 };
    assert_refused(&file(8, &[1, 28, 28], &[0; PIXELS]), Items::Labels, &rank);
    let dimensions = IdxError::Dimensions { found: [32, 28] };
    assert_refused(&file(8, &[1, 32, 28], &[0; 32 * 28]), Items::Images, &dimensions);
    assert_refused(&labels(&[]), Items::Labels, &IdxError::Empty);
    assert_refused(&file(8, &[0, 28, 28], &[]), Items::Images, &IdxError::Empty);
}

#[test]
fn a_short_or_long_file_is_told_with_its_lengths() {
    let mut short = labels(&[1, 2, 3]);
    short.pop();
    assert_refused(&short, Items::Labels, &IdxError::Truncated { expected: 11, found: 10 });
    assert_refused(&short[..6], Items::Labels, &IdxError::Truncated { expected: 8, found: 6 });
    assert_refused(&short[..3], Items::Labels, &IdxError::Truncated { expected: 8, found: 3 });
    assert_refused(&[], Items::Images, &IdxError::Truncated { expected: 16, found: 0 });
    let mut long = labels(&[1, 2, 3]);
    long.push(0);
    assert_refused(&long, Items::Labels, &IdxError::Trailing { expected: 11, found: 12 });
}

#[test]
fn a_label_that_is_no_digit_is_named() {
    assert_refused(&labels(&[1, 9, 10, 200]), Items::Labels, &IdxError::Label { index: 2, found: 10 });
}

#[test]
fn a_header_that_promises_too_much_allocates_nothing() {
    let everything = u32::MAX;
    let promised = u64::from(everything) * PIXELS as u64;
    let absurd = IdxError::AbsurdHeader { promised, possible: MAX_BYTES };
    assert_refused(&file(8, &[everything, 28, 28], &[]), Items::Images, &absurd);
    // Just possible in itself, but not in a file of this length. Were it allocated, 7.8 GB would be asked for.
    let largest = file(8, &[10_000_000, 28, 28], &[]);
    let truncated = IdxError::Truncated { expected: 16 + MAX_BYTES, found: 16 };
    assert_eq!(read_bytes(&largest, Items::Images), Err(truncated));
    let largest = packed(&largest);
    let possible = largest.len() as u64 * 1032;
    let absurd = IdxError::AbsurdHeader { promised: MAX_BYTES, possible };
    assert_eq!(read_bytes(&largest, Items::Images), Err(absurd));
}

#[test]
fn a_bomb_is_left_after_what_its_header_promises() {
    // 64 MB of zeros in 64 kB, behind a header that promises one label.
    let mut bytes = labels(&[7]);
    bytes.resize(64 << 20, 0);
    let bomb = packed(&bytes);
    let mut input = Counted { inner: &bomb, consumed: 0 };
    let trailing = IdxError::Trailing { expected: 9, found: 10 };
    assert_eq!(read(&mut input, bomb.len() as u64, Items::Labels), Err(trailing));
    assert!(input.consumed < 1000, "{} bytes of the bomb were unpacked", input.consumed);
}

/// Gives its bytes one hundred at a time and counts how many were taken.
struct Counted<'a> {
    inner: &'a [u8],
    consumed: usize,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Counted<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(&self.inner[..self.inner.len().min(100)])
    }

    fn consume(&mut self, count: usize) {
        self.inner = &self.inner[count..];
        self.consumed += count;
    }
}

#[test]
fn damaged_gzip_data_is_told() {
    let pixels: Vec<u8> = (0..PIXELS).map(|at| (at * at * 31 % 251) as u8).collect();
    let sound = packed(&file(8, &[1, 28, 28], &pixels));
    let refused = |bytes: &[u8]| read_bytes(bytes, Items::Images).unwrap_err();

    let mut wrong_sum = sound.clone();
    let crc = sound.len() - 8;
    wrong_sum[crc] ^= 1;
    assert!(matches!(refused(&wrong_sum), IdxError::Gzip { .. }), "{}", refused(&wrong_sum));

    let mut damaged = sound.clone();
    damaged[10] = 0xff; // A block of the reserved type.
    assert!(matches!(refused(&damaged), IdxError::Gzip { .. }), "{}", refused(&damaged));

    let half = refused(&sound[..sound.len() / 2]);
    assert!(matches!(half, IdxError::Truncated { expected: 800, found } if found < 800), "{half}");

    let mut followed = sound.clone();
    followed.push(0);
    assert_eq!(refused(&followed), IdxError::Trailing { expected: 800, found: 801 });
    let twice = [sound.clone(), sound].concat();
    assert_eq!(refused(&twice), IdxError::Trailing { expected: 800, found: 801 });
}

#[test]
fn an_unreadable_file_is_told() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let refused = read(io::BufReader::new(Broken), 9, Items::Labels);
    assert_eq!(refused, Err(IdxError::Read { reason: "the disk is gone".to_owned() }));
}

proptest! {
    #[test]
    fn what_is_written_is_read(items in proptest::collection::vec(0u8..10, 1..300)) {
        prop_assert_eq!(read_bytes(&labels(&items), Items::Labels), Ok(items.clone()));
        prop_assert_eq!(read_bytes(&packed(&labels(&items)), Items::Labels), Ok(items));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), is_packed: bool, sound_start: bool) {
        let mut input = if sound_start { vec![0, 0, 8, 1, 0, 0] } else { Vec::new() };
        input.extend(bytes);
        let input = if is_packed { packed(&input) } else { input };
        for items in [Items::Images, Items::Labels] {
            let _ = read_bytes(&input, items);
        }
    }

    #[test]
    fn a_flipped_byte_of_a_packed_file_never_changes_the_items(at in 0usize..1000, flip in 1u8..) {
        let items: Vec<u8> = (0..200u32).map(|at| (at * at % 10) as u8).collect();
        let mut bytes = packed(&labels(&items));
        let at = at % bytes.len();
        bytes[at] ^= flip;
        if let Ok(found) = read_bytes(&bytes, Items::Labels) {
            prop_assert_eq!(found, items);
        }
    }
}
