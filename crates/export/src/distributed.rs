//! The checkpoints that `torch.distributed.checkpoint` writes: a folder of shards and `.metadata`. They are named, not read.

use std::path::Path;

use crate::error::FileProblem;

/// The name of the index in such a folder.
pub(crate) const METADATA: &str = ".metadata";
/// The ending of a shard's name.
pub(crate) const SHARD: &str = "distcp";
/// The class of what the index holds, and how far from its beginning that is named.
const CLASS: &[u8] = b"torch.distributed.checkpoint.metadata";
const HEAD: usize = 4096;

/// Words for a file that is a part of such a checkpoint; nothing for any other. A shard is several archives of PyTorch one behind the
/// other, or, where it holds one tensor, an archive that only its name betrays.
pub(crate) fn part(path: &Path, bytes: &[u8]) -> Option<FileProblem> {
    let head = &bytes[..bytes.len().min(HEAD)];
    let of_its_name = path.extension().is_some_and(|ending| ending == SHARD);
    let found = if of_its_name || bytes.starts_with(b"PK\x03\x04") && archives_follow(bytes) {
        "a shard of a distributed checkpoint"
    } else if bytes.first() == Some(&0x80) && head.windows(CLASS.len()).any(|bytes| bytes == CLASS) {
        "the index of a distributed checkpoint"
    } else {
        return None;
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    Some(problem(found, folder.unwrap_or(Path::new("."))))
}

/// The words, with the command that makes one file of such a folder.
pub(crate) fn problem(found: &str, folder: &Path) -> FileProblem {
    let folder = quoted(folder);
    let advice = format!(
        "make one file of its folder: python -m torch.distributed.checkpoint.format_utils dcp_to_torch {folder} model.pth"
    );
    FileProblem::Kind { found: found.into(), advice }
}

/// The name of a file or folder as a shell takes it.
pub(crate) fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_./".contains(letter);
    match path.chars().all(is_plain) {
        true => path,
        false => format!("'{}'", path.replace('\'', "'\\''")),
    }
}

/// Whether the end of a zip archive, which has 22 bytes, is followed by the beginning of another.
fn archives_follow(bytes: &[u8]) -> bool {
    const END: usize = 22;
    let mut ends = bytes.windows(4).enumerate().filter(|(_, mark)| *mark == b"PK\x05\x06");
    ends.any(|(at, _)| bytes.get(at + END..).is_some_and(|rest| rest.starts_with(b"PK\x03\x04")))
}
