//! Files of every kind, good and bad.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use adder_photo::{Error, MAX_FILE_BYTES, NetworkImage, Picture, SIDE};
use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgba, RgbaImage};

fn in_folder(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn decode(bytes: &[u8]) -> Result<Picture, Error> {
    Picture::decode(bytes, Path::new("test"))
}

#[test]
fn raw_leaves_a_grey_picture_of_the_right_size_as_it_is() {
    let original = GrayImage::from_fn(SIDE, SIDE, |x, y| Luma([(x * 7 + y * 3) as u8]));
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::WebP] {
        let (_folder, path) = in_folder("digit.of.any.name", &encoded(original.clone(), format));
        assert_eq!(Picture::read(&path).unwrap().raw().pixels(), original.as_raw(), "{format:?}");
    }
}

#[test]
fn raw_keeps_the_shape_of_a_large_picture_and_centres_it() {
    // A tall white bar fills the height; the sides stay dark.
    let bar = GrayImage::from_pixel(100, 280, Luma([255]));
    let image = decode(&encoded(bar, ImageFormat::Jpeg)).unwrap().raw();
    let at = |x: u32, y: u32| image.pixels()[(y * SIDE + x) as usize];
    let lit: Vec<u32> = (0..SIDE).filter(|&x| at(x, 14) > 200).collect();
    assert_eq!(lit, (9..19).collect::<Vec<_>>());
    assert!(at(14, 0) > 200 && at(14, 27) > 200);
}

#[test]
fn raw_takes_transparent_places_for_dark() {
    let clear = RgbaImage::from_pixel(SIDE, SIDE, Rgba([255, 255, 255, 0]));
    assert_eq!(decode(&encoded(clear, ImageFormat::Png)).unwrap().raw().pixels(), [0; 784]);
}

#[test]
fn a_photo_is_turned_as_the_camera_was_held() {
    // A light square in the upper left corner.
    let picture = GrayImage::from_fn(28, 28, |x, y| Luma([if x < 12 && y < 12 { 250 } else { 5 }]));
    let file = encoded(picture, ImageFormat::Jpeg);
    for (orientation, [x, y]) in [(1, [4, 4]), (3, [24, 24]), (6, [24, 4]), (8, [4, 24])] {
        // One entry of a TIFF directory: tag 0x112, one short number.
        let exif =
            [b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", &[orientation, 0, 0, 0][..], &[0; 4]];
        let exif = exif.concat();
        let length = (exif.len() as u16 + 2).to_be_bytes();
        let turned = [&file[..2], b"\xff\xe1", &length, &exif, &file[2..]].concat();
        let raw = decode(&turned).unwrap().raw();
        let light = |x: usize, y: usize| raw.pixels()[28 * y + x] > 200;
        assert!(light(x, y), "orientation {orientation}");
        let corners = [(4, 4), (24, 4), (4, 24), (24, 24)].into_iter().filter(|&(x, y)| light(x, y));
        assert_eq!(corners.count(), 1, "orientation {orientation}");
    }
}

#[test]
fn what_is_no_picture_is_refused() {
    let (_folder, path) = in_folder("x.png", b"no picture at all");
    assert!(matches!(Picture::read(&path), Err(Error::Format { path: named, .. }) if named == path));
    assert!(matches!(decode(b""), Err(Error::Format { found: "an empty one", .. })));
    let small = encoded(GrayImage::new(7, 40), ImageFormat::Png);
    assert!(matches!(decode(&small), Err(Error::TooSmall { width: 7, height: 40, .. })));
    assert!(matches!(decode(&small[..small.len() / 2]), Err(Error::Decode { .. })));
    assert!(matches!(Picture::read(Path::new("nowhere.png")), Err(Error::Unreadable { .. })));
    let endless = std::io::repeat(0);
    let refused = Picture::read_from(endless, Path::new("-"));
    assert!(matches!(refused, Err(Error::TooLong { .. })), "{MAX_FILE_BYTES} bytes are the most");
}

#[test]
fn a_header_cannot_ask_for_unbounded_memory() {
    let mut bytes = encoded(GrayImage::new(28, 28), ImageFormat::Png);
    // Width and height stand behind the signature and the head of the first chunk; the checksum follows the chunk.
    bytes[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    assert!(matches!(decode(&bytes), Err(Error::Decode { .. })));
    // 16,384 x 16,384 of three bytes are within the sides, but not within the memory.
    let mut bytes = encoded(DynamicImage::new_rgb8(28, 28), ImageFormat::Bmp);
    bytes[18..26].copy_from_slice(&[0, 0x40, 0, 0, 0, 0x40, 0, 0]);
    assert!(matches!(decode(&bytes), Err(Error::Decode { .. })));
}

#[test]
fn every_cut_and_every_broken_byte_is_an_error_or_a_picture() {
    let original = GrayImage::from_fn(12, 9, |x, y| Luma([(x * 20 + y) as u8]));
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::WebP, ImageFormat::Jpeg] {
        let whole = encoded(original.clone(), format);
        for place in 0..whole.len() {
            let _ = decode(&whole[..place]).map(|picture| picture.digit());
            let mut broken = whole.clone();
            broken[place] ^= 0xa5;
            let _ = decode(&broken).map(|picture| picture.digit());
        }
    }
}

#[test]
fn text_and_png_show_the_pixels() {
    let mut pixels = [0; 784];
    pixels[0] = 255;
    pixels[SIDE as usize + 1] = 255;
    pixels[2] = 255;
    pixels[SIDE as usize + 2] = 255;
    let image = NetworkImage::from_pixels(&pixels).unwrap();
    let text = image.to_text();
    assert!(text.starts_with("▀▄█·") && text.lines().count() == 14, "{text}");
    assert_eq!(NetworkImage::from_pixels(&pixels[1..]), None);
    let sheet = image::load_from_memory(&NetworkImage::to_png(&[image.clone(), image]).unwrap()).unwrap();
    assert_eq!((sheet.width(), sheet.height()), (28, 56));
    assert_eq!(sheet.to_luma8().as_raw()[784..], pixels);
}

#[test]
fn pixels_of_a_canvas_are_read_as_a_file_of_them_is() {
    let drawing = |alpha| {
        RgbaImage::from_fn(60, 90, |x, y| match (20..30).contains(&x) && (15..75).contains(&y) {
            true => Rgba([30, 40, 50, 255]),
            false => Rgba([250, 250, 240, alpha]),
        })
    };
    for canvas in [drawing(255), drawing(0)] {
        let picture = Picture::from_rgba(60, 90, canvas.as_raw().clone()).unwrap();
        let file = decode(&encoded(canvas, ImageFormat::Png)).unwrap();
        assert_eq!(picture.digit().unwrap().image, file.digit().unwrap().image);
        assert_eq!(picture.raw(), file.raw());
    }
    for (width, height, bytes) in
        [(60, 90, 4 * 60 * 90 - 1), (60, 90, 4 * 60 * 91), (7, 90, 4 * 7 * 90), (0, 0, 0)]
    {
        assert!(
            Picture::from_rgba(width, height, vec![0; bytes]).is_none(),
            "{width}x{height}, {bytes} bytes"
        );
    }
}
