//! A data set from a path: whatever lies there is found, read, or named.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::folder::{Contents, Family, PictureFolders, family_of, foreign_class};
use super::names::Part;
use super::{LoadEvent, Unused, files, npz};
use crate::gzip::{self, Gunzip};
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
        return npz::load(path, notify);
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
        return npz::load(archive, notify);
    }
    if let Some(folders) = contents.pictures() {
        let loaded = load_pictures(folders)?;
        for folder in &folders.unused {
            notify(LoadEvent::Unused(&Unused { name: folder.display().to_string() }));
        }
        return Ok(loaded);
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
    match kind(file) {
        Some(kind) => format!("{name} ({kind})"),
        None => name,
    }
}

/// What a file is; of packed data, what is in it.
fn kind(file: &Path) -> Option<String> {
    let known = first_bytes(file).ok().and_then(|bytes| {
        let packed = Signature::known(&bytes)?;
        Some((packed, bytes.starts_with(&gzip::MAGIC).then(|| unpacked(&bytes))))
    });
    let named = is_table(file).then_some("a table as text");
    match known {
        Some((kind, None)) => Some(kind.into()),
        Some((kind, Some(within))) => {
            let within = Signature::known(&within).or(named).or(is_pickle_by_name(file));
            Some(within.map_or(kind.into(), |within| format!("{kind}, of {within}")))
        }
        None => named.map(str::to_owned),
    }
}

/// What to do about the first of these files of which that is known.
fn advice(files: &[PathBuf]) -> Option<&'static str> {
    files.iter().take(MOST_ADVISED).find_map(|file| {
        let kind = kind(file)?;
        let is_one_of = |words: &[&str]| words.iter().any(|word| kind.contains(word));
        if is_one_of(&Signature::TABLES) || is_table(file) {
            Some(ARRAYS)
        } else if is_one_of(&Signature::UNPACKED) {
            Some(UNPACK)
        } else {
            None
        }
    })
}

/// The first bytes of what is packed in these first bytes of gzip data.
fn unpacked(start: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What was cut off is an error, behind the bytes that are wanted.
    let _ = Gunzip::new(start).take(SIGNATURE_BYTES).read_to_end(&mut bytes);
    bytes
}

fn is_table(file: &Path) -> bool {
    ending(file).is_some_and(|ending| ["csv", "tsv"].contains(&ending.as_str()))
}

/// Words for a pickle of a protocol that its first bytes do not show, such as that of `mnist.pkl.gz`.
fn is_pickle_by_name(file: &Path) -> Option<&'static str> {
    let is_pickle = ending(file).is_some_and(|ending| ["pkl", "pickle"].contains(&ending.as_str()));
    is_pickle.then_some("a pickle of Python")
}

/// The ending of a file's name in lower case, without that of packed data.
fn ending(file: &Path) -> Option<String> {
    let name = file.file_name()?.to_string_lossy().to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.rsplit_once('.').map(|(_, ending)| ending.to_owned())
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
