//! `checksums.json`: what files held when they were written, so that damage is refused instead of used.
//!
//! A checkpoint has one, written in one piece with its files; a run has one for the files that decide it. The checksum is the CRC-32
//! that names the data too: it finds every damage of up to 32 bits in a row and others but for one in four thousand million. It is
//! against disks and slips, not against people, who could write the manifest anew. Runs and checkpoints of before have none and
//! are used unchecked, as are weights files of others.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files::{self, FileError};

/// The name of a manifest.
pub(crate) const MANIFEST: &str = "checksums.json";
/// The version that this code writes and reads.
const VERSION: u32 = 1;

/// The length of a file, or of its beginning, and the CRC-32 of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checksum {
    /// Number of bytes.
    pub bytes: u64,
    /// Their CRC-32, that of zip and PNG.
    pub crc32: u32,
}

impl Checksum {
    /// The checksum of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, crc32: crc32fast::hash(bytes) }
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of checksum {:08x}", self.bytes, self.crc32)
    }
}

/// A file that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{path}: expected {expected}, as {manifest} says, found {found}: it was changed or damaged since it was written"
)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// The manifest beside it.
    pub manifest: PathBuf,
    /// The checksum that was written down.
    pub expected: String,
    /// That of the bytes that are there.
    pub found: String,
}

/// A file that cannot be held to a manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// A file or the manifest could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The manifest itself is not what was written.
    #[error("{path}: {message}")]
    Syntax {
        /// The manifest.
        path: PathBuf,
        /// The reason.
        message: String,
    },
    /// A file is not what was written.
    #[error(transparent)]
    Damaged(Box<Damage>),
}

/// The files of one folder with their checksums.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    version: u32,
    /// By name; two where a file is being replaced, so that a kill leaves one of them.
    files: BTreeMap<String, Vec<Checksum>>,
    /// The lines of `events.jsonl` that a checkpoint knows of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) events: Option<Checksum>,
}

impl Manifest {
    /// The manifest of `files`, by name.
    pub(crate) fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let files = files.into_iter().map(|(name, bytes)| (name.to_owned(), vec![Checksum::of(bytes)]));
        Self { version: VERSION, files: files.collect(), events: None }
    }

    /// The same, of a checkpoint that knows of these events.
    pub(crate) fn with_events(self, events: Option<Checksum>) -> Self {
        Self { events, ..self }
    }

    /// The manifest of a folder; `None` where there is none.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>, ManifestError> {
        let path = folder.join(MANIFEST);
        if !path.exists() {
            return Ok(None);
        }
        let text = files::read_text(&path)?;
        let syntax = |message| ManifestError::Syntax { path: path.clone(), message };
        let manifest: Self = serde_json::from_str(&text)
            .map_err(|error| syntax(files::json_problem(text.as_bytes(), &error)))?;
        if manifest.version != VERSION {
            return Err(syntax(format!("version: expected {VERSION}, found {}", manifest.version)));
        }
        // Damage that changes no value is damage: who knows what else was hit.
        if manifest.to_json() != text {
            return Err(syntax("expected the text as it was written, found other characters".into()));
        }
        Ok(Some(manifest))
    }

    /// The text of the file.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a manifest is numbers under names") + "\n"
    }

    /// Lets the file `name` be what it is now or `bytes`.
    pub(crate) fn admit(&mut self, name: &str, now: &[u8], bytes: &[u8]) {
        self.files.insert(name.to_owned(), vec![Checksum::of(now), Checksum::of(bytes)]);
    }

    /// Holds `bytes`, read from the file `name` of `folder`, to the manifest.
    pub(crate) fn check(&self, folder: &Path, name: &str, bytes: &[u8]) -> Result<(), ManifestError> {
        let listed = self.files.get(name).map_or(&[][..], Vec::as_slice);
        check(&folder.join(name), &folder.join(MANIFEST), listed, bytes)
    }

    /// Holds every listed file of `folder` to the manifest.
    pub(crate) fn check_all(&self, folder: &Path) -> Result<(), ManifestError> {
        self.files.keys().try_for_each(|name| {
            let path = folder.join(name);
            if !path.exists() {
                let (path, message) =
                    (folder.join(MANIFEST), format!("expected `{name}` beside it, found none"));
                return Err(ManifestError::Syntax { path, message });
            }
            self.check(folder, name, &files::read(&path)?)
        })
    }
}

/// Holds the bytes of the file `path` to any of the checksums that `manifest` has for it.
pub(crate) fn check(
    path: &Path,
    manifest: &Path,
    listed: &[Checksum],
    bytes: &[u8],
) -> Result<(), ManifestError> {
    let found = Checksum::of(bytes);
    if listed.contains(&found) {
        return Ok(());
    }
    let expected: Vec<String> = listed.iter().map(ToString::to_string).collect();
    let expected = if expected.is_empty() { "no such file".into() } else { expected.join(" or ") };
    let (path, manifest) = (path.to_owned(), manifest.to_owned());
    Err(ManifestError::Damaged(Box::new(Damage { path, manifest, expected, found: found.to_string() })))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn any_change_of_a_file_or_of_its_manifest_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (file, manifest) = (folder.path().join("a"), folder.path().join(MANIFEST));
        assert!(Manifest::read(folder.path()).unwrap().is_none(), "there is none yet");
        fs::write(&file, "content").unwrap();
        let text = Manifest::new([("a", &b"content"[..])]).to_json();
        let verdict =
            || Manifest::read(folder.path()).and_then(|read| read.unwrap().check_all(folder.path()));
        fs::write(&manifest, &text).unwrap();
        verdict().unwrap();
        for bit in 0..8 * text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&manifest, &bytes).unwrap();
            let error = verdict().unwrap_err().to_string();
            assert!(error.starts_with(&folder.path().display().to_string()), "{error}");
        }
        fs::write(&manifest, &text).unwrap();
        for damaged in ["Content", "conten", "content\n", ""] {
            fs::write(&file, damaged).unwrap();
            match verdict() {
                Err(ManifestError::Damaged(damage)) => assert_eq!(damage.path, file),
                other => panic!("{damaged:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_file_that_is_being_replaced_may_be_the_old_or_the_new_one() {
        let folder = Path::new("folder");
        let mut manifest = Manifest::new([("a", &b"old"[..])]);
        manifest.admit("a", b"old", b"new");
        for bytes in [b"old", b"new"] {
            manifest.check(folder, "a", bytes).unwrap();
        }
        assert!(manifest.check(folder, "a", b"odd").is_err() && manifest.check(folder, "b", b"old").is_err());
    }
}
