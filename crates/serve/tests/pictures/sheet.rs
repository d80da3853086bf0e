//! A sheet of a kind's pictures, each beside what the network read of it, framed in the color of its judgment.

use std::path::PathBuf;

use adder_photo::{NetworkImage, SIDE};
use image::imageops::{self, FilterType};
use image::{DynamicImage, Rgb, RgbImage, Rgba, RgbaImage};

use crate::answer::{Answer, Judgment};
use crate::run::Subject;

/// The longer side at which a picture is shown, and the enlargement of what the network read.
const PICTURE: u32 = 168;
const TIMES: u32 = 3;
const FRAME: u32 = 4;
const COLUMNS: usize = 6;

/// A picture with its answer.
pub(crate) struct Shown {
    pub(crate) name: String,
    pub(crate) subject: Subject,
    pub(crate) answer: Answer,
    pub(crate) seen: Option<NetworkImage>,
    pub(crate) judgment: Judgment,
}

/// The sheet of one kind, and a line of text for each of its pictures.
pub(crate) struct Sheet {
    folder: PathBuf,
    cells: Vec<RgbImage>,
    lines: String,
}

impl Sheet {
    /// An empty sheet, if the environment asks for sheets.
    pub(crate) fn wanted() -> Option<Self> {
        let folder = std::env::var_os("ADDER_PICTURES_SHEET")?.into();
        Some(Self { folder, cells: Vec::new(), lines: String::new() })
    }

    pub(crate) fn add(&mut self, shown: &Shown) {
        let (width, height) = (PICTURE + SIDE * TIMES + 3 * FRAME, PICTURE + 2 * FRAME);
        let mut cell = RgbImage::from_pixel(width, height, color(shown.judgment));
        let picture = over_checks(&shown.subject.shown);
        let small = DynamicImage::from(picture).resize(PICTURE, PICTURE, FilterType::Triangle).into_rgb8();
        imageops::replace(&mut cell, &small, FRAME.into(), FRAME.into());
        if let Some(seen) = &shown.seen {
            let large = RgbImage::from_fn(SIDE * TIMES, SIDE * TIMES, |x, y| {
                Rgb([seen.pixels()[(y / TIMES * SIDE + x / TIMES) as usize]; 3])
            });
            imageops::replace(&mut cell, &large, (PICTURE + 2 * FRAME).into(), FRAME.into());
        }
        let Shown { name, subject, answer, judgment, .. } = shown;
        self.lines += &format!("{name}: {:?}, {answer:?}: {judgment:?}\n", subject.expected);
        self.cells.push(cell);
    }

    /// Writes the sheet and its lines under the kind's name.
    pub(crate) fn write(self, name: &str) {
        let name = name.replace('/', "-");
        let Some(first) = self.cells.first() else { return };
        let (width, height) = first.dimensions();
        let rows = self.cells.len().div_ceil(COLUMNS) as u32;
        let mut sheet = RgbImage::new((width + FRAME) * COLUMNS as u32, (height + FRAME) * rows);
        for (at, cell) in self.cells.iter().enumerate() {
            let (column, row) = ((at % COLUMNS) as u32, (at / COLUMNS) as u32);
            imageops::replace(
                &mut sheet,
                cell,
                (column * (width + FRAME)).into(),
                (row * (height + FRAME)).into(),
            );
        }
        std::fs::create_dir_all(&self.folder).unwrap();
        sheet.save(self.folder.join(format!("{name}.png"))).unwrap();
        std::fs::write(self.folder.join(format!("{name}.txt")), self.lines).unwrap();
    }
}

/// What is transparent shows gray checks.
fn over_checks(picture: &RgbaImage) -> RgbImage {
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let Rgba([red, green, blue, alpha]) = *picture.get_pixel(x, y);
        let check: u16 = if (x / 8 + y / 8) % 2 == 0 { 150 } else { 190 };
        let alpha = u16::from(alpha);
        Rgb([red, green, blue].map(|value| ((u16::from(value) * alpha + check * (255 - alpha)) / 255) as u8))
    })
}

fn color(judgment: Judgment) -> Rgb<u8> {
    Rgb(match judgment {
        Judgment::Right => [60, 170, 70],
        Judgment::RightDoubted => [225, 215, 60],
        Judgment::WrongDoubted => [235, 150, 40],
        Judgment::Wrong => [230, 20, 30],
        Judgment::Several => [60, 110, 230],
        Judgment::Nothing => [150, 60, 210],
    })
}
