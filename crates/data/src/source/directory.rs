//! A data set from a path: whatever lies there is found, read, or named.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::folder::{Contents, Family, PictureFolders, family_of, foreign_class};
use super::names::Part;
use super::{LoadEvent, files, npz};
use crate::problem::Problem;
use crate::signature::Signature;
use crate::{Error, Labeled, Result};

/// Bytes of a file that tell what it is; a tar archive has its mark behind the first name.
const SIGNATURE_BYTES: u64 = 512;
/// Files that are looked at for what to do about them.
const MOST_ADVISED: usize = 100;
/// What to do about an archive of other files.
const UNPACK: &str = "unpack it and name the folder";
/// What to do about a table.
const ARRAYS: &str = "make an mnist.npz of it as docs/data.md shows";

/// Loads train and evaluation from a folder or file. Of what a folder holds, four IDX files come before an archive of arrays and
/// that before pictures; `notify` is told of damaged files that were passed over.
///
/// # Errors
/// [`Error::NoDirectory`], [`Error::NoData`], [`Error::Ambiguous`], [`Error::Missing`], and those of the files.
pub(crate) fn load(path: &Path, notify: &mut dyn FnMut(LoadEvent<'_>)) -> Result<(Labeled, Labeled)> {
    let (train, evaluation) =
        if path.is_dir() { load_folder(path, notify) } else { load_file(path, notify) }?;
    for (set, name) in [(&train, "training"), (&evaluation, "test")] {
        if let Some(value) = set.single_value() {
            let file = format!("{}: {name} images", path.display());
            return Err(Error::File { file, problem: Problem::Blank { images: set.len(), value } });
        }
    }
    Ok((train, evaluation))
}

fn load_file(path: &Path, notify: &mut dyn FnMut(LoadEvent<'_>)) -> Result<(Labeled, Labeled)> {
    let family = family_of(path)?;
    // An archive whose name is that of one of four files holds that one.
    if family.is_none() && path.is_file() && first_bytes(path)?.starts_with(b"PK") {
        return npz::load(path);
    }
    match family {
        Some(family) => match family.missing()[..] {
            [] => files::load_family(&family, notify),
            _ => Err(missing(&family)),
        },
        None if path.is_file() => {
            let advice = advice(std::slice::from_ref(&path.to_owned()));
            Err(Error::NoData { path: path.to_owned(), found: vec![described(path, path)], advice })
        }
        None => Err(Error::NoDirectory { path: path.to_owned() }),
    }
}

fn load_folder(path: &Path, notify: &mut dyn FnMut(LoadEvent<'_>)) -> Result<(Labeled, Labeled)> {
    let contents = Contents::of(path)?;
    if let Some(family) = contents.family(path)? {
        return files::load_family(family, notify);
    }
    if let Some(archive) = contents.archive(path)? {
        return npz::load(archive);
    }
    if let Some(folders) = contents.pictures() {
        return load_pictures(folders);
    }
    Err(match (contents.incomplete(), foreign_class(path)) {
        (Some(family), _) => missing(family),
        (None, Some(folder)) => Error::Class { folder },
        (None, None) => {
            let found = contents.others.iter().map(|file| described(file, path)).collect();
            Error::NoData { path: path.to_owned(), found, advice: advice(&contents.others) }
        }
    })
}

fn missing(family: &Family) -> Error {
    let found = Part::ALL.into_iter().flat_map(|part| family.files(part));
    Error::Missing {
        directory: family.folder.clone(),
        missing: family.missing().into_iter().map(Part::name).collect(),
        found: found.map(|file| within(file, &family.folder)).collect(),
    }
}

#[cfg(feature = "pictures")]
fn load_pictures(folders: &PictureFolders) -> Result<(Labeled, Labeled)> {
    let one_set = |missing| Err(Error::OneSet { folder: folders.folder.clone(), missing });
    match (&folders.train, &folders.evaluation) {
        (Some(train), Some(evaluation)) => {
            Ok((super::pictures::load(train)?, super::pictures::load(evaluation)?))
        }
        (Some(_), None) => one_set("`test`"),
        (None, Some(_)) => one_set("`train`"),
        (None, None) => one_set("`train` or `test`"),
    }
}

#[cfg(not(feature = "pictures"))]
fn load_pictures(_: &PictureFolders) -> Result<(Labeled, Labeled)> {
    Err(Error::NotBuilt { origin: "pictures" })
}

/// The name of a file below `folder`, and what it is where its first bytes or, for a table, its name tell.
fn described(file: &Path, folder: &Path) -> String {
    let name = within(file, folder);
    match first_bytes(file).ok().and_then(|bytes| Signature::known(&bytes)) {
        Some(kind) => format!("{name} ({kind})"),
        None if is_table(file) => format!("{name} (a table as text)"),
        None => name,
    }
}

/// What to do about the first of these files of which that is known.
fn advice(files: &[PathBuf]) -> Option<&'static str> {
    files.iter().take(MOST_ADVISED).find_map(|file| {
        if is_table(file) {
            return Some(ARRAYS);
        }
        let kind = Signature::known(&first_bytes(file).ok()?)?;
        if Signature::UNPACKED.iter().any(|word| kind.contains(word)) {
            Some(UNPACK)
        } else if Signature::TABLES.iter().any(|word| kind.contains(word)) {
            Some(ARRAYS)
        } else {
            None
        }
    })
}

fn is_table(file: &Path) -> bool {
    let ending = file.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    matches!(ending.as_deref(), Some("csv" | "tsv"))
}

fn within(file: &Path, folder: &Path) -> String {
    let name = file.strip_prefix(folder).ok().filter(|name| !name.as_os_str().is_empty());
    name.unwrap_or(file).display().to_string()
}

/// The first bytes of an ordinary file; nothing of another one, which may have no end.
fn first_bytes(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if path.is_file() {
        let read = |file: File| file.take(SIGNATURE_BYTES).read_to_end(&mut bytes);
        File::open(path).and_then(read).map_err(|error| Error::io(path, &error))?;
    }
    Ok(bytes)
}
