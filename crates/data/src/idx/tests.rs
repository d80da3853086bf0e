use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;
use crate::PIXELS;
use crate::items::MAX_IMAGES;

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

fn read_bytes(bytes: &[u8], items: Items) -> Result<Vec<u8>, Problem> {
    read(bytes, bytes.len() as u64, items)
}

/// Holds for the raw and for the packed file.
fn assert_refused(bytes: &[u8], items: Items, expected: &Problem) {
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
    let picture = Problem::NotIdx { found: Signature::of(b"P5 28 28") };
    assert_refused(b"P5 28 28 255 ...", Items::Images, &picture);
    assert_refused(&file(10, &[1], &[1]), Items::Labels, &Problem::Type { found: 10 });
    assert_refused(&file(8, &[1; 5], &[1]), Items::Labels, &Problem::Rank { found: 5 });
    assert_refused(&file(8, &[], &[1]), Items::Labels, &Problem::Rank { found: 0 });
    let shape = |items, found: &[u64]| Problem::Shape { items, found: found.to_vec() };
    assert_refused(&labels(&[1]), Items::Images, &shape(Items::Images, &[1]));
    let images = file(8, &[1, 28, 28], &[0; PIXELS]);
    assert_refused(&images, Items::Labels, &shape(Items::Labels, &[1, 28, 28]));
    let images = file(8, &[1, 32, 28], &[0; 32 * 28]);
    assert_refused(&images, Items::Images, &shape(Items::Images, &[1, 32, 28]));
    assert_refused(&labels(&[]), Items::Labels, &Problem::Empty);
    assert_refused(&file(8, &[0, 28, 28], &[]), Items::Images, &Problem::Empty);
}

#[test]
fn other_files_under_these_names_are_named() {
    for (bytes, words) in [
        (&b"<!DOCTYPE html><html><body>503</body></html>"[..], "an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
        (b"PK\x03\x04\x14\0", "a zip archive"),
    ] {
        let refused = read_bytes(bytes, Items::Images).unwrap_err().to_string();
        assert!(refused.starts_with("not an IDX file") && refused.contains(words), "{refused}");
    }
}

#[test]
fn items_of_other_types_and_shapes_give_the_same_bytes() {
    let pixels: Vec<u8> = (0..2 * PIXELS).map(|at| (at * 7 % 256) as u8).collect();
    for shape in [&[2, 28, 28, 1][..], &[2, 1, 28, 28], &[2, 784]] {
        let images = file(8, shape, &pixels);
        assert_eq!(read_bytes(&images, Items::Images).as_ref(), Ok(&pixels), "{shape:?}");
        assert_eq!(read_bytes(&packed(&images), Items::Images).as_ref(), Ok(&pixels), "{shape:?}");
    }
    let fractions: Vec<u8> =
        pixels.iter().flat_map(|&pixel| (f32::from(pixel) / 255.0).to_be_bytes()).collect();
    assert_eq!(read_bytes(&file(0x0d, &[2, 28, 28], &fractions), Items::Images), Ok(pixels));
    let digits: Vec<u8> = [3i32, 0, 9].iter().flat_map(|digit| digit.to_be_bytes()).collect();
    assert_eq!(read_bytes(&file(0x0c, &[3], &digits), Items::Labels), Ok(vec![3, 0, 9]));
    // QMNIST: the class stands first among eight numbers.
    let rows: Vec<u8> =
        (0..3i32).flat_map(|row| (0..8).map(move |at| row + 100 * at)).flat_map(i32::to_be_bytes).collect();
    assert_eq!(read_bytes(&packed(&file(0x0c, &[3, 8], &rows)), Items::Labels), Ok(vec![0, 1, 2]));
    let short = file(0x0c, &[3, 8], &rows[..90]);
    assert_refused(&short, Items::Labels, &Problem::Truncated { expected: 108, found: 102 });
}

#[test]
fn a_file_may_be_packed_twice() {
    let twice = packed(&packed(&labels(&[4, 2])));
    assert_eq!(read_bytes(&twice, Items::Labels), Ok(vec![4, 2]));
    for length in 0..twice.len() {
        assert!(read_bytes(&twice[..length], Items::Labels).is_err(), "{length} of {} bytes", twice.len());
    }
    let thrice = read_bytes(&packed(&twice), Items::Labels);
    assert!(
        matches!(thrice, Err(Problem::NotIdx { ref found }) if found.to_string() == "gzip data"),
        "{thrice:?}"
    );
}

#[test]
fn line_ends_that_a_transfer_added_are_told() {
    let items: Vec<u8> = (0..PIXELS).map(|at| (at % 30) as u8).collect();
    let damaged = |bytes: &[u8]| -> Vec<u8> {
        bytes.iter().flat_map(|&byte| if byte == b'\n' { vec![b'\r', b'\n'] } else { vec![byte] }).collect()
    };
    let images = damaged(&file(8, &[1, 28, 28], &items));
    assert_eq!(read_bytes(&images, Items::Images), Err(Problem::LineEnds { added: 26 }));
    // A single line feed as it was: then it was no such transfer.
    let mixed = [&images[..], b"\n"].concat();
    assert_eq!(read_bytes(&mixed, Items::Images), Err(Problem::Trailing { expected: 800, found: 827 }));
}

#[test]
fn a_short_or_long_file_is_told_with_its_lengths() {
    let mut short = labels(&[1, 2, 3]);
    short.pop();
    assert_refused(&short, Items::Labels, &Problem::Truncated { expected: 11, found: 10 });
    assert_refused(&short[..6], Items::Labels, &Problem::Truncated { expected: 8, found: 6 });
    assert_refused(&short[..3], Items::Labels, &Problem::Truncated { expected: 4, found: 3 });
    assert_refused(&short[..1], Items::Labels, &Problem::Truncated { expected: 4, found: 1 });
    assert_refused(&[], Items::Images, &Problem::NoBytes);
    let mut long = labels(&[1, 2, 3]);
    long.push(0);
    assert_refused(&long, Items::Labels, &Problem::Trailing { expected: 11, found: 12 });
}

#[test]
fn a_label_that_is_no_digit_is_named() {
    let label = Problem::Label { index: 2, found: "10".into(), least: 1, most: 200 };
    assert_refused(&labels(&[1, 9, 10, 200]), Items::Labels, &label);
}

#[test]
fn a_header_that_promises_too_much_allocates_nothing() {
    let everything = Problem::TooMany { found: u64::from(u32::MAX) };
    assert_refused(&file(8, &[u32::MAX, 28, 28], &[]), Items::Images, &everything);
    assert_refused(&file(8, &[u32::MAX], &[]), Items::Labels, &everything);
    // Just possible in itself, but not in a file of this length. Were it allocated, 7.8 GB would be asked for.
    let most = MAX_IMAGES * PIXELS as u64;
    let largest = file(8, &[MAX_IMAGES as u32, 28, 28], &[]);
    let truncated = Problem::Truncated { expected: 16 + most, found: 16 };
    assert_eq!(read_bytes(&largest, Items::Images), Err(truncated));
    for largest in [packed(&largest), packed(&packed(&largest))] {
        let possible = largest.len() as u64 * 1032;
        let absurd = Problem::AbsurdHeader { promised: most, possible };
        assert_eq!(read_bytes(&largest, Items::Images), Err(absurd));
    }
}

#[test]
fn a_bomb_is_left_after_what_its_header_promises() {
    // 64 MB of zeros in 64 kB, behind a header that promises one label.
    let mut bytes = labels(&[7]);
    bytes.resize(64 << 20, 0);
    let bomb = packed(&bytes);
    let mut input = Counted { inner: &bomb, consumed: 0 };
    let trailing = Problem::Trailing { expected: 9, found: 10 };
    assert_eq!(read(&mut input, bomb.len() as u64, Items::Labels), Err(trailing));
    assert!(input.consumed < 1000, "{} bytes of the bomb were read", input.consumed);
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
    assert!(matches!(refused(&wrong_sum), Problem::Gzip { .. }), "{}", refused(&wrong_sum));

    let mut damaged = sound.clone();
    damaged[10] = 0xff; // A block of the reserved type.
    assert!(matches!(refused(&damaged), Problem::Gzip { .. }), "{}", refused(&damaged));

    let half = refused(&sound[..sound.len() / 2]);
    assert!(matches!(half, Problem::Truncated { expected: 800, found } if found < 800), "{half}");

    for cut in 1..=8 {
        let cut = refused(&sound[..sound.len() - cut]);
        assert!(matches!(&cut, Problem::Gzip { reason } if reason.contains("checksum")), "{cut}");
    }
    assert!(matches!(refused(&sound[..5]), Problem::Gzip { .. }), "{}", refused(&sound[..5]));

    let followed = [&sound[..], b"more"].concat();
    assert!(matches!(refused(&followed), Problem::Gzip { .. }), "{}", refused(&followed));
    let twice = [sound.clone(), sound].concat();
    assert_eq!(refused(&twice), Problem::Trailing { expected: 800, found: 801 });
}

#[test]
fn several_members_and_zeros_behind_them_are_read() {
    let whole = labels(&[1, 2, 3]);
    let members = [packed(&whole[..5]), packed(b""), packed(&whole[5..]), packed(b"")].concat();
    assert_eq!(read_bytes(&members, Items::Labels), Ok(vec![1, 2, 3]));
    assert_eq!(read_bytes(&[&members[..], &[0; 512]].concat(), Items::Labels), Ok(vec![1, 2, 3]));
    assert_eq!(read_bytes(&packed(&members), Items::Labels), Ok(vec![1, 2, 3]), "packed again");
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
    assert_eq!(refused, Err(Problem::Read { reason: "the disk is gone".to_owned() }));
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
    fn no_header_makes_it_panic(kind in 7u8..16, rank in 0u8..6, dimensions in proptest::collection::vec(prop_oneof![Just(0u32), Just(1), Just(8), Just(28), Just(784), any::<u32>()], 0..5), length in 0usize..8000) {
        let mut input = vec![0, 0, kind, rank];
        input.extend(dimensions.iter().flat_map(|dimension| dimension.to_be_bytes()));
        input.resize(length.max(4), 0x3f);
        for items in [Items::Images, Items::Labels] {
            let _ = read_bytes(&input, items);
        }
    }

    #[test]
    fn no_packed_file_may_be_cut(items in proptest::collection::vec(0u8..10, 1..300), split in 0usize..300) {
        let whole = labels(&items);
        let (first, second) = whole.split_at(split.min(whole.len()));
        let bytes = [packed(first), packed(second)].concat();
        prop_assert_eq!(read_bytes(&bytes, Items::Labels), Ok(items));
        for length in 0..bytes.len() {
            // Between the members stands a whole file of fewer bytes, and a header is held to it.
            let is_whole = second.is_empty() && length == packed(first).len();
            prop_assert_eq!(read_bytes(&bytes[..length], Items::Labels).is_ok(), is_whole);
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
