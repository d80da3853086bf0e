//! Pictures of 28x28 pixels in a folder for each class: `train/3/00007.png`.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use image::{DynamicImage, ImageFormat, ImageReader, Limits};

use super::folder::list;
use crate::items::MAX_IMAGES;
use crate::problem::Problem;
use crate::signature::Signature;
use crate::{DIGITS, Error, Labeled, PIXELS, Result, SIDE};

/// No picture of so few pixels is longer, whatever else its file says.
const MOST_BYTES: u64 = 1 << 20;

/// Reads all pictures of a set, class by class in the order of their names.
///
/// # Errors
/// [`Error::Picture`] with the first file that is no gray picture of 28x28 pixels, [`Error::Class`] for a folder that is not named
/// for a digit, and [`Error::File`] where there is no picture at all.
pub(super) fn load(folder: &Path) -> Result<Labeled> {
    let io = |error| Error::io(folder, &error);
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    for (name, path) in list(folder).map_err(io)?.into_iter().filter(|(_, path)| path.is_dir()) {
        let digit = name.parse().ok().filter(|&digit| usize::from(digit) < DIGITS && name.len() == 1);
        let digit: u8 = digit.ok_or_else(|| Error::Class { folder: path.clone() })?;
        for (_, file) in list(&path).map_err(|error| Error::io(&path, &error))? {
            images.extend_from_slice(&read(&file)?);
            labels.push(digit);
            if labels.len() as u64 > MAX_IMAGES {
                let problem = Problem::TooMany { found: labels.len() as u64 };
                return Err(Error::File { file: folder.display().to_string(), problem });
            }
        }
    }
    Labeled::new(images, labels)
        .map_err(|problem| Error::File { file: folder.display().to_string(), problem })
}

/// The pixels of one picture.
fn read(path: &Path) -> Result<[u8; PIXELS]> {
    let refused = |found: String| Error::Picture { path: path.to_owned(), found };
    let io = |error: std::io::Error| Error::io(path, &error);
    if path.is_dir() {
        return Err(refused("a folder".into()));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(io)?;
    BufReader::new(file).take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(refused(format!("a file of more than {MOST_BYTES} bytes")));
    }
    if let Some(found) = other_kind(&bytes) {
        return Err(refused(found));
    }
    let reader = || ImageReader::new(std::io::Cursor::new(&bytes)).with_guessed_format().map_err(io);
    let undecodable = |error: image::ImageError| refused(format!("a damaged one ({error})"));
    let (columns, rows) = reader()?.into_dimensions().map_err(undecodable)?;
    if [rows as usize, columns as usize] != [SIDE; 2] {
        return Err(refused(format!("{columns}x{rows} pixels")));
    }
    let mut reader = reader()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_BYTES * 8);
    reader.limits(limits);
    let picture = reader.decode().map_err(undecodable)?;
    gray(&picture).ok_or_else(|| refused("color or transparency".into()))
}

/// What a file is that is neither PNG nor JPEG.
fn other_kind(bytes: &[u8]) -> Option<String> {
    let is_taken = matches!(image::guess_format(bytes), Ok(ImageFormat::Png | ImageFormat::Jpeg));
    (!is_taken).then(|| match Signature::known(bytes) {
        _ if bytes.is_empty() => "an empty file".into(),
        Some(kind) => kind.into(),
        None if is_text(bytes) => "a text".into(),
        None => format!("a file that begins with {}", Signature::of(bytes)),
    })
}

/// Whether bytes are a text of ordinary letters and lines.
fn is_text(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes);
    text.is_ok_and(|text| text.chars().all(|letter| letter.is_whitespace() || !letter.is_control()))
}

/// The bytes of a picture without color or transparency.
fn gray(picture: &DynamicImage) -> Option<[u8; PIXELS]> {
    let mut pixels = [0; PIXELS];
    for (pixel, color) in pixels.iter_mut().zip(picture.to_rgba8().pixels()) {
        let [red, green, blue, alpha] = color.0;
        if red != green || green != blue || alpha != u8::MAX {
            return None;
        }
        *pixel = red;
    }
    Some(pixels)
}
