//! Writing files and folders so that a reader finds the old one or the new one, whole, whenever the machine stops.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use adder_data::whole_file::write_whole;
use serde_json::error::Category;

/// A file or folder that could not be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: cannot {action}: {error}")]
pub struct FileError {
    /// The file or folder.
    pub path: PathBuf,
    /// The action that failed, such as `read`.
    pub action: &'static str,
    /// The reason that it failed.
    pub error: io::Error,
}

/// For `map_err`: wraps an input/output error with what was done to which file.
pub(crate) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    move |error| FileError { path: path.to_owned(), action, error }
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    fs::read(path).map_err(failed("read", path))
}

/// Reads a file as text.
///
/// # Errors
/// Where it cannot be read or is not UTF-8.
pub fn read_text(path: &Path) -> Result<String, FileError> {
    fs::read_to_string(path).map_err(failed("read", path))
}

/// The reason that `bytes` are not the JSON that was expected, in words of what the file holds.
pub(crate) fn json_problem(bytes: &[u8], error: &serde_json::Error) -> String {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return "expected JSON, found nothing".into();
    }
    let place = format!("line {}, column {}", error.line(), error.column());
    match error.classify() {
        Category::Eof => format!("expected more JSON, found the end of the file at {place}"),
        Category::Syntax => format!("expected JSON, found something else at {place}"),
        Category::Data | Category::Io => error.to_string(),
    }
}

/// Writes a file whole, over an older one if there is one.
///
/// # Errors
/// Where it cannot be written.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write_whole(path, |file| file.write_all(bytes)).map_err(failed("write", path))
}

/// Deletes a file, if there is one.
pub(crate) fn remove_if_there(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("delete", path)(error)),
        _ => Ok(()),
    }
}

/// Replaces the folder `path` by one that holds `files`, all of them or none.
///
/// The new folder is completed and flushed as `.NAME.new`, then the old one is renamed to `.NAME.old` and the new one to
/// `NAME`. Between the two renames only the hidden names exist, and [`locate_folder`] finds the new folder.
pub(crate) fn replace_folder(path: &Path, files: &[(&str, &[u8])]) -> Result<(), FileError> {
    recover_folder(path)?;
    let (new, old) = (sibling(path, "new"), sibling(path, "old"));
    let attempt = || -> io::Result<()> {
        fs::create_dir(&new)?;
        for (name, bytes) in files {
            let mut file = File::create_new(new.join(name))?;
            file.write_all(bytes)?;
            file.sync_all()?;
        }
        sync_folder(&new)?;
        if path.exists() {
            fs::rename(path, &old)?;
        }
        fs::rename(&new, path)?;
        sync_folder(parent(path))?;
        remove_folder_if_there(&old)
    };
    attempt().map_err(failed("replace", path))
}

/// The place of the folder that [`replace_folder`] writes as `path`: there, or still under its hidden name because the
/// machine stopped between the two renames. `None` where it was never written. Changes nothing.
pub(crate) fn locate_folder(path: &Path) -> Option<PathBuf> {
    let (new, old) = (sibling(path, "new"), sibling(path, "old"));
    if path.is_dir() {
        return Some(path.to_owned());
    }
    // The old folder moves away only when the new one is complete.
    if old.is_dir() { Some(if new.is_dir() { new } else { old }) } else { None }
}

/// Finishes or undoes what an interrupted [`replace_folder`] left.
pub(crate) fn recover_folder(path: &Path) -> Result<(), FileError> {
    let attempt = || -> io::Result<()> {
        if let Some(found) = locate_folder(path)
            && found != path
        {
            fs::rename(found, path)?;
            sync_folder(parent(path))?;
        }
        remove_folder_if_there(&sibling(path, "new"))?;
        remove_folder_if_there(&sibling(path, "old"))
    };
    attempt().map_err(failed("recover", path))
}

/// The folder that `path` is in.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{suffix}"))
}

/// Deletes a folder with all that is in it, if there is one.
pub(crate) fn remove_folder_if_there(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes renames in a folder last through a power cut. Only Unix lets a folder be opened and flushed.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn folder_with(path: &Path, text: &str) {
        fs::create_dir(path).unwrap();
        fs::write(path.join("file"), text).unwrap();
    }

    #[test]
    fn a_failed_write_names_the_file_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        let error = write(&path, b"one").unwrap_err();
        assert_eq!((error.path, error.action), (path, "write"));
        assert_eq!(names(folder.path()), ["taken"]);
    }

    #[test]
    fn a_folder_is_replaced_whole() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("last");
        assert_eq!(locate_folder(&path), None);
        replace_folder(&path, &[("a", b"1"), ("b", b"2")]).unwrap();
        replace_folder(&path, &[("a", b"3")]).unwrap();
        assert_eq!(names(&path), ["a"]);
        assert_eq!(names(parent.path()), ["last"]);
        assert_eq!(locate_folder(&path), Some(path));
    }

    #[test]
    fn an_interruption_between_the_renames_keeps_the_new_folder() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("last");
        folder_with(&parent.path().join(".last.old"), "old");
        folder_with(&parent.path().join(".last.new"), "new");
        let found = locate_folder(&path).unwrap();
        assert_eq!(fs::read_to_string(found.join("file")).unwrap(), "new");
        recover_folder(&path).unwrap();
        assert_eq!(fs::read_to_string(path.join("file")).unwrap(), "new");
        assert_eq!(names(parent.path()), ["last"]);
    }

    #[test]
    fn an_interruption_before_the_renames_keeps_the_old_folder() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("last");
        folder_with(&path, "old");
        folder_with(&parent.path().join(".last.new"), "incomplete");
        recover_folder(&path).unwrap();
        assert_eq!(fs::read_to_string(path.join("file")).unwrap(), "old");
        assert_eq!(names(parent.path()), ["last"]);
    }

    #[test]
    fn an_incomplete_first_folder_does_not_count() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("last");
        folder_with(&parent.path().join(".last.new"), "incomplete");
        assert_eq!(locate_folder(&path), None);
        replace_folder(&path, &[("file", b"first")]).unwrap();
        assert_eq!(fs::read_to_string(path.join("file")).unwrap(), "first");
        assert_eq!(names(parent.path()), ["last"]);
    }
}
