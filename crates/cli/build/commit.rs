//! The commit of sources, read from files: git need not be there.

use std::fs;
use std::path::{Path, PathBuf};

/// A commit, and the files that change when it does.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) commit: String,
    pub(crate) files: Vec<PathBuf>,
}

/// Whether a text is the name of a commit, whole or its beginning.
pub(crate) fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The commit that a package was made of: cargo writes it into the package.
pub(crate) fn of_package(folder: &Path) -> Option<Found> {
    let file = folder.join(".cargo_vcs_info.json");
    let text = fs::read_to_string(&file).ok()?;
    let (_, rest) = text.split_once("\"sha1\"")?;
    let commit = rest.split('"').nth(1)?.to_owned();
    is_commit(&commit).then(|| Found { commit, files: vec![file] })
}

/// The commit of the working tree whose top is `folder`. None of a tree around it: that would be another project's.
pub(crate) fn of_working_tree(folder: &Path) -> Option<Found> {
    let git = git_folder(folder)?;
    // A working tree that `git worktree` added has a HEAD of its own, and its branches in the first one's folder.
    let common = first_line(&git.join("commondir")).map_or_else(|| git.clone(), |path| git.join(path));
    let head = git.join("HEAD");
    let line = first_line(&head)?;
    // Cargo runs a script always that names a file that is not there. A branch that was packed gets its own file with its next
    // commit, which the log of HEAD sees.
    let mut files = vec![head, git.join("logs/HEAD")];
    let commit = match line.strip_prefix("ref: ") {
        None => line,
        Some(name) => {
            let (loose, packed) = (common.join(name), common.join("packed-refs"));
            let commit = first_line(&loose).or_else(|| in_packed(&packed, name))?;
            files.extend([loose, packed]);
            commit
        }
    };
    files.retain(|file| file.is_file());
    is_commit(&commit).then_some(Found { commit, files })
}

/// The folder that git keeps for a working tree: `.git`, or the one that a file of that name leads to.
fn git_folder(folder: &Path) -> Option<PathBuf> {
    let git = folder.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    first_line(&git)?.strip_prefix("gitdir: ").map(|path| folder.join(path))
}

/// The commit of a branch in the file of packed ones, whose lines are a commit and a name.
fn in_packed(file: &Path, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(_, other)| *other == name).map(|(commit, _)| commit.to_owned())
}

fn first_line(file: &Path) -> Option<String> {
    fs::read_to_string(file).ok()?.lines().next().map(|line| line.trim_end().to_owned())
}
