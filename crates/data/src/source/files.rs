//! The four files of MNIST, Fashion-MNIST, KMNIST or any other set of that form: IDX or arrays, in a folder or inside the binary.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread::ScopedJoinHandle;
use std::{panic, thread};

use super::folder::Family;
use super::names::Part;
use super::{LoadEvent, SkippedFile, npy, npz};
use crate::idx::{self, Items, Problem};
use crate::{Error, Labeled, Result};

/// The items of a file, and its path or name for errors.
struct FileItems {
    name: String,
    items: Vec<u8>,
}

/// Loads the four files of a set that has them all. Of several of one part, the first that is sound is taken, and `notify` is
/// told of those before it.
pub(super) fn load_family(
    family: &Family,
    notify: &mut dyn FnMut(LoadEvent<'_>),
) -> Result<(Labeled, Labeled)> {
    let skipped = Mutex::new(Vec::new());
    let loaded = load_four(|part, items| {
        let (file, before) = first_sound(family.files(part), items)?;
        skipped.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).extend(before);
        Ok(file)
    })?;
    let mut skipped = skipped.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    skipped.sort_by(|a, b| a.file.cmp(&b.file));
    for skipped in &skipped {
        notify(LoadEvent::Skipped(skipped));
    }
    Ok(loaded)
}

/// Reads the first of `files` that can be; where none can, the error is that of the first.
fn first_sound(files: &[PathBuf], items: Items) -> Result<(FileItems, Vec<SkippedFile>)> {
    let mut errors: Vec<(PathBuf, Error)> = Vec::new();
    for path in files {
        match read_file(path, items) {
            Ok(file) => {
                let skipped = |(file, error)| SkippedFile { file, error, taken: path.clone() };
                return Ok((file, errors.into_iter().map(skipped).collect()));
            }
            Err(error) => errors.push((path.clone(), error)),
        }
    }
    Err(match errors.into_iter().next() {
        Some((_, error)) => error,
        None => Error::Io { path: PathBuf::new(), reason: "no file".into() },
    })
}

fn read_file(path: &Path, items: Items) -> Result<FileItems> {
    let io = |error: io::Error| Error::io(path, &error);
    let file = File::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    let mut input = BufReader::with_capacity(1 << 16, file);
    let start = input.fill_buf().map_err(io)?;
    let (is_archive, is_array) = (start.starts_with(b"PK"), start.starts_with(npy::MAGIC));
    let name = path.display().to_string();
    let read = if is_archive {
        npz::read_only_array(&fs::read(path).map_err(io)?, items)
    } else if is_array {
        npy::read(&mut input, length, length, items)
    } else {
        return read_items(name, input, length, items);
    };
    named(name, read)
}

fn read_items(name: String, input: impl BufRead, length: u64, items: Items) -> Result<FileItems> {
    named(name, idx::read(input, length, items))
}

fn named(name: String, read: std::result::Result<Vec<u8>, Problem>) -> Result<FileItems> {
    match read {
        Ok(items) => Ok(FileItems { name, items }),
        Err(problem) => Err(Error::File { file: name, problem }),
    }
}

/// Loads MNIST from inside the binary; `assets/mnist/README.md` has its credit and license.
#[cfg(feature = "embedded")]
pub(crate) fn load_embedded() -> Result<(Labeled, Labeled)> {
    load_four(|part, items| {
        let input = packed(part);
        read_items(format!("embedded {}", part.name()), input, input.len() as u64, items)
    })
}

#[cfg(feature = "embedded")]
fn packed(part: Part) -> &'static [u8] {
    match part {
        Part::TrainImages => include_bytes!("../../assets/mnist/train-images-idx3-ubyte.gz"),
        Part::TrainLabels => include_bytes!("../../assets/mnist/train-labels-idx1-ubyte.gz"),
        Part::EvaluationImages => include_bytes!("../../assets/mnist/t10k-images-idx3-ubyte.gz"),
        Part::EvaluationLabels => include_bytes!("../../assets/mnist/t10k-labels-idx1-ubyte.gz"),
    }
}

/// Loads train and evaluation; `read` reads a file.
///
/// The training images are unpacked beside the other three files. That thread is our own: rayon's global pool would be
/// fixed to its default size by the first use, before the caller could set the number of threads.
fn load_four(read: impl Fn(Part, Items) -> Result<FileItems> + Sync) -> Result<(Labeled, Labeled)> {
    let train_images = || read(Part::TrainImages, Items::Images);
    thread::scope(|scope| {
        // Where the system starts no thread, the files are read one after the other.
        let beside = thread::Builder::new().spawn_scoped(scope, train_images).ok();
        let evaluation_images = read(Part::EvaluationImages, Items::Images)?;
        let evaluation = with_labels(evaluation_images, read(Part::EvaluationLabels, Items::Labels)?)?;
        let join = |thread: ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|payload| panic::resume_unwind(payload))
        };
        let train_images = beside.map_or_else(train_images, join)?;
        Ok((with_labels(train_images, read(Part::TrainLabels, Items::Labels)?)?, evaluation))
    })
}

/// Puts the two files of a set together.
fn with_labels(images: FileItems, labels: FileItems) -> Result<Labeled> {
    Labeled::new(images.items, labels.items).map_err(|problem| Error::File { file: labels.name, problem })
}
