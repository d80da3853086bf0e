//! The name that a mistyped one was meant to be.

use std::ffi::OsString;
use std::path::Path;

use adder_train::config::nearest;
use anyhow::Error;

use crate::args::RUNS;
use crate::error::Hinted;
use crate::output::escaped;

/// Adds to the error of `path`, where nothing is, the name that was meant: one of `words`, or of what lies in the same folder or
/// among the runs.
pub(crate) fn of_name(error: Error, path: &Path, words: &[&str]) -> Error {
    if path.exists() {
        return error;
    }
    match meant(path, words) {
        Some(name) => Hinted { error, hint: format!("did you mean `{}`?", escaped(&name)) }.into(),
        None => error,
    }
}

fn meant(path: &Path, words: &[&str]) -> Option<String> {
    let name = path.file_name()?.to_string_lossy();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut known: Vec<String> = names_in(folder.unwrap_or(Path::new(".")));
    if folder.is_none() {
        known.extend(words.iter().map(|&word| word.to_owned()));
        known.extend(names_in(Path::new(RUNS)));
    }
    let found = nearest(&name, known.iter().map(String::as_str))?;
    let beside = folder.unwrap_or(Path::new("")).join(&found);
    let is_word = folder.is_none() && words.contains(&found.as_str());
    let place = if is_word || beside.exists() { beside } else { Path::new(RUNS).join(found) };
    Some(place.to_string_lossy().into_owned())
}

/// The names of what lies in a folder, as far as they are text.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| OsString::into_string(entry.file_name()).ok()).collect()
}
