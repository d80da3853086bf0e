//! What stops xtask, and the programs that it finds on this machine.

use std::path::PathBuf;

/// What stopped xtask: words for the person at the terminal.
pub(crate) type Failure = String;

/// The first of these programs that is in the path.
pub(crate) fn in_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|path| path.is_file())
}
