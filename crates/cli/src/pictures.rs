//! The pictures that a command line names.

use std::path::{Path, PathBuf};

use adder_photo::{Doubt, NetworkImage, Picture};
use anyhow::{Context as _, Result};

use crate::error::UsageError;

/// The endings of the names of pictures in a folder.
const ENDINGS: [&str; 5] = ["png", "jpg", "jpeg", "webp", "bmp"];
/// The name of standard input.
const STDIN: &str = "-";

/// A picture as the network reads it.
pub(crate) struct Seen {
    pub(crate) path: PathBuf,
    pub(crate) image: NetworkImage,
    pub(crate) doubts: Vec<Doubt>,
}

/// Reads every picture: files, the files of folders, and standard input.
pub(crate) fn read(names: &[PathBuf], raw: bool) -> Result<Vec<Seen>> {
    if names.iter().filter(|name| is_stdin(name)).count() > 1 {
        return Err(UsageError("`-` may be given once: standard input holds one picture".into()).into());
    }
    let mut paths = Vec::new();
    for name in names {
        if !is_stdin(name) && name.is_dir() {
            paths.extend(in_folder(name)?);
        } else {
            paths.push(name.clone());
        }
    }
    paths.into_iter().map(|path| see(path, raw)).collect()
}

fn see(path: PathBuf, raw: bool) -> Result<Seen> {
    let picture = match is_stdin(&path) {
        true => Picture::read_from(std::io::stdin().lock(), Path::new("standard input"))?,
        false => Picture::read(&path)?,
    };
    if raw {
        return Ok(Seen { path, image: picture.raw(), doubts: Vec::new() });
    }
    let digit = picture.digit().with_context(|| path.display().to_string())?;
    Ok(Seen { path, image: digit.image, doubts: digit.doubts })
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new(STDIN)
}

/// The pictures of a folder, by name.
fn in_folder(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = || format!("{}: cannot be read", folder.display());
    let entries = std::fs::read_dir(folder).with_context(unreadable)?;
    let mut paths = entries
        .map(|entry| Ok(entry.with_context(unreadable)?.path()))
        .filter(|path| path.as_ref().map_or(true, |path| is_picture(path)))
        .collect::<Result<Vec<_>>>()?;
    if paths.is_empty() {
        anyhow::bail!("{}: no file in it ends in {}", folder.display(), ENDINGS.join(", "));
    }
    paths.sort();
    Ok(paths)
}

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    path.is_file() && ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known))
}
