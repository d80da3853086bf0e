//! A folder that is given in place of a file of weights: the file in it that stands for it, or words that name one.

use std::path::{Path, PathBuf};

use crate::distributed;
use crate::error::FileProblem;
use crate::sharded::{self, BIN_INDEX, INDEX};

/// What Hugging Face calls the file of a whole network.
const WHOLE: &str = "model.safetensors";
/// Endings of files that hold weights, as far as names tell.
const ENDINGS: [&str; 9] = ["safetensors", "pth", "pt", "bin", "ckpt", "pkl", "pickle", "th", "model"];
/// The file that a run directory has.
const RUN: &str = "config.toml";
/// What an unpacked file of PyTorch has: its pickle, and the folder of its storages.
const PARTS: [&str; 2] = ["data.pkl", "data"];
/// Entries that are looked at.
const MOST_ENTRIES: usize = 10_000;

/// The file that a folder stands for: Hugging Face's whole network, or the index of its shards.
///
/// # Errors
/// [`FileProblem::Kind`], with the names of the files that may be meant.
pub(crate) fn file_in(folder: &Path) -> Result<PathBuf, FileProblem> {
    let unreadable = |error: std::io::Error| FileProblem::Unreadable(error.to_string());
    let entries = std::fs::read_dir(folder).map_err(unreadable)?.take(MOST_ENTRIES);
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<std::io::Result<Vec<String>>>().map_err(unreadable)?;
    names.sort();
    let is_file = |name: &str| folder.join(name).is_file();
    if is_file(WHOLE) {
        return Ok(folder.join(WHOLE));
    }
    let with = |ending: &str| names.iter().filter(|name| name.ends_with(ending) && is_file(name)).collect();
    let indices: Vec<&String> = with(INDEX);
    if let [index] = indices[..] {
        return Ok(folder.join(index));
    }
    if let Some(problem) = unpacked(folder) {
        return Err(problem);
    }
    if is_file(distributed::METADATA) && names.iter().any(|name| has_ending(name, &[distributed::SHARD])) {
        return Err(distributed::problem("a folder of a distributed checkpoint", folder));
    }
    if names.iter().any(|name| name.ends_with(BIN_INDEX)) {
        return Err(sharded::of_pickles("a folder with shards of a network that torch.save wrote"));
    }
    let weights = if indices.is_empty() {
        names.iter().filter(|name| has_ending(name, &ENDINGS) && is_file(name)).collect()
    } else {
        indices
    };
    let runs: Vec<&String> = names.iter().filter(|name| folder.join(name).join(RUN).is_file()).collect();
    Err(match (&weights[..], &runs[..]) {
        ([], []) => {
            let found = match names.len() {
                0 => "an empty folder".into(),
                _ => format!("a folder without {RUN} or weights, but with {}", listed(&names)),
            };
            let advice = "name a run directory or a file of weights".into();
            FileProblem::Kind { found, advice }
        }
        ([], runs) => named("a folder of runs", "name one of them", folder, runs),
        ([_], _) => named("a folder that is no run", "name the file in it", folder, &weights),
        _ => named("a folder with several files of weights", "name one of them", folder, &weights),
    })
}

/// The problem of a folder with the parts of a PyTorch file, which some systems make of it for they take it for an archive of files.
pub(crate) fn unpacked(folder: &Path) -> Option<FileProblem> {
    (folder.join(PARTS[0]).is_file() && folder.join(PARTS[1]).is_dir()).then(|| FileProblem::Kind {
        found: "the parts of a PyTorch file, which was unpacked".into(),
        advice: format!(
            "name the file that it was, or pack the folder again: zip -r model.pth {}",
            distributed::quoted(folder)
        ),
    })
}

/// The same where a path names the pickle in such a folder, which has no numbers of its own.
pub(crate) fn part_of_unpacked(path: &Path) -> Option<FileProblem> {
    let folder = path.parent().filter(|_| path.ends_with(PARTS[0]))?;
    unpacked(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
}

fn has_ending(name: &str, endings: &[&str]) -> bool {
    let ending = Path::new(name).extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| endings.contains(&ending.as_str()))
}

fn named(found: &str, advice: &str, folder: &Path, names: &[&String]) -> FileProblem {
    let paths: Vec<String> = names.iter().map(|name| folder.join(name).display().to_string()).collect();
    FileProblem::Kind { found: found.into(), advice: format!("{advice}: {}", listed(&paths)) }
}

/// The first few names, and how many more.
fn listed(names: &[String]) -> String {
    const MOST: usize = 6;
    let first = names[..names.len().min(MOST)].join(", ");
    match names.len().checked_sub(MOST) {
        None | Some(0) => first,
        Some(more) => format!("{first} and {more} more"),
    }
}
