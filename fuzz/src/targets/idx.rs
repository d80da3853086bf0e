//! Four IDX files in a folder: raw, packed, packed twice.

use std::fs;

use adder_data::{Source, load};

use crate::envelope::{gzip, gzip_of_deflated};
use crate::sections::{form, join, split};
use crate::target::{Seed, Target};
use crate::{sample, scratch};

/// The target.
pub const TARGET: Target =
    Target { run, seeds, words: &[b"\0\0\x08\x03", b"\0\0\x08\x01", b"\x1f\x8b", b"\0\0\0\x1c"] };

const NAMES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];
const IMAGES: usize = 2;

/// Each part is a file, its first byte what is put around it. A file that is not given is right.
pub fn run(data: &[u8]) -> bool {
    let folder = scratch::empty_folder();
    let right = files();
    let given = split(data);
    for (index, name) in NAMES.iter().enumerate() {
        let file = match given.get(index) {
            Some(part) if !part.is_empty() => wrapped(part),
            _ => right[index].clone(),
        };
        fs::write(folder.join(name), file).expect("a file in our own folder");
    }
    let Ok(data) = load(&Source::Directory(folder), &mut |_| ()) else { return false };
    assert!(data.train.labels().iter().chain(data.evaluation.labels()).all(|label| *label < 10));
    true
}

fn wrapped(part: &[u8]) -> Vec<u8> {
    match form(part) {
        (0, file) => file.to_vec(),
        (1, file) => gzip(file),
        (2, stream) => gzip_of_deflated(stream),
        (3, file) => [gzip(&file[..file.len() / 2]), gzip(&file[file.len() / 2..])].concat(),
        (_, file) => gzip(&gzip(file)),
    }
}

/// The four files of a small data set.
fn files() -> [Vec<u8>; 4] {
    let file = |head: &[&[u8]], items: Vec<u8>| [&head.concat()[..], &items].concat();
    let [count, side] = [IMAGES as u32, 28].map(u32::to_be_bytes);
    let images = file(&[b"\0\0\x08\x03", &count, &side, &side], sample::pixels(IMAGES));
    let labels = file(&[b"\0\0\x08\x01", &count], sample::labels(IMAGES));
    [images.clone(), labels.clone(), images, labels]
}

fn seeds() -> Vec<Seed> {
    let [images, labels, ..] = files();
    let packed = gzip(&labels);
    let deflated = &packed[10..packed.len() - 8];
    let with = |form: u8, file: &[u8]| [&[form], file].concat();
    let wide =
        b"\0\0\x0c\x02\0\0\0\x02\0\0\0\x08\0\0\0\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
        \0\0\0\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    vec![
        ("labels", join(&[b"", &with(0, &labels)])),
        ("packed_labels", join(&[b"", &with(1, &labels)])),
        ("members", join(&[b"", &with(3, &labels)])),
        ("twice", join(&[b"", &with(4, &labels)])),
        ("wide_labels", join(&[b"", &with(0, wide)])),
        ("deflated", join(&[b"", &with(2, deflated)])),
        ("images", join(&[&with(0, &images)])),
        (
            "packed_images",
            join(&[&with(1, &images), &with(1, &labels), &with(1, &images), &with(0, &labels)]),
        ),
    ]
}
