//! Pictures: decoded, looked at for digits, scaled as they are.

use std::io::Cursor;
use std::path::Path;

use adder_photo::{Found, Picture};
use image::{DynamicImage, GrayImage, ImageFormat, Luma, RgbaImage};

use crate::sections::form;
use crate::target::{Seed, Target};

/// The target.
pub const TARGET: Target = Target {
    run,
    seeds,
    words: &[
        b"IHDR",
        b"IDAT",
        b"IEND",
        b"PLTE",
        b"tRNS",
        b"eXIf",
        b"acTL",
        b"gAMA",
        b"iCCP",
        b"\xff\xd8",
        b"\xff\xd9",
        b"\xff\xc0",
        b"\xff\xc2",
        b"\xff\xc4",
        b"\xff\xdb",
        b"\xff\xda",
        b"\xff\xe1",
        b"Exif\0\0",
        b"RIFF",
        b"WEBP",
        b"VP8 ",
        b"VP8L",
        b"VP8X",
        b"ALPH",
        b"ANIM",
        b"BM",
    ],
};

/// Memory of the decoded picture, in bytes: enough for every code, and soon looked through.
const MEMORY: u64 = 4 << 20;

/// The first byte chooses between a file and pixels, whose sides are the next two bytes.
pub fn run(data: &[u8]) -> bool {
    let (form, data) = form(data);
    let picture = if form == 0 { decoded(data) } else { of_pixels(data) };
    let Some(picture) = picture else { return false };
    match picture.find(form & 1 == 0) {
        Found::One(digit) => assert_eq!(digit.image.pixels().len(), 784),
        Found::Each(digits) | Found::Several(digits, _) => assert!(!digits.is_empty()),
        Found::Nothing(_) => {}
    }
    let raw = picture.raw();
    assert!(raw.to_text().lines().count() == 14 && raw.residual(3).is_some_and(f32::is_finite));
    true
}

fn decoded(file: &[u8]) -> Option<Picture> {
    let promised = Picture::decoded_bytes(file);
    let picture = Picture::decode_within(file, Path::new("picture"), MEMORY).ok();
    assert!(picture.is_none() || promised.is_some());
    picture
}

fn of_pixels(data: &[u8]) -> Option<Picture> {
    let (&[width, height], pixels) = data.split_first_chunk::<2>()?;
    let mut pixels = pixels.to_vec();
    pixels.resize(4 * usize::from(width) * usize::from(height), 255);
    Picture::from_rgba(width.into(), height.into(), pixels)
}

/// A stroke on paper.
fn drawing() -> GrayImage {
    GrayImage::from_fn(30, 40, |x, y| {
        Luma([if (13..17).contains(&x) && (8..32).contains(&y) { 30 } else { 220 }])
    })
}

fn seeds() -> Vec<Seed> {
    let gray = DynamicImage::ImageLuma8(drawing());
    let clear = RgbaImage::from_fn(30, 40, |x, y| {
        let ink = drawing().get_pixel(x, y)[0] < 100;
        image::Rgba([0, 0, 0, if ink { 255 } else { 0 }])
    });
    let file = |picture: &DynamicImage, format: ImageFormat| {
        let mut bytes = Cursor::new(vec![0]);
        bytes.set_position(1);
        picture.write_to(&mut bytes, format).expect("a format that is written");
        bytes.into_inner()
    };
    let color = gray.to_rgb8().into();
    let mut pixels = vec![1, 30, 40];
    pixels.extend(gray.to_rgba8().as_raw());
    vec![
        ("gray.png", file(&gray, ImageFormat::Png)),
        ("deep.png", file(&gray.to_luma16().into(), ImageFormat::Png)),
        ("clear.png", file(&DynamicImage::ImageRgba8(clear), ImageFormat::Png)),
        ("gray.jpg", file(&gray, ImageFormat::Jpeg)),
        ("color.jpg", file(&color, ImageFormat::Jpeg)),
        ("color.bmp", file(&color, ImageFormat::Bmp)),
        ("color.webp", file(&color, ImageFormat::WebP)),
        ("pixels", pixels),
    ]
}
