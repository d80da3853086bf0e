//! Archives of NumPy arrays, such as the `mnist.npz` of Keras: `x_train`, `y_train`, `x_test`, `y_test`.

use std::fs;
use std::path::Path;

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive, ZipArchiveEntryWayfinder, ZipSliceArchive};

use super::{LoadEvent, Unused, names, npy};
use crate::items::Items;
use crate::problem::Problem;
use crate::signature::Signature;
use crate::{Error, Labeled, Result};

/// Names of the four arrays, in lower case: what Keras calls them, and what else is in use.
const ARRAYS: [(&str, &[&str], Items); 4] = [
    ("x_train", &["x_train", "train_x", "train_images", "training_images"], Items::Images),
    ("y_train", &["y_train", "train_y", "train_labels", "training_labels"], Items::Labels),
    ("x_test", &["x_test", "test_x", "test_images"], Items::Images),
    ("y_test", &["y_test", "test_y", "test_labels"], Items::Labels),
];
/// Entries of an archive that are looked at; those of a data set are a handful.
const MOST_ENTRIES: usize = 1000;

/// An array of the archive.
struct Entry {
    /// Its name without `.npy`.
    name: String,
    /// Whether it had that ending.
    is_array: bool,
    method: CompressionMethod,
    place: ZipArchiveEntryWayfinder,
}

/// Loads train and evaluation from an archive that `numpy.savez` or `numpy.savez_compressed` wrote. `notify` is told of arrays for
/// validation, which are not used.
///
/// # Errors
/// [`Error::Io`], [`Error::Arrays`] where an array is missing, and [`Error::File`].
pub(super) fn load(path: &Path, notify: &mut dyn FnMut(LoadEvent<'_>)) -> Result<(Labeled, Labeled)> {
    let bytes = fs::read(path).map_err(|error| Error::io(path, &error))?;
    from_bytes(&bytes, path, notify)
}

/// Reads the items of an archive that holds one array alone, as KMNIST has one for each of its four files.
///
/// # Errors
/// Every deviation is its own variant of [`Problem`].
pub(super) fn read_only_array(bytes: &[u8], items: Items) -> std::result::Result<Vec<u8>, Problem> {
    let (archive, entries) = open(bytes)?;
    match &entries[..] {
        [entry] => read(&archive, entry, items),
        other => Err(Problem::Zip { reason: format!("{} arrays instead of one", other.len()) }),
    }
}

/// An archive and its entries.
fn open(bytes: &[u8]) -> std::result::Result<(ZipSliceArchive<&[u8]>, Vec<Entry>), Problem> {
    if bytes.is_empty() {
        return Err(Problem::NoBytes);
    }
    if !bytes.starts_with(b"PK") {
        return Err(Problem::Zip { reason: format!("it begins with {}", Signature::of(bytes)) });
    }
    let archive = ZipArchive::from_slice(bytes).map_err(|error| zip_problem(&error))?;
    let entries = entries(&archive).map_err(|error| zip_problem(&error))?;
    Ok((archive, entries))
}

/// The same from the bytes of the archive at `path`.
pub(super) fn from_bytes(
    bytes: &[u8],
    path: &Path,
    notify: &mut dyn FnMut(LoadEvent<'_>),
) -> Result<(Labeled, Labeled)> {
    let (archive, entries) =
        open(bytes).map_err(|problem| Error::File { file: path.display().to_string(), problem })?;
    let wanted = ARRAYS.map(|(_, names, _)| {
        entries.iter().find(|entry| names.contains(&entry.name.to_ascii_lowercase().as_str()))
    });
    let [Some(train_images), Some(train_labels), Some(images), Some(labels)] = wanted else {
        if let Some(kind) = other_archive(&entries) {
            let found = vec![format!("{} ({kind})", path.display())];
            return Err(Error::NoData { path: path.to_owned(), found, advice: None });
        }
        let missing = wanted.iter().zip(ARRAYS).filter(|(entry, _)| entry.is_none());
        return Err(Error::Arrays {
            file: path.to_owned(),
            missing: missing.map(|(_, (name, ..))| name).collect(),
            found: entries.into_iter().map(|entry| entry.name).collect(),
        });
    };
    let read = |entry: &Entry, items| {
        read(&archive, entry, items).map_err(|problem| Error::File { file: name_in(path, entry), problem })
    };
    let set = |images: &Entry, labels: &Entry| {
        Labeled::new(read(images, Items::Images)?, read(labels, Items::Labels)?)
            .map_err(|problem| Error::File { file: name_in(path, labels), problem })
    };
    let loaded = (set(train_images, train_labels)?, set(images, labels)?);
    for entry in entries.iter().filter(|entry| entry.is_array && is_of_validation(&entry.name)) {
        notify(LoadEvent::Unused(&Unused { name: name_in(path, entry) }));
    }
    Ok(loaded)
}

/// Whether an array is one of images to validate on, such as `x_val`; its labels go with them.
fn is_of_validation(name: &str) -> bool {
    let words = names::words(name);
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
    has(&["val", "valid", "validation"]) && has(&["x", "images", "image", "data"])
}

/// What an archive is that holds no array.
fn other_archive(entries: &[Entry]) -> Option<&'static str> {
    if entries.iter().any(|entry| entry.is_array) {
        return None;
    }
    let of_pytorch = entries.iter().any(|entry| entry.name.ends_with("data.pkl"));
    Some(if of_pytorch {
        "a file of PyTorch: save its arrays as mnist.npz, see docs/data.md"
    } else {
        "a zip archive of other files: unpack it first"
    })
}

fn name_in(path: &Path, entry: &Entry) -> String {
    format!("{}: {}", path.display(), entry.name)
}

/// The arrays of the archive.
fn entries(archive: &ZipSliceArchive<&[u8]>) -> std::result::Result<Vec<Entry>, rawzip::Error> {
    let mut entries = Vec::new();
    let mut records = archive.entries();
    while let Some(record) = records.next_entry()? {
        let name = String::from_utf8_lossy(record.file_path().as_bytes()).into_owned();
        if entries.len() < MOST_ENTRIES && !record.is_dir() {
            let array = name.strip_suffix(".npy");
            entries.push(Entry {
                name: array.unwrap_or(&name).to_owned(),
                is_array: array.is_some(),
                method: record.compression_method(),
                place: record.wayfinder(),
            });
        }
    }
    Ok(entries)
}

/// The items of one array, its checksum and length checked.
fn read(
    archive: &ZipSliceArchive<&[u8]>,
    entry: &Entry,
    items: Items,
) -> std::result::Result<Vec<u8>, Problem> {
    let local = archive.get_entry(entry.place).map_err(|error| zip_problem(&error))?;
    let data = local.data();
    let stored = data.len() as u64;
    match entry.method {
        CompressionMethod::STORE => npy::read(&mut local.verifying_reader(data), stored, stored, items),
        CompressionMethod::DEFLATE => {
            let length = entry.place.uncompressed_size_hint();
            npy::read(&mut local.verifying_reader(DeflateDecoder::new(data)), length, stored, items)
        }
        other => Err(Problem::Zip {
            reason: format!("an entry is packed by {other:?}, neither stored nor deflated"),
        }),
    }
}

fn zip_problem(error: &rawzip::Error) -> Problem {
    Problem::Zip { reason: error.to_string() }
}
