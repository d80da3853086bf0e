//! What kind of file one is, from its first bytes: endings lie, and what cannot be read shall be named.

use std::fmt;

/// A kind of file that is not read, with what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnreadKind {
    /// The name of the kind, with its article.
    pub name: &'static str,
    /// What to do with such a file.
    pub advice: &'static str,
    /// `true` if such a file holds a picture, which other programs show.
    pub is_picture: bool,
}

impl fmt::Display for UnreadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.advice)
    }
}

const CONVERT: &str = "save it as PNG or JPEG first";
const PHONE: &str = "save it as JPEG first, or let the phone take photos in its most compatible format";
const DEVELOP: &str = "develop it into a JPEG or PNG file first";
const EXPORT: &str = "export the page or drawing as PNG first";
const NO_PICTURE: &str = "it holds no picture";

type Row = (&'static [u8], &'static str, &'static str);

/// The first bytes of kinds that hold a picture, the longer before the shorter where one begins with the other.
const PICTURES: [Row; 25] = [
    (b"GIF87a", "a GIF file", CONVERT),
    (b"GIF89a", "a GIF file", CONVERT),
    (b"II*\0\x10\0\0\0CR", "a camera's raw file (Canon CR2)", DEVELOP),
    (b"II*\0", "a TIFF file, or a camera's raw file", CONVERT),
    (b"MM\0*", "a TIFF file, or a camera's raw file", CONVERT),
    (b"II+\0", "a BigTIFF file", CONVERT),
    (b"MM\0+", "a BigTIFF file", CONVERT),
    (b"IIRO", "a camera's raw file (Olympus ORF)", DEVELOP),
    (b"IIRS", "a camera's raw file (Olympus ORF)", DEVELOP),
    (b"IIU\0", "a camera's raw file (Panasonic RW2)", DEVELOP),
    (b"FUJIFILMCCD-RAW", "a camera's raw file (Fujifilm RAF)", DEVELOP),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL file", CONVERT),
    (b"\xff\x0a", "a JPEG XL file", CONVERT),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 file", CONVERT),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 file", CONVERT),
    (b"8BPS", "a Photoshop file", EXPORT),
    (b"gimp xcf", "a GIMP file", EXPORT),
    (b"%PDF-", "a PDF file", EXPORT),
    (b"%!PS", "a PostScript file", EXPORT),
    (b"\0\0\x01\0", "an icon (ICO)", CONVERT),
    (b"\0\0\x02\0", "a cursor (CUR)", CONVERT),
    (b"qoif", "a QOI file", CONVERT),
    (b"\x76\x2f\x31\x01", "an OpenEXR file", CONVERT),
    (b"DDS ", "a DDS texture", CONVERT),
    (b"\xef\xbf\xbdPNG", "a PNG file that was converted as text", "its bytes are lost: copy it again"),
];

/// The first bytes of kinds that hold none, and that people have under a picture's name or beside pictures.
const OTHERS: [Row; 8] = [
    (b"\0\x05\x16\x07", "AppleDouble metadata of macOS", NO_PICTURE),
    (b"\0\x05\x16\0", "AppleSingle metadata of macOS", NO_PICTURE),
    (b"\xd0\xcf\x11\xe0", "an OLE file, such as Thumbs.db", NO_PICTURE),
    (b"PK\x03\x04", "a ZIP archive", "unpack it first"),
    (b"\x1f\x8b", "a gzip file", "unpack it first"),
    (b"\x93NUMPY", "a NumPy array", "save its images as PNG first"),
    (b"\0\0\x08\x03", "an IDX file of many images", "save its images as PNG first"),
    (b"version https://git-lfs", "a pointer of Git LFS", "`git lfs pull` fetches the file itself"),
];

/// Brands of ISO's base media files.
const BRANDS: [Row; 11] = [
    (b"heic", "a HEIC photo", PHONE),
    (b"heix", "a HEIC photo", PHONE),
    (b"heim", "a HEIC photo", PHONE),
    (b"heis", "a HEIC photo", PHONE),
    (b"hevc", "a HEIC sequence", PHONE),
    (b"hevx", "a HEIC sequence", PHONE),
    (b"avif", "an AVIF file", CONVERT),
    (b"avis", "an AVIF file", CONVERT),
    (b"mif1", "a HEIF photo", PHONE),
    (b"msf1", "a HEIF sequence", PHONE),
    (b"crx ", "a camera's raw file (Canon CR3)", DEVELOP),
];

impl UnreadKind {
    /// The kind of a file that is none of PNG, JPEG, WebP and BMP, where its first bytes tell; a thousand of them are enough.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let row = |rows: &[Row]| rows.iter().copied().find(|(beginning, ..)| bytes.starts_with(beginning));
        if let Some(found) = row(&PICTURES) {
            return Some(Self::picture(found.1, found.2));
        }
        if let Some(found) = row(&OTHERS) {
            return Some(Self::other(found.1, found.2));
        }
        if bytes.get(4..8) == Some(b"ftyp") {
            let brand = BRANDS.into_iter().find(|(brand, ..)| is_of_brand(bytes, brand));
            return Some(brand.map_or(Self::other("a film (MP4 or QuickTime)", NO_PICTURE), |found| {
                Self::picture(found.1, found.2)
            }));
        }
        pixmap(bytes).or_else(|| text(bytes))
    }

    fn picture(name: &'static str, advice: &'static str) -> Self {
        Self { name, advice, is_picture: true }
    }

    fn other(name: &'static str, advice: &'static str) -> Self {
        Self { name, advice, is_picture: false }
    }
}

/// The kind of a PNG file that is one in name only.
pub(crate) fn unread_png(bytes: &[u8]) -> Option<UnreadKind> {
    let head = &bytes[..bytes.len().min(64)];
    let apples = head.windows(4).any(|word| word == b"CgBI");
    apples.then_some(UnreadKind::picture(
        "a PNG file in Apple's own form (CgBI), as apps for the iPhone hold them",
        "save it as an ordinary PNG first",
    ))
}

/// Whether a base media file is of a brand: its own one, or among those that it is compatible with. `mif1` is the own brand of HEIC
/// and AVIF files alike, which the others tell apart.
fn is_of_brand(bytes: &[u8], brand: &[u8]) -> bool {
    let length = bytes.first_chunk::<4>().map_or(0, |length| u32::from_be_bytes(*length)) as usize;
    let brands = bytes.get(8..length.min(bytes.len())).unwrap_or_default();
    brands.chunks_exact(4).any(|found| found == brand)
}

/// Netpbm's formats: `P1` to `P7` and a line's end.
fn pixmap(bytes: &[u8]) -> Option<UnreadKind> {
    match bytes {
        [b'P', b'1'..=b'7', b' ' | b'\n' | b'\r' | b'\t', ..] => {
            Some(UnreadKind::picture("a Netpbm file (PBM, PGM, PPM or PAM)", CONVERT))
        }
        _ => None,
    }
}

fn text(bytes: &[u8]) -> Option<UnreadKind> {
    let beginning = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]).to_ascii_lowercase();
    let beginning = beginning.trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t']);
    if beginning.starts_with("<svg") || beginning.starts_with("<?xml") && beginning.contains("<svg") {
        return Some(UnreadKind::picture("an SVG drawing", EXPORT));
    }
    if beginning.starts_with("<!doctype html") || beginning.starts_with("<html") {
        return Some(UnreadKind::other("a web page", "save the picture itself, not its page"));
    }
    if beginning.starts_with("data:image/") {
        return Some(UnreadKind::other("a data URL as text", "decode its base64 into a file first"));
    }
    None
}
