//! What a file is, seen from its first bytes: its name's ending says nothing.

/// The mark at the front of PyTorch's files before 1.6, as a pickle writes it.
const LEGACY_MARK: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// The same in protocol 1.
const LEGACY_LINE: &[u8] = b"L119547037146038801333356L\n.";
/// Bytes that are looked at for a kind's mark.
const HEAD: usize = 512;
/// Bytes of a header of safetensors, at most; the format's own limit.
const MOST_HEADER: u64 = 100_000_000;

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Safetensors,
    /// A zip archive: what `torch.save` writes, and others.
    Zip,
    /// What `torch.save` wrote before 1.6.
    LegacyTorch,
    /// A pickle without PyTorch's mark.
    Pickle,
    /// A text in JSON, which may say where the tensors of a network are.
    Json,
    /// Anything else, in words, and what to do about it.
    Other(&'static str, &'static str),
}

/// What a file starts with, the place of it, what that is and what to do.
type Mark = (usize, &'static [u8], &'static str, &'static str);

const UNPACK: &str = "unpack it first";
const EXPORT_BACK: &str =
    "save the network's state_dict where it was trained: torch.save(model.state_dict(), \"model.pth\")";
const PICTURE: &str = "`adder predict` reads pictures; its --weights take the file of a network";
const NOT_WEIGHTS: &str =
    "name the file of the network itself: weights of adder, safetensors, or what torch.save wrote";
const AGAIN: &str = "get it again; a download or a copy of it failed";
const PAGE: &str = "download the file itself; a page beside it was saved";
/// Fewer bytes than any file of weights has.
const FEW: usize = 16;

const MARKS: &[Mark] = &[
    (
        0,
        b"version https://git-lfs",
        "a pointer of git-lfs, not the file that it stands for",
        "fetch the file: git lfs pull",
    ),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes", EXPORT_BACK),
    (0, b"\x93NUMPY", "an array of NumPy", EXPORT_BACK),
    (0, b"GGUF", "a GGUF file", EXPORT_BACK),
    (0, b"\x1f\x8b", "a gzip file", UNPACK),
    (0, b"BZh", "a bzip2 file", UNPACK),
    (0, b"\xfd7zXZ\0", "an xz file", UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard file", UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    (0, b"Rar!", "a RAR archive", UNPACK),
    (257, b"ustar", "a tar archive", UNPACK),
    (4, b"TFL3", "a TensorFlow Lite model", EXPORT_BACK),
    (4, b"ftyp", "a video or a HEIC picture", NOT_WEIGHTS),
    (0, b"\x89PNG", "a PNG picture", PICTURE),
    (0, b"\xff\xd8\xff", "a JPEG picture", PICTURE),
    (0, b"GIF8", "a GIF picture", PICTURE),
    (0, b"%PDF", "a PDF document", NOT_WEIGHTS),
    (0, b"PAR1", "a Parquet file", NOT_WEIGHTS),
    (0, b"\x7fELF", "a program", NOT_WEIGHTS),
    (0, b"\0\0\x08\x03", "an IDX file of images", "its folder is what --data takes"),
    (0, b"\0\0\x08\x01", "an IDX file of labels", "its folder is what --data takes"),
    (0, b"\xff\xfe", "a text in UTF-16", NOT_WEIGHTS),
    (0, b"\xfe\xff", "a text in UTF-16", NOT_WEIGHTS),
];

impl Kind {
    /// The kind of a file with these bytes.
    pub(crate) fn of(file: &[u8]) -> Self {
        let head = &file[..file.len().min(HEAD)];
        if head.is_empty() {
            return Self::Other("an empty file", AGAIN);
        }
        if is_safetensors(head) {
            return Self::Safetensors;
        }
        if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
            return Self::Zip;
        }
        if head.starts_with(LEGACY_LINE) {
            return Self::LegacyTorch;
        }
        let mark =
            MARKS.iter().find(|(at, mark, ..)| head.get(*at..).is_some_and(|rest| rest.starts_with(mark)));
        if let Some(&(_, _, found, advice)) = mark {
            return Self::Other(found, advice);
        }
        if head[0] == 0x80 && head.get(1).is_some_and(|protocol| (1..=9).contains(protocol)) {
            let marked =
                head[..head.len().min(32)].windows(LEGACY_MARK.len()).any(|bytes| bytes == LEGACY_MARK);
            return if marked { Self::LegacyTorch } else { Self::Pickle };
        }
        Self::of_text(head).unwrap_or(match head.len() {
            0..FEW => Self::Other("only a few bytes", AGAIN),
            _ => Self::Other("bytes of no kind that is known", EXPORT_BACK),
        })
    }

    /// Kinds that texts are, and ONNX, whose first field is a version.
    fn of_text(head: &[u8]) -> Option<Self> {
        if head[0] == 0x08
            && head.get(2).is_some_and(|tag| matches!(tag, 0x12 | 0x1a | 0x22 | 0x2a | 0x3a | 0x42))
        {
            let advice = "networks are exported as ONNX and not read from it; take the PyTorch file or weights that it was made from";
            return Some(Self::Other("an ONNX file", advice));
        }
        // A character may be cut off at the end of the head.
        let text = match std::str::from_utf8(head) {
            Ok(text) => text,
            Err(error) if error.error_len().is_none() => {
                std::str::from_utf8(&head[..error.valid_up_to()]).ok()?
            }
            Err(_) => return None,
        };
        let lower = text.trim_start_matches('\u{feff}').trim_start().to_lowercase();
        if lower.chars().any(|letter| letter.is_control() && !letter.is_whitespace()) {
            return None;
        }
        let is_page = ["<!doctype html", "<html", "<head", "<body"].iter().any(|tag| lower.starts_with(tag))
            || lower.starts_with('<') && ["<html", "saved from url"].iter().any(|tag| lower.contains(tag))
            || lower.starts_with("mime-version:")
            || lower.starts_with("from: <saved by");
        Some(match lower.chars().next() {
            _ if is_page => Self::Other("an HTML page", PAGE),
            Some('<') => Self::Other("an XML text", NOT_WEIGHTS),
            Some('{') => Self::Json,
            _ if is_table(&lower) => Self::Other("a table as text (CSV)", NOT_WEIGHTS),
            _ => Self::Other("a text", NOT_WEIGHTS),
        })
    }
}

/// Whether the first two lines have as many separators, and any.
fn is_table(text: &str) -> bool {
    let mut lines = text.lines();
    let (Some(first), Some(second)) = (lines.next(), lines.next()) else { return false };
    // The second line may be cut off.
    [',', ';', '\t'].into_iter().any(|separator| {
        let [first, second] = [first, second].map(|line| line.matches(separator).count());
        first > 0 && second > 0 && (second == first || text.len() >= HEAD - 4)
    })
}

/// A length of the header, and the brace that it begins with.
fn is_safetensors(head: &[u8]) -> bool {
    let length = head.first_chunk::<8>().map(|length| u64::from_le_bytes(*length));
    length.is_some_and(|length| length <= MOST_HEADER) && head.get(8) == Some(&b'{')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_seen_from_the_first_bytes() {
        let mut tar = vec![b'a'; 512];
        tar[257..262].copy_from_slice(b"ustar");
        let legacy = [&b"\x80\x02\x8a\x0a"[..], &LEGACY_MARK, b"."].concat();
        let framed = [&b"\x80\x04\x95\x0d\0\0\0\0\0\0\0\x8a\x0a"[..], &LEGACY_MARK, b"."].concat();
        let cases: [(&[u8], &str); 29] = [
            (b"\x08\0\0\0\0\0\0\0{}      ", "Safetensors"),
            (b"PK\x03\x04", "Zip"),
            (&legacy, "LegacyTorch"),
            (&framed, "LegacyTorch"),
            (b"L119547037146038801333356L\n.M\xe9\x03.", "LegacyTorch"),
            (b"\x80\x04}.", "Pickle"),
            (b"", "empty"),
            (b"\x89HDF\r\n\x1a\n\0", "HDF5"),
            (b"\x08\x08\x12\x07pytorch", "ONNX"),
            (b"version https://git-lfs.github.com/spec/v1\n", "git-lfs"),
            (b"\xef\xbb\xbf\n <!DOCTYPE html>", "HTML"),
            (b"<html lang=\"en\">", "HTML"),
            (b"<?xml version=\"1.0\"?>", "XML"),
            (b"{\"metadata\": {}}", "Json"),
            (b"<!-- saved from url=(0014)about:internet -->\n<HTML>", "HTML"),
            (b"MIME-Version: 1.0\nContent-Type: multipart/related;", "HTML"),
            (b"label,p1,p2\n1,2,3\n", "CSV"),
            (b"1\t2\n3\t4", "CSV"),
            (b"one, two\nthree", "a text"),
            (b"\xff\xfeh\0i\0", "UTF-16"),
            (b"\0\0\x08\x03\0\0\0\x01\0\0\0\x1c\0\0\0\x1c", "IDX"),
            (b"\x01\x02", "only a few bytes"),
            (b"\x93NUMPY\x01\0", "NumPy"),
            (b"GGUF\x03", "GGUF"),
            (b"\x1f\x8b\x08", "gzip"),
            (&tar, "tar"),
            (b"these are no weights", "a text"),
            ("Gr\u{fc}\u{df}e".as_bytes(), "a text"),
            (b"\x01\x02\x03\xff\xfe0123456789abc", "no kind that is known"),
        ];
        for (bytes, word) in cases {
            let kind = format!("{:?}", Kind::of(bytes));
            assert!(kind.contains(word), "{word}: {kind}");
        }
    }

    #[test]
    fn a_header_that_is_longer_than_the_format_allows_is_none() {
        let head = |length: u64| [&length.to_le_bytes()[..], b"{"].concat();
        assert_eq!(Kind::of(&head(MOST_HEADER)), Kind::Safetensors);
        assert!(matches!(Kind::of(&head(MOST_HEADER + 1)), Kind::Other(..)));
    }
}
