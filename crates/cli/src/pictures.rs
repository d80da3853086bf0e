//! The pictures that a command line names.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use adder_photo::{Picture, UnreadKind};
use anyhow::{Context as _, Result, anyhow};

use crate::error::UsageError;
use crate::output::{say, shown};

/// The endings of the names of pictures, read or not: a file so named that is something else shall be named.
const ENDINGS: [&str; 21] = [
    "png", "jpg", "jpeg", "webp", "bmp", "jpe", "jfif", "dib", "gif", "tif", "tiff", "heic", "heif", "hif",
    "avif", "jxl", "jp2", "psd", "ico", "svg", "pdf",
];
/// Files that systems put beside pictures.
const BESIDE: [&str; 3] = ["Thumbs.db", "desktop.ini", "ehthumbs.db"];
/// How the names of macOS's metadata begin. They are named: on other systems they look like pictures of their own.
const APPLE_DOUBLE: &str = "._";
/// So many bytes tell what a file is.
const BEGINNING: u64 = 1024;
/// The name of standard input.
const STDIN: &str = "-";

/// A place where a picture is expected, or the reason why there is none.
pub(crate) type Place = (PathBuf, Result<()>);

/// The places of pictures: files, the files of folders by name, and standard input. Folders in folders are not read, which is said
/// unless `quiet`.
pub(crate) fn places(names: &[PathBuf], quiet: bool) -> Result<Vec<Place>> {
    if names.iter().filter(|name| is_stdin(name)).count() > 1 {
        return Err(UsageError("`-` may be given once: standard input holds one picture".into()).into());
    }
    let mut places = Vec::new();
    for name in names {
        if is_stdin(name) || !name.is_dir() {
            places.push((name.clone(), Ok(())));
            continue;
        }
        match in_folder(name, quiet) {
            Ok(paths) => places.extend(paths.into_iter().map(|path| (path, Ok(())))),
            Err(error) => places.push((name.clone(), Err(error))),
        }
    }
    Ok(places)
}

/// Reads the picture at a place.
pub(crate) fn read(path: &Path) -> Result<Picture> {
    Ok(match is_stdin(path) {
        true => Picture::read_from(std::io::stdin().lock(), Path::new("standard input"))?,
        false => Picture::read(path)?,
    })
}

/// Whether a name is that of standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path == Path::new(STDIN)
}

/// The pictures of a folder, by name.
fn in_folder(folder: &Path, quiet: bool) -> Result<Vec<PathBuf>> {
    let unreadable = || format!("{}: cannot be read", shown(folder));
    let entries = std::fs::read_dir(folder).with_context(unreadable)?;
    let paths = entries.map(|entry| Ok(entry.with_context(unreadable)?.path()));
    let mut paths = paths.collect::<Result<Vec<_>>>()?;
    let inner = paths.extract_if(.., |path| path.is_dir()).count();
    if inner > 0 && !quiet {
        say(format_args!("{}: folders in it are not read: {inner}", shown(folder)));
    }
    paths.retain(|path| is_picture(path));
    if paths.is_empty() {
        let some = ENDINGS[..5].join(", ");
        return Err(anyhow!("{}: no picture is in it, such as a file that ends in {some}", shown(folder)));
    }
    paths.sort();
    Ok(paths)
}

/// Whether a file of a folder is meant as a picture: by its name or, where that says nothing, by its first bytes.
fn is_picture(path: &Path) -> bool {
    // A pipe or a device would be waited for.
    if path.exists() && !path.is_file() {
        return false;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if BESIDE.iter().any(|beside| name.eq_ignore_ascii_case(beside)) {
        return false;
    }
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    let is_named_so = ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known));
    if name.starts_with('.') {
        return name.starts_with(APPLE_DOUBLE) && is_named_so;
    }
    is_named_so || begins_as_picture(path)
}

fn begins_as_picture(path: &Path) -> bool {
    let file = std::fs::File::open(path).ok();
    let mut beginning = Vec::new();
    let outcome = file.map(|file| file.take(BEGINNING).read_to_end(&mut beginning));
    // Of a file that cannot be read its name must tell.
    let is_unread = || UnreadKind::of(&beginning).is_some_and(|kind| kind.is_picture);
    matches!(outcome, Some(Ok(_))) && (Picture::is_read_kind(&beginning) || is_unread())
}
