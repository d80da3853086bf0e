//! What a file is, from its first bytes.

use std::fmt;

/// What a file begins with: a known kind, or the bytes themselves. Shown as words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature(String);

/// Beginnings of files that are found where data should be. The longer of two that fit stands first.
const KNOWN: [(&[u8], &str); 22] = [
    (&[0x1f, 0x8b], "gzip data"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"SQLite format 3", "a database of SQLite"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"MATLAB", "a MATLAB file"),
    (b"\x89PNG", "a PNG picture"),
    (&[0xff, 0xd8, 0xff], "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\xfd7zXZ", "xz data"),
    (b"BZh", "bzip2 data"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "Zstandard data"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"%PDF", "a PDF document"),
    (b"version https://git-lfs", "a Git LFS pointer in place of the file (`git lfs pull` fetches it)"),
    (b"<?xml", "an XML page, which a server answers when it has no such file"),
    (b"<!doctype", HTML),
    (b"<html", HTML),
];

const HTML: &str = "an HTML page, which a server answers when it has no such file or asks for a login";

/// The place of a tar archive's mark, and the mark.
const TAR: (usize, &[u8]) = (257, b"ustar");

impl Signature {
    /// Words that the names of archives of other files have.
    pub(crate) const UNPACKED: [&str; 7] = ["zip", "tar", "xz", "bzip2", "Zstandard", "7-Zip", "RAR"];
    /// The same of files that hold tables or arrays of another kind than those that are read.
    pub(crate) const TABLES: [&str; 7] =
        ["Parquet", "Arrow", "HDF5", "MATLAB", "pickle", "PyTorch", "SQLite"];

    /// The kind of file that begins with `start`; some tens of bytes suffice.
    pub fn of(start: &[u8]) -> Self {
        Self(
            Self::known(start).map_or_else(|| format!("{:02x?}", &start[..start.len().min(4)]), String::from),
        )
    }

    /// Its name, where it is a known one.
    pub(crate) fn known(start: &[u8]) -> Option<&'static str> {
        // Pages may begin with a byte order mark and spaces.
        let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
        let begins = |bytes: &[u8], beginning: &[u8]| {
            bytes.get(..beginning.len()).is_some_and(|bytes| bytes.eq_ignore_ascii_case(beginning))
        };
        if is_of_pytorch(start) {
            return Some("a file of PyTorch");
        }
        KNOWN
            .into_iter()
            .find(|(beginning, _)| {
                start.starts_with(beginning) || (beginning.starts_with(b"<") && begins(text, beginning))
            })
            .map(|(_, name)| name)
            .or_else(|| is_pickle(start).then_some("a pickle of Python or PyTorch"))
            .or_else(|| start.get(TAR.0..)?.starts_with(TAR.1).then_some("a tar archive"))
    }
}

/// `true` for a zip archive whose first file is the pickle that `torch.save` writes. Its name stands behind a header of 30 bytes, which
/// holds the name's length from byte 26 on.
fn is_of_pytorch(start: &[u8]) -> bool {
    let name = || {
        let length = u16::from_le_bytes(*start.get(26..)?.first_chunk()?);
        start.get(30..)?.get(..length.into())
    };
    start.starts_with(b"PK\x03\x04") && name().is_some_and(|name| name.ends_with(b"data.pkl"))
}

/// `true` for pickle protocols 2 to 5.
fn is_pickle(start: &[u8]) -> bool {
    matches!(start, [0x80, 2..=5, ..])
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_first_bytes() {
        for (start, words) in [
            (&b"<!DOCTYPE html><html>"[..], "an HTML page"),
            (b"\xef\xbb\xbf\n <HTML lang=en>", "an HTML page"),
            (b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer"),
            (b"\x80\x02}q\x00", "a pickle"),
            (b"PAR1\x15", "a Parquet file"),
            (b"P5 28 28", "[50, 35, 20, 32]"),
            (b"P", "[50]"),
            (b"", "[]"),
        ] {
            let found = Signature::of(start).to_string();
            assert!(found.starts_with(words), "{start:?} is {found}");
        }
    }
}
