//! Folders of files: copied, removed, and compared with times aside.

use crate::process::Failure;
use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;

/// The content of every file by its path in a folder, without what a clock says.
pub(crate) type Snapshot = BTreeMap<String, Vec<u8>>;

/// Makes `to` a copy of the folder `from`, whatever it was.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    remove(to)?;
    copy_into(from, to).map_err(|error| format!("cannot copy {}: {error}", from.display()))
}

fn copy_into(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_into(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Removes a folder if it is there.
pub(crate) fn remove(folder: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("cannot remove {}: {error}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Files whose content is not the same in runs that are: the notes of sessions, and checksums of files in which times are.
/// Commands that go on hold files to these themselves.
const OF_THE_MOMENT: [&str; 2] = ["environment.json", "checksums.json"];

/// Reads every file of a folder. Locks are left out, and the content of files that are [of the moment](OF_THE_MOMENT).
pub(crate) fn snapshot(folder: &Path) -> Result<Snapshot, Failure> {
    let mut files = Snapshot::new();
    collect(folder, "", &mut files).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    Ok(files)
}

fn collect(folder: &Path, prefix: &str, files: &mut Snapshot) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            files.insert(format!("{path}/"), Vec::new());
            collect(&entry.path(), &format!("{path}/"), files)?;
        } else if name.ends_with(".lock") {
        } else if OF_THE_MOMENT.contains(&&*name) {
            files.insert(path, Vec::new());
        } else {
            files.insert(path, timeless(&name, fs::read(entry.path())?));
        }
    }
    Ok(())
}

/// The first thing in which two folders differ, in words.
pub(crate) fn difference(found: &Snapshot, expected: &Snapshot) -> Option<String> {
    if let Some(name) = expected.keys().find(|name| !found.contains_key(*name)) {
        return Some(format!("{name} is missing"));
    }
    if let Some(name) = found.keys().find(|name| !expected.contains_key(*name)) {
        return Some(format!("{name} is left over"));
    }
    let (name, _) = expected.iter().find(|(name, content)| found[*name] != **content)?;
    Some(format!("{name} has other bytes"))
}

/// The content of a file without what a clock says.
fn timeless(name: &str, content: Vec<u8>) -> Vec<u8> {
    if name.ends_with(".json") || name.ends_with(".jsonl") {
        without_seconds(&String::from_utf8_lossy(&content)).into_bytes()
    } else if name.ends_with(".html") {
        drawings_and_shares(&String::from_utf8_lossy(&content)).into_bytes()
    } else {
        content
    }
}

/// JSON without the numbers whose names end in "seconds".
fn without_seconds(text: &str) -> String {
    const NAME: &str = "seconds\":";
    let mut kept = String::new();
    let mut rest = text;
    while let Some(place) = rest.find(NAME) {
        let (before, after) = rest.split_at(place + NAME.len());
        kept += before;
        rest = after.trim_start_matches(|letter: char| !matches!(letter, ',' | '}' | '\n'));
    }
    kept + rest
}

/// The drawings of a page and the texts of it in percent: what it says of the network, and not of the clock or of sessions.
fn drawings_and_shares(page: &str) -> String {
    let mut kept = String::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("<svg") {
        shares(before, &mut kept);
        let (drawing, after) = after.split_once("</svg>").unwrap_or((after, ""));
        kept += drawing;
        rest = after;
    }
    shares(rest, &mut kept);
    // A page that was cut must not look like a whole one.
    if page.trim_end().ends_with("</html>") { kept + "whole" } else { kept }
}

fn shares(text: &str, kept: &mut String) {
    for part in text.split(['<', '>']).filter(|part| part.ends_with('%')) {
        kept.push_str(part);
    }
}

/// A number for all that is in a folder, the same for the same files with times and random parts of temporary names aside.
pub(crate) fn digest(folder: &Path) -> Result<u64, Failure> {
    let mut hasher = DefaultHasher::new();
    hash(folder, &mut hasher).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    Ok(hasher.finish())
}

fn hash(folder: &Path, hasher: &mut DefaultHasher) -> std::io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let stem = |entry: &fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        let temporary = name.starts_with('.').then(|| name.split_once('-')).flatten();
        temporary.map_or(name.clone(), |(stem, _)| stem.to_owned())
    };
    entries.sort_by_key(&stem);
    for entry in entries {
        let name = stem(&entry);
        name.hash(hasher);
        if entry.file_type()?.is_dir() {
            hash(&entry.path(), hasher)?;
            "end of the folder".hash(hasher);
        } else if name == "environment.json" || name.starts_with(".unfinished") {
            // The time of a session is in it, in as many letters always.
            fs::metadata(entry.path())?.len().hash(hasher);
        } else if OF_THE_MOMENT.contains(&&*name) {
            // Checksums that do not belong to their files make another state: rather is an equal state judged twice.
            fs::read(entry.path())?.hash(hasher);
        } else {
            timeless(&name, fs::read(entry.path())?).hash(hasher);
        }
    }
    Ok(())
}

/// A file with a final name that is not whole, in words. What a dot begins is unfinished by its name.
pub(crate) fn torn(folder: &Path) -> Result<Option<String>, Failure> {
    let mut files = BTreeMap::new();
    raw(folder, "", &mut files).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    Ok(files.into_iter().find(|(name, content)| !is_whole(name, content)).map(|(name, _)| name))
}

fn raw(folder: &Path, prefix: &str, files: &mut Snapshot) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if name.starts_with('.') {
        } else if entry.file_type()?.is_dir() {
            raw(&entry.path(), &format!("{path}/"), files)?;
        } else {
            files.insert(path, fs::read(entry.path())?);
        }
    }
    Ok(())
}

/// Whether a file ends where its kind ends. The last line of a log may be cut: its reader knows.
fn is_whole(name: &str, content: &[u8]) -> bool {
    let text = || content.trim_ascii();
    match name.rsplit('.').next() {
        Some("json") => is_closed(content),
        Some("html") => text().ends_with(b"</html>"),
        Some("toml") => !content.is_empty() && content.ends_with(b"\n"),
        Some("safetensors") => safetensors_length(content) == Some(content.len()),
        _ => true,
    }
}

/// Whether every bracket of a JSON text that opens is closed, and there is one.
fn is_closed(text: &[u8]) -> bool {
    let (mut depth, mut opened, mut in_string, mut escaped) = (0_i64, false, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => (depth, opened) = (depth + 1, true),
            b'}' | b']' if !in_string => depth -= 1,
            _ => {}
        }
    }
    opened && depth == 0
}

/// The length that the header of a safetensors file asks for.
fn safetensors_length(content: &[u8]) -> Option<usize> {
    let (length, rest) = content.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let header = std::str::from_utf8(rest.get(..length)?).ok()?;
    let ends = header.split("\"data_offsets\":[").skip(1);
    let ends = ends.filter_map(|offsets| offsets.split(']').next()?.split(',').nth(1)?.parse().ok());
    let data: usize = ends.max().unwrap_or(0);
    data.checked_add(length)?.checked_add(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_set_aside_and_nothing_else() {
        let line = r#"{"loss":0.5,"training_seconds":0.25,"both":{"seconds":1e-3},"epoch":2}"#;
        let kept = r#"{"loss":0.5,"training_seconds":,"both":{"seconds":},"epoch":2}"#;
        assert_eq!(without_seconds(line), kept);
    }

    #[test]
    fn of_a_page_the_drawings_and_the_shares_count_and_its_end() {
        let page = "<html><td>97.5 %</td><td>3 s</td><svg a></svg><td>4 s</td></html>";
        assert_eq!(drawings_and_shares(page), "97.5 % a>whole");
        assert!(!drawings_and_shares("<html><td>97.5 %</td>").contains("whole"));
    }

    #[test]
    fn a_difference_names_the_file() {
        let folder = |files: &[(&str, &str)]| -> Snapshot {
            files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
        };
        let expected = folder(&[("a", "1"), ("b", "2")]);
        assert_eq!(difference(&expected, &expected), None);
        let words = |files| difference(&folder(files), &expected).unwrap();
        assert_eq!(words(&[("a", "1")]), "b is missing");
        assert_eq!(words(&[("a", "1"), ("b", "2"), ("c", "")]), "c is left over");
        assert_eq!(words(&[("a", "1"), ("b", "3")]), "b has other bytes");
    }

    #[test]
    fn a_digest_sees_contents_and_names_but_not_the_random_part_of_a_temporary_name() {
        let folder = std::env::temp_dir().join(format!("adder-torture-digest-{}", std::process::id()));
        let of = |files: &[(&str, &str)]| {
            remove(&folder).unwrap();
            fs::create_dir_all(&folder).unwrap();
            for (name, content) in files {
                fs::write(folder.join(name), content).unwrap();
            }
            digest(&folder).unwrap()
        };
        let first = of(&[("a", "1"), (".unfinished-x", "")]);
        assert_eq!(of(&[("a", "1"), (".unfinished-y", "")]), first);
        for others in [
            &[("a", "2"), (".unfinished-x", "")][..],
            &[("b", "1"), (".unfinished-x", "")],
            &[("a", "1")],
            &[("a", "1"), (".unfinished-x", "1")],
        ] {
            assert_ne!(of(others), first, "{others:?}");
        }
        remove(&folder).unwrap();
    }

    #[test]
    fn a_file_that_was_cut_is_torn() {
        let header = br#"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}"#;
        let tensors = [&(header.len() as u64).to_le_bytes()[..], header, &[1, 2, 3]].concat();
        for (name, content) in [
            ("a.json", b"{\"}\\\"\": {}}\n".as_slice()),
            ("a.html", b"<html></html>"),
            ("a.toml", b"seed = 1\n"),
            ("a.safetensors", &tensors),
        ] {
            assert!(is_whole(name, content), "{name}");
            assert!(!is_whole(name, &content[..content.len() - 2]), "{name}");
            assert!(!is_whole(name, b""), "{name}");
        }
    }
}
