//! What lies in a folder: sets of four IDX files, archives of arrays, folders of pictures, and the rest.
//!
//! A folder is looked through as far down as people keep data: torchvision's root has `EMNIST/raw/gzip`, an unpacked archive of
//! Kaggle a folder for each file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::names::{self, Named, Part};
use crate::{Error, Result};

/// Folders below the first, one in another.
const MOST_LEVELS: usize = 4;
/// Files and folders that are looked at. Not even a home folder may take long.
const MOST_ENTRIES: usize = 20_000;

/// The names of folders of training pictures, in lower case without other signs than letters and digits.
const TRAIN: [&str; 4] = ["train", "training", "trainingset", "trainset"];
/// Those of test pictures; the first that is there is taken.
const EVALUATION: [&str; 7] = ["test", "testing", "testingset", "testset", "val", "valid", "validation"];

/// The files of one set.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Family {
    /// The folder that it lies in.
    pub(super) folder: PathBuf,
    /// What its files' names begin with; see [`Named::family`].
    pub(super) name: String,
    /// Folders between the one that was given and [`folder`](Self::folder).
    level: usize,
    /// The files of each [`Part`], the one to try first in front.
    files: [Vec<PathBuf>; 4],
}

impl Family {
    pub(super) fn files(&self, part: Part) -> &[PathBuf] {
        &self.files[part as usize]
    }

    /// The parts that have no file.
    pub(super) fn missing(&self) -> Vec<Part> {
        Part::ALL.into_iter().filter(|&part| self.files(part).is_empty()).collect()
    }

    fn any_file(&self) -> Option<&PathBuf> {
        self.files.iter().flatten().next()
    }
}

/// Pictures in a folder for each class.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PictureFolders {
    /// The folder that holds both.
    pub(super) folder: PathBuf,
    pub(super) train: Option<PathBuf>,
    pub(super) evaluation: Option<PathBuf>,
    /// Others of the names of evaluation.
    pub(super) unused: Vec<PathBuf>,
}

/// All that was found in a folder.
#[derive(Debug, Default)]
pub(super) struct Contents {
    families: Vec<Family>,
    /// Archives of NumPy arrays, the one nearest to the top first.
    archives: Vec<PathBuf>,
    /// Folders of pictures, the one nearest to the top first.
    pictures: Vec<PictureFolders>,
    /// Other files and empty folders.
    pub(super) others: Vec<PathBuf>,
}

impl Contents {
    /// Looks through `folder`.
    ///
    /// # Errors
    /// [`Error::Io`] if it can't be read. Folders in it that can't be are passed over.
    pub(super) fn of(folder: &Path) -> Result<Self> {
        Search::run(folder, MOST_LEVELS)
    }

    /// The set that is meant: the only one with all files nearest to the top; `None` where there is none with all files.
    ///
    /// # Errors
    /// [`Error::Ambiguous`] where several are equally near.
    pub(super) fn family(&self, folder: &Path) -> Result<Option<&Family>> {
        let whole = || self.families.iter().filter(|family| family.missing().is_empty());
        let Some(nearest) = whole().map(|family| family.level).min() else { return Ok(None) };
        let mut nearest: Vec<&Family> = whole().filter(|family| family.level == nearest).collect();
        match nearest.len() {
            1 => Ok(nearest.pop()),
            _ => Err(Error::Ambiguous {
                path: folder.to_owned(),
                found: nearest.iter().map(|family| choice(family, &nearest)).collect(),
            }),
        }
    }

    /// The archive of arrays that is meant, if one is there.
    ///
    /// # Errors
    /// [`Error::Ambiguous`] where there are several: no name makes one of them the right one.
    pub(super) fn archive(&self, folder: &Path) -> Result<Option<&Path>> {
        match &self.archives[..] {
            [] => Ok(None),
            [archive] => Ok(Some(archive)),
            several => Err(Error::Ambiguous { path: folder.to_owned(), found: several.to_vec() }),
        }
    }

    /// The folders of pictures that are meant: the first of both sets, else the first.
    pub(super) fn pictures(&self) -> Option<&PictureFolders> {
        let is_whole = |folders: &&PictureFolders| folders.train.is_some() && folders.evaluation.is_some();
        self.pictures.iter().find(is_whole).or(self.pictures.first())
    }

    /// The set with the most files of those that lack one.
    pub(super) fn incomplete(&self) -> Option<&Family> {
        self.families.iter().min_by_key(|family| (family.missing().len(), family.level))
    }
}

/// The shortest path that chooses `family` among `others`.
fn choice(family: &Family, others: &[&Family]) -> PathBuf {
    let is_alone = others.iter().filter(|other| other.folder == family.folder).count() == 1;
    if is_alone {
        family.folder.clone()
    } else if family.name.is_empty() {
        family.any_file().unwrap_or(&family.folder).clone()
    } else {
        family.folder.join(&family.name)
    }
}

/// The set that a file or the beginning of files' names stands for: `DIR/emnist-digits-train-images-idx3-ubyte` or
/// `DIR/emnist-digits`.
///
/// # Errors
/// [`Error::Io`] if the folder can't be read.
pub(super) fn family_of(path: &Path) -> Result<Option<Family>> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Ok(None) };
    let wanted = match names::parse(name) {
        Some(named) => named.family,
        None => names::family(name),
    };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        return Ok(None);
    }
    // One level, for the folders of Kaggle that are named as their files.
    let families = Search::run(folder, 1)?.families;
    Ok(families.into_iter().find(|family| family.name == wanted && family.level == 0))
}

/// A walk through folders.
struct Search {
    families: BTreeMap<(usize, PathBuf, String), [Vec<PathBuf>; 4]>,
    contents: Contents,
    entries: usize,
}

impl Search {
    fn run(folder: &Path, levels: usize) -> Result<Contents> {
        let mut search = Self { families: BTreeMap::new(), contents: Contents::default(), entries: 0 };
        let first = list(folder).map_err(|error| Error::io(folder, &error))?;
        let mut level_folders = vec![(folder.to_owned(), first)];
        // Level by level, so that what is nearest to the top is found first, whatever the limit on entries.
        for level in 0..=levels {
            let mut below = Vec::new();
            for (folder, entries) in level_folders {
                below.extend(search.look_at(&folder, entries, level));
            }
            level_folders = below
                .into_iter()
                .filter_map(|folder| list(&folder).ok().map(|entries| (folder, entries)))
                .collect();
        }
        let Self { families, mut contents, .. } = search;
        let family = |((level, folder, name), mut files): ((usize, PathBuf, String), [Vec<PathBuf>; 4])| {
            for files in &mut files {
                files.sort_by_cached_key(|file| preference(file, &folder));
            }
            Family { folder, name, level, files }
        };
        contents.families = families.into_iter().map(family).collect();
        Ok(contents)
    }

    /// Sorts the files of one folder; returns the folders in it that are to be looked at.
    fn look_at(&mut self, folder: &Path, entries: Vec<(String, PathBuf)>, level: usize) -> Vec<PathBuf> {
        if let Some(pictures) = picture_folders(folder, &entries) {
            self.contents.pictures.push(pictures);
        }
        let mut below = Vec::new();
        for (name, path) in entries {
            self.entries += 1;
            if self.entries > MOST_ENTRIES {
                break;
            }
            if path.is_dir() {
                // Thousands of pictures.
                if !is_class(&name) {
                    below.push(path);
                }
                continue;
            }
            if let (Some(Named { family, part }), true) = (names::parse(&name), path.is_file()) {
                // A folder named as a file in it does not count.
                let own = folder.file_name().and_then(|name| name.to_str()).and_then(names::parse).is_some();
                let (folder, level) = match folder.parent() {
                    Some(parent) if own && level > 0 => (parent, level - 1),
                    _ => (folder, level),
                };
                let files = self.families.entry((level, folder.to_owned(), family)).or_default();
                files[part as usize].push(path);
            } else if name.to_ascii_lowercase().ends_with(".npz") {
                self.contents.archives.push(path);
            } else {
                self.contents.others.push(path);
            }
        }
        below
    }
}

/// The order in which files of one part are tried: MNIST's own place and name, raw before packed.
fn preference(file: &Path, folder: &Path) -> (bool, bool, PathBuf) {
    let is_packed = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
    (is_packed, file.parent() != Some(folder), file.to_owned())
}

/// The pictures by class in `folder`, whose entries are given.
fn picture_folders(folder: &Path, entries: &[(String, PathBuf)]) -> Option<PictureFolders> {
    let find = |names: &[&str]| -> Vec<PathBuf> {
        let named = |wanted: &str| {
            entries.iter().find_map(|(name, path)| {
                if names::words(name).concat() != wanted {
                    return None;
                }
                // Kaggle's archives have a folder in one of the same name.
                [path.clone(), path.join(name)].into_iter().find(|path| has_classes(path))
            })
        };
        names.iter().filter_map(|wanted| named(wanted)).collect()
    };
    let train = find(&TRAIN).into_iter().next();
    let mut others = find(&EVALUATION).into_iter();
    let evaluation = others.next();
    let found = train.is_some() || evaluation.is_some() || has_classes(folder);
    let unused = others.collect();
    found.then(|| PictureFolders { folder: folder.to_owned(), train, evaluation, unused })
}

/// A folder in that of a set's pictures in `folder`, where these stand in folders of which none is named for a digit.
pub(super) fn foreign_class(folder: &Path) -> Option<PathBuf> {
    let sets = list(folder).ok()?.into_iter().filter(|(name, _)| {
        let name = names::words(name).concat();
        TRAIN.contains(&name.as_str()) || EVALUATION.contains(&name.as_str())
    });
    sets.filter_map(|(_, set)| list(&set).ok()).flatten().map(|(_, path)| path).find(|path| path.is_dir())
}

/// `true` for a folder with a folder for a class in it.
fn has_classes(folder: &Path) -> bool {
    (0..crate::DIGITS).any(|digit| folder.join(digit.to_string()).is_dir())
}

/// `true` for the name of a folder of one class.
fn is_class(name: &str) -> bool {
    matches!(name.as_bytes(), [b'0'..=b'9'])
}

/// The entries of a folder by name, without those that systems hide or add.
pub(super) fn list(folder: &Path) -> std::io::Result<Vec<(String, PathBuf)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_extra =
            name.starts_with('.') || ["__MACOSX", "Thumbs.db", "desktop.ini"].contains(&name.as_str());
        if !is_extra {
            entries.push((name, entry.path()));
        }
    }
    entries.sort();
    Ok(entries)
}
