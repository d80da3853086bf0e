//! NumPy's arrays: an archive of four, or four files.

use std::fs;

use adder_data::{Source, load};

use crate::envelope::zip;
use crate::sections::{form, join, split};
use crate::target::{Seed, Target};
use crate::{sample, scratch};

/// The target.
pub const TARGET: Target = Target {
    run,
    seeds,
    words: &[
        b"PK\x03\x04",
        b"PK\x01\x02",
        b"PK\x05\x06",
        b"\x93NUMPY",
        b"<f4",
        b"<i8",
        b">u2",
        b"|b1",
        b"True",
    ],
};

const KERAS: [&str; 4] = ["x_train.npy", "y_train.npy", "x_test.npy", "y_test.npy"];
const FILES: [&str; 4] =
    ["train-images-idx3.npy", "train-labels-idx1.npy", "test-images-idx3.npy", "test-labels-idx1.npy"];
const IMAGES: usize = 2;

/// The first byte chooses between the bytes of an archive, an archive of the parts, and the parts as files.
pub fn run(data: &[u8]) -> bool {
    let folder = scratch::empty_folder();
    let (form, data) = form(data);
    let write =
        |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).expect("a file in our own folder");
    let right = arrays();
    let given = split(data);
    let part = |index: usize| {
        given.get(index).filter(|part| !part.is_empty()).map_or(&right[index][..], |part| part)
    };
    match form {
        0 => write("mnist.npz", data),
        1 => write("mnist.npz", &zip(KERAS.iter().enumerate().map(|(index, name)| (*name, part(index))))),
        2 => {
            let one = |index| zip([("arr_0.npy", part(index))]);
            FILES
                .iter()
                .enumerate()
                .for_each(|(index, name)| write(&name.replace("npy", "npz"), &one(index)));
        }
        _ => FILES.iter().enumerate().for_each(|(index, name)| write(name, part(index))),
    }
    let Ok(data) = load(&Source::Directory(folder.clone()), &mut |_| ()) else { return false };
    assert!(data.train.labels().iter().chain(data.evaluation.labels()).all(|label| *label < 10));
    true
}

fn array(kind: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}\n");
    [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), bytes].concat()
}

fn arrays() -> [Vec<u8>; 4] {
    let images = array("|u1", "2, 28, 28", &sample::pixels(IMAGES));
    let labels = array("|u1", "2,", &sample::labels(IMAGES));
    [images.clone(), labels.clone(), images, labels]
}

fn seeds() -> Vec<Seed> {
    let [images, labels, ..] = arrays();
    let with = |form: u8, parts: &[&[u8]]| [&[form], &join(parts)[..]].concat();
    let wide = array("<i8", "2,", b"\x03\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0");
    let floats: Vec<u8> =
        sample::pixels(IMAGES).iter().flat_map(|byte| f32::from(*byte).to_le_bytes()).collect();
    let floats = array("<f4", "2, 28, 28, 1", &floats);
    let archive = zip([
        ("x_train.npy", &images[..]),
        ("y_train.npy", &labels),
        ("x_test.npy", &images),
        ("y_test.npy", &labels),
    ]);
    vec![
        ("labels", with(1, &[b"", &labels])),
        ("wide_labels", with(1, &[b"", &wide])),
        ("floats", with(1, &[&floats])),
        ("archive", with(0, &[&archive])),
        ("archives", with(2, &[b"", &labels])),
        ("files", with(3, &[b"", &wide])),
    ]
}
