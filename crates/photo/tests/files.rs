//! Files of every kind, good and bad.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use adder_photo::{Error, MAX_FILE_BYTES, NetworkImage, Picture, SIDE};
use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};

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
    assert!(matches!(Picture::read(Path::new("nowhere.png")), Err(Error::Unreadable { .. })));
    let endless = std::io::repeat(0);
    let refused = Picture::read_from(endless, Path::new("-"));
    assert!(matches!(refused, Err(Error::TooLong { .. })), "{MAX_FILE_BYTES} bytes are the most");
}

/// A stroke on paper, with some grain so that its files are not all of one color.
fn drawing() -> RgbImage {
    RgbImage::from_fn(48, 64, |x, y| match (20..28).contains(&x) && (10..54).contains(&y) {
        true => Rgb([30, 40, 90 + (x + y) as u8 % 7]),
        false => Rgb([230, 225, 210 + (3 * x + 5 * y) as u8 % 11]),
    })
}

/// A JPEG file in several scans, of 48x64 pixels; `image` writes none.
const PROGRESSIVE: &[u8] = include_bytes!("assets/progressive.jpg");

#[track_caller]
fn is_truncated(bytes: &[u8], case: &str) {
    let outcome = decode(bytes);
    assert!(matches!(outcome, Err(Error::Truncated { .. })), "{case}: {:?}", outcome.map(|_| "a picture"));
}

#[test]
fn a_file_that_was_cut_is_said_to_be_truncated() {
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::WebP] {
        let whole = encoded(drawing(), format);
        // A PNG file may lack its last chunk, of 12 bytes: no pixel is in it.
        let least = whole.len() - if format == ImageFormat::Png { 12 } else { 0 };
        assert!((least..whole.len()).all(|length| decode(&whole[..length]).is_ok()), "{format:?}");
        for length in 16..least {
            is_truncated(&whole[..length], &format!("{format:?}, {length} of {} bytes", whole.len()));
        }
    }
}

#[test]
fn a_jpeg_file_without_its_end_is_taken_where_nothing_else_is_missing() {
    for (name, whole) in
        [("baseline", encoded(drawing(), ImageFormat::Jpeg)), ("progressive", PROGRESSIVE.to_vec())]
    {
        let expected = decode(&whole).unwrap().raw();
        assert_eq!(whole[whole.len() - 2..], [0xff, 0xd9]);
        for end in [whole.len() - 2, whole.len() - 1] {
            assert_eq!(decode(&whole[..end]).unwrap().raw(), expected, "{name}");
        }
        assert_eq!(decode(&[&whole[..], &[0; 500]].concat()).unwrap().raw(), expected, "{name}");
        let taken = (4..whole.len() - 3).filter(|&length| match decode(&whole[..length]) {
            Err(Error::Truncated { .. }) => false,
            Err(error) => panic!("{name}, {length} bytes: {error}"),
            Ok(_) => true,
        });
        // In several scans a cut just behind one of them leaves the whole picture, only coarser.
        let taken: Vec<usize> = taken.collect();
        assert!(
            taken.len() <= if name == "baseline" { 0 } else { 12 },
            "{name}: {taken:?} of {}",
            whole.len()
        );
        // What a broken copy leaves behind is often zeros to the full length, which are as many as make up all missing blocks.
        let hollow = [&whole[..whole.len() * 3 / 4], &[0; 20_000]].concat();
        is_truncated(&hollow, name);
    }
}

#[test]
fn harmless_faults_are_taken_as_viewers_take_them() {
    let png = encoded(drawing(), ImageFormat::Png);
    let expected = decode(&png).unwrap().raw();
    let named = [b"\xef\xbb\xbf", &png[..]].concat();
    let behind = [&png[..], b"junk"].concat();
    let endless = &png[..png.len() - 12];
    // A text chunk with a wrong checksum, behind the head of 33 bytes.
    let comment = b"\0\0\0\x04tEXta\0hi\0\0\0\0";
    let commented = [&png[..33], comment, &png[33..]].concat();
    for (case, file) in
        [("mark", &named[..]), ("junk", &behind), ("no last chunk", endless), ("checksum", &commented)]
    {
        assert_eq!(decode(file).unwrap().raw(), expected, "{case}");
    }
    let apples = [&png[..8], b"\0\0\0\x04CgBI\x50\0\x20\x02\0\0\0\0", &png[8..]].concat();
    let error = decode(&apples).unwrap_err().to_string();
    assert!(error.contains("CgBI") && error.contains("ordinary PNG"), "{error}");
}

#[test]
fn kinds_that_are_not_read_are_named_by_their_first_bytes() {
    let cases: [(&[u8], &str); 22] = [
        (b"GIF89a\x01\0\x01\0", "GIF"),
        (b"II*\0\x08\0\0\0", "TIFF"),
        (b"MM\0*\0\0\0\x08", "TIFF"),
        (b"II*\0\x10\0\0\0CR\x02\0", "CR2"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "AVIF"),
        (b"\0\0\0\x14ftypmif1\0\0\0\0mif1", "HEIF"),
        (b"\0\0\0\x14ftypavif\0\0\0\0avif", "AVIF"),
        (b"\0\0\0\x14ftypcrx \0\0\0\0isom", "CR3"),
        (b"\0\0\0\x14ftypisom\0\0\0\0mp42", "MP4"),
        (b"\xff\x0a\xfa\x1f", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"%PDF-1.7\n", "PDF"),
        (b"<?xml version=\"1.0\"?>\n<svg xmlns=\"x\">", "SVG"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"\0\0\x01\0\x01\0", "ICO"),
        (b"8BPS\0\x01", "Photoshop"),
        (b"\0\x05\x16\x07\0\x02\0\0Mac OS X", "AppleDouble"),
        (b"P5\n28 28\n255\n", "Netpbm"),
        (b"\xef\xbf\xbdPNG\n\x1a\n", "as text"),
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS"),
    ];
    for (bytes, word) in cases {
        let Err(error @ Error::Unread { .. }) = decode(bytes) else { panic!("{word}") };
        assert!(error.to_string().contains(word), "{error}");
        // A cut anywhere in the head is some error and no panic.
        assert!((0..bytes.len()).all(|length| decode(&bytes[..length]).is_err()), "{word}");
    }
}

#[test]
fn an_alpha_channel_that_nobody_filled_is_none() {
    let stroke = drawing();
    let unused = RgbaImage::from_fn(48, 64, |x, y| {
        let Rgb([red, green, blue]) = *stroke.get_pixel(x, y);
        Rgba([red, green, blue, 0])
    });
    let expected = decode(&encoded(stroke, ImageFormat::Png)).unwrap();
    for format in [ImageFormat::Bmp, ImageFormat::Png, ImageFormat::WebP] {
        let picture = decode(&encoded(unused.clone(), format)).unwrap();
        assert_eq!(picture.raw(), expected.raw(), "{format:?}");
        assert_eq!(picture.digit().unwrap().image, expected.digit().unwrap().image, "{format:?}");
    }
}

#[test]
fn sixteen_bits_that_hold_fewer_are_shown_at_their_full_range() {
    let stroke = |most: u16| {
        ImageBuffer::<Luma<u16>, Vec<u16>>::from_fn(SIDE, SIDE, |x, y| {
            Luma([if (12..16).contains(&x) && (5..23).contains(&y) { most } else { most / 255 }])
        })
    };
    for most in [255, 1023, 4095, 65_535] {
        let raw = decode(&encoded(stroke(most), ImageFormat::Png)).unwrap().raw();
        assert_eq!((raw.pixels()[0], raw.pixels()[14 * 28 + 14]), (1, 255), "{most}");
        let colored = DynamicImage::ImageLuma16(stroke(most)).to_rgb16();
        assert_eq!(decode(&encoded(colored, ImageFormat::Png)).unwrap().raw(), raw, "{most}");
    }
    // A picture that uses the upper bits keeps its own brightness.
    let raw = decode(&encoded(stroke(16_383), ImageFormat::Png)).unwrap().raw();
    assert!((62..=64).contains(&raw.pixels()[14 * 28 + 14]));
}

#[test]
fn a_header_cannot_ask_for_unbounded_memory() {
    let mut bytes = encoded(GrayImage::new(28, 28), ImageFormat::Png);
    // Width and height stand behind the signature and the head of the first chunk; the checksum follows the chunk.
    bytes[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    assert!(matches!(decode(&bytes), Err(Error::Decode { .. })));
    assert!(Picture::decoding_memory(&bytes).is_none_or(|promised| promised > 1 << 31));
    // 16,384 x 16,384 of three bytes are within the sides, but not within the memory.
    let mut bytes = encoded(DynamicImage::new_rgb8(28, 28), ImageFormat::Bmp);
    bytes[18..26].copy_from_slice(&[0, 0x40, 0, 0, 0, 0x40, 0, 0]);
    assert!(matches!(decode(&bytes), Err(Error::TooMuchMemory { needed: 0x3000_0000.., .. })));
}

#[test]
fn a_picture_is_refused_by_the_memory_that_all_its_buffers_take() {
    // Two megapixels of 16 bits with transparency: eight bytes a pixel, and four when they are looked through.
    let file = encoded(DynamicImage::new_rgba16(2000, 1000), ImageFormat::Png);
    let needed = Picture::decoding_memory(&file).unwrap();
    assert!(needed >= 24_000_000, "{needed}");
    assert!(Picture::decode_within(&file, Path::new("x"), needed).is_ok());
    let error = Picture::decode_within(&file, Path::new("x"), needed - 1).unwrap_err();
    assert!(matches!(error, Error::TooMuchMemory { width: 2000, height: 1000, .. }));
    assert!(error.to_string().contains("2000x1000"), "{error}");
    // On its side it is turned in a second buffer.
    let photo = encoded(DynamicImage::new_rgb8(2000, 1000), ImageFormat::Jpeg);
    let exif = b"\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let turned = [&photo[..2], exif, &photo[2..]].concat();
    let more = Picture::decoding_memory(&turned).unwrap() - Picture::decoding_memory(&photo).unwrap();
    assert!(more > 3_500_000, "{more}");
}

#[test]
fn a_side_that_is_too_long_is_told_with_the_limit() {
    let error = decode(&encoded(GrayImage::new(30_000, 10), ImageFormat::Png)).unwrap_err();
    assert_eq!(error.to_string(), "test: expected sides of at most 16384 pixels, found 30000x10");
}

#[test]
fn what_a_decoder_refuses_is_said_with_what_was_expected() {
    let mut broken = encoded(drawing(), ImageFormat::Png);
    let place = broken.windows(4).position(|word| word == b"IDAT").unwrap() + 40;
    broken[place] ^= 1;
    let mut deep = encoded(drawing(), ImageFormat::Bmp);
    deep[28] = 7;
    for (file, expected) in
        [(&broken, "expected an undamaged PNG file"), (&deep, "expected an undamaged BMP file")]
    {
        let error = decode(file).unwrap_err();
        assert!(matches!(error, Error::Decode { .. }));
        assert!(error.to_string().starts_with(&format!("test: {expected}, found")), "{error}");
    }
}

/// A chunk of a PNG file.
fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let checksum = crc32fast::hash(&[&name[..], content].concat());
    [&(content.len() as u32).to_be_bytes()[..], name, content, &checksum.to_be_bytes()].concat()
}

#[test]
fn what_describes_a_picture_is_left_aside_where_it_is_large() {
    let png = encoded(drawing(), ImageFormat::Png);
    let expected = decode(&png).unwrap().raw();
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&vec![0; 32 << 20]).unwrap();
    let profile = [&b"icc\0\0"[..], &packed.finish().unwrap()].concat();
    let with = |describing: &[u8]| decode(&[&png[..33], describing, &png[33..]].concat());
    assert_eq!(with(&chunk(b"iCCP", &profile)).unwrap().raw(), expected);
    let text = |length: usize| chunk(b"tEXt", &[&b"a\0"[..], &vec![b'x'; length]].concat());
    assert_eq!(with(&text(1 << 20)).unwrap().raw(), expected);
    // Texts are not packed: what the file has of them is read, up to a limit.
    let error = with(&text(17 << 20)).unwrap_err();
    assert!(matches!(error, Error::Decode { .. }), "{error}");
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
