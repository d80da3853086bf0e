//! Folders of pictures that lie on disk, a kind each.

use std::path::{Path, PathBuf};

use adder_photo::Picture;
use adder_photo::cases::Expected;

use crate::run::{Job, Subject};

/// A job for every folder below `root` that holds pictures with a digit in their names.
pub(crate) fn jobs(root: &Path) -> Vec<Job<'static>> {
    let mut folders = Vec::new();
    collect(root, root, &mut folders);
    folders.sort_by(|a, b| a.0.cmp(&b.0));
    let job = |(name, files): (String, Vec<(PathBuf, u8)>)| Job {
        name,
        count: files.len() as u64,
        make: Box::new(move |index| {
            let (path, digit) = &files[index as usize];
            let picture = Picture::read(path).unwrap();
            let shown =
                image::open(path).map_or_else(|_| image::RgbaImage::new(8, 8), |shown| shown.to_rgba8());
            Some(Subject { picture, expected: Expected::Digit(*digit), shown })
        }),
    };
    folders.into_iter().map(job).collect()
}

fn collect(root: &Path, folder: &Path, folders: &mut Vec<(String, Vec<(PathBuf, u8)>)>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let pictures: Vec<(PathBuf, u8)> =
        entries.iter().filter_map(|path| Some((path.clone(), digit_in_name(path)?))).collect();
    if !pictures.is_empty() {
        let name = folder.strip_prefix(root).unwrap_or(folder).display().to_string();
        folders.push((name, pictures));
    }
    for entry in entries.iter().filter(|entry| entry.is_dir()) {
        collect(root, entry, folders);
    }
}

/// The digit after the last underscore where four digits stand before it, as in `0017_3.png`; else the first character.
fn digit_in_name(path: &Path) -> Option<u8> {
    let kinds = ["png", "jpg", "jpeg", "webp", "bmp"];
    let kind = path.extension()?.to_str()?.to_lowercase();
    let stem = path.file_stem()?.to_str()?;
    if !kinds.contains(&kind.as_str()) {
        return None;
    }
    let (first, last) = stem.split_once('_')?;
    let text = if first.len() > 1 { last } else { first };
    text.parse().ok().filter(|digit| *digit < 10)
}
