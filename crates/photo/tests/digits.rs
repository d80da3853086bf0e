//! Pictures as people have them, made from MNIST digits: what the network reads must be close to the original.

use std::io::Cursor;
use std::path::Path;

use adder_data::{Labeled, Source};
use adder_photo::{Digit, Doubt, NoDigit, Picture};
use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};

/// Digits of every kind.
const DIGITS: u32 = 40;

fn mnist() -> std::sync::Arc<Labeled> {
    adder_data::load(&Source::Embedded, &mut |_| ()).unwrap().evaluation
}

fn decoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Picture {
    let mut file = Cursor::new(Vec::new());
    picture.into().write_to(&mut file, format).unwrap();
    Picture::decode(file.get_ref(), Path::new("test")).unwrap()
}

fn found(picture: impl Into<DynamicImage>, format: ImageFormat) -> Digit {
    decoded(picture, format).digit().unwrap()
}

/// A digit `scale` times as large, `[0, 255]`, soft between the pixels.
fn enlarged(pixels: &[u8; 784], scale: u32) -> GrayImage {
    let original = GrayImage::from_raw(28, 28, pixels.to_vec()).unwrap();
    imageops::resize(&original, 28 * scale, 28 * scale, FilterType::CatmullRom)
}

/// Pearson's correlation of two images.
fn likeness(a: &[u8], b: &[u8]) -> f64 {
    let mean = |x: &[u8]| x.iter().map(|&v| f64::from(v)).sum::<f64>() / x.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let pairs = || a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - mean_a, f64::from(b) - mean_b));
    let product: f64 = pairs().map(|(a, b)| a * b).sum();
    let (squares_a, squares_b) = pairs().fold((0.0, 0.0), |(x, y), (a, b)| (x + a * a, y + b * b));
    product / (squares_a * squares_b).sqrt()
}

/// Makes a picture of every digit and asks that what is found is like the original.
#[track_caller]
fn survives(make: impl Fn(&[u8; 784]) -> DynamicImage, format: ImageFormat) {
    let data = mnist();
    let likenesses: Vec<f64> = (0..DIGITS)
        .map(|index| {
            let digit = found(make(data.image(index)), format);
            likeness(digit.image.pixels(), data.image(index))
        })
        .collect();
    let mean = likenesses.iter().sum::<f64>() / f64::from(DIGITS);
    let worst = likenesses.iter().copied().fold(1.0, f64::min);
    // A shift by one pixel alone brings the likeness of a thin digit down to 0.7.
    assert!(mean > 0.9 && worst > 0.5, "mean {mean:.3}, worst {worst:.3}");
}

#[test]
fn mnist_itself() {
    let original = |pixels: &[u8; 784]| GrayImage::from_raw(28, 28, pixels.to_vec()).unwrap().into();
    survives(original, ImageFormat::Png);
}

#[test]
fn dark_on_light() {
    let inverted = |pixels: &[u8; 784]| {
        GrayImage::from_raw(28, 28, pixels.map(|value| 255 - value).to_vec()).unwrap().into()
    };
    survives(inverted, ImageFormat::Png);
}

#[test]
fn a_corner_of_a_large_page() {
    let page = |pixels: &[u8; 784]| {
        let digit = enlarged(pixels, 3);
        let mut page = GrayImage::from_pixel(1500, 1000, Luma([235]));
        for (x, y, Luma([ink])) in digit.enumerate_pixels() {
            page.put_pixel(1300 + x, 90 + y, Luma([(235 - u16::from(*ink) * 8 / 10) as u8]));
        }
        page.into()
    };
    survives(page, ImageFormat::Jpeg);
}

#[test]
fn a_photo_lit_from_one_side_with_grain() {
    let photo = |pixels: &[u8; 784]| {
        let digit = enlarged(pixels, 8);
        let mut grain = 12345u32;
        RgbImage::from_fn(360, 300, |x, y| {
            grain = grain.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (grain >> 24) as f32 / 32.0 - 4.0;
            let light = 120.0 + 110.0 * x as f32 / 360.0 - 20.0 * (y as f32 / 300.0).powi(2);
            let ink = match (x.checked_sub(60), y.checked_sub(40)) {
                (Some(x), Some(y)) if x < 224 && y < 224 => f32::from(digit.get_pixel(x, y)[0]) / 255.0,
                _ => 0.0,
            };
            // Blue ink on yellowish paper.
            Rgb([1.0, 0.95, 0.8].map(|paper| (light * paper * (1.0 - 0.6 * ink) + noise) as u8))
        })
        .into()
    };
    survives(photo, ImageFormat::Jpeg);
}

#[test]
fn colours_of_the_same_grey() {
    let coloured = |pixels: &[u8; 784]| {
        let digit = enlarged(pixels, 5);
        RgbImage::from_fn(140, 140, |x, y| {
            let ink = u16::from(digit.get_pixel(x, y)[0]);
            Rgb([(ink * 200 / 255) as u8, (60 - ink * 60 / 255) as u8, 40])
        })
        .into()
    };
    survives(coloured, ImageFormat::WebP);
}

#[test]
fn strokes_on_transparent_ground_dark_or_light() {
    for shade in [0, 255] {
        let strokes = |pixels: &[u8; 784]| {
            let digit = enlarged(pixels, 4);
            RgbaImage::from_fn(112, 112, |x, y| Rgba([shade, shade, shade, digit.get_pixel(x, y)[0]])).into()
        };
        survives(strokes, ImageFormat::Png);
    }
}

#[test]
fn specks_and_the_edge_of_the_table_are_left_out() {
    let cluttered = |pixels: &[u8; 784]| {
        let digit = enlarged(pixels, 6);
        let mut page = GrayImage::from_pixel(260, 260, Luma([225]));
        for (x, y, Luma([ink])) in digit.enumerate_pixels() {
            page.put_pixel(60 + x, 30 + y, Luma([(225 - u16::from(*ink) * 8 / 10) as u8]));
        }
        for (x, y) in (0..14).flat_map(|x| (0..260).map(move |y| (x, y))) {
            page.put_pixel(x, y, Luma([50]));
        }
        for (x, y) in (0..4).flat_map(|x| (0..4).map(move |y| (x, y))) {
            page.put_pixel(40 + x, 240 + y, Luma([60]));
        }
        page.into()
    };
    survives(cluttered, ImageFormat::Png);
}

#[test]
fn a_hair_line_becomes_a_stroke() {
    let mut page = GrayImage::from_pixel(400, 400, Luma([255]));
    for step in 0..300 {
        page.put_pixel(150 + step / 3, 50 + step, Luma([0]));
    }
    let digit = found(page, ImageFormat::Png);
    let row: Vec<u8> = digit.image.pixels().chunks_exact(28).nth(14).unwrap().to_vec();
    let full = row.iter().filter(|&&value| value > 128).count();
    assert!((2..=3).contains(&full), "{row:?}");
}

#[test]
fn a_digit_is_twenty_pixels_long_and_centred_by_mass() {
    // A bar with a foot to the right: its mass is right of the middle of its box.
    let page = GrayImage::from_fn(300, 300, |x, y| {
        let bar = (20..50).contains(&x) && (20..220).contains(&y);
        let foot = (50..120).contains(&x) && (190..220).contains(&y);
        Luma([if bar || foot { 255 } else { 0 }])
    });
    let pixels = found(page, ImageFormat::Png).image.pixels().to_vec();
    let inked: Vec<(usize, usize)> =
        (0..784).filter(|&at| pixels[at] > 64).map(|at| (at % 28, at / 28)).collect();
    let rows = inked.iter().map(|place| place.1);
    assert_eq!(rows.clone().max().unwrap() - rows.min().unwrap() + 1, 20);
    let mean = |of: fn(&(usize, usize)) -> usize| {
        inked.iter().map(|place| of(place) as f64 + 0.5).sum::<f64>() / inked.len() as f64
    };
    assert!((mean(|place| place.0) - 14.5).abs() < 0.6 && (mean(|place| place.1) - 14.5).abs() < 0.6);
}

/// A sheet whose upper edge looks shorter than the lower one, on a darker table: the sheet is no digit.
#[test]
fn a_sheet_seen_from_below_is_looked_into() {
    let sheet = |pixels: &[u8; 784]| -> RgbImage {
        let digit = enlarged(pixels, 14);
        RgbImage::from_fn(600, 480, |x, y| {
            let (x, y) = (x as f32, y as f32);
            // From 0 to 1 down the sheet, and across each of its rows.
            let down = (y - 40.0) / 400.0;
            let half = 140.0 + 60.0 * down;
            let across = (x - 300.0) / (2.0 * half) + 0.5;
            if !(0.0..1.0).contains(&down) || !(0.0..1.0).contains(&across) {
                return Rgb([120, 80, 50]);
            }
            let at = |share: f32| (share * 391.0) as u32;
            let ink = u16::from(digit.get_pixel(at(across), at(down))[0]);
            Rgb([(235 - ink * 8 / 10) as u8; 3])
        })
    };
    let data = mnist();
    let alike = (0..DIGITS).filter(|&index| {
        let digits = decoded(sheet(data.image(index)), ImageFormat::Png).digits();
        digits.len() == 1 && likeness(digits[0].image.pixels(), data.image(index)) > 0.5
    });
    // Whatever is widened below differs from the original; the sheet itself is like none.
    assert!(alike.count() >= 38, "the sheets are read");
}

#[test]
fn a_sign_before_a_digit_is_doubted() {
    let data = mnist();
    let doubted = |index: u32| {
        let digit = enlarged(data.image(index), 6);
        let signed = |sign: bool| {
            let mut page = GrayImage::from_pixel(400, 260, Luma([240]));
            for (x, y, Luma([ink])) in digit.enumerate_pixels() {
                page.put_pixel(180 + x, 45 + y, Luma([240 - (u16::from(*ink) * 8 / 10) as u8]));
            }
            if sign {
                (70..130).for_each(|x| (122..132).for_each(|y| page.put_pixel(x, y, Luma([40]))));
            }
            decoded(page, ImageFormat::Png).digits()
        };
        let doubted = |digits: &[Digit]| digits.iter().any(|digit| digit.doubts.contains(&Doubt::Marked));
        assert!(!doubted(&signed(false)), "digit {index} alone");
        doubted(&signed(true)) || signed(true).len() > 1
    };
    // But where the sign is far above or below the middle of a digit that stands high or low.
    let count = (0..DIGITS).filter(|&index| doubted(index)).count();
    assert!(count >= 38, "{count} of {DIGITS} doubted");
}

/// The digits of a display of seven segments, with gaps between these.
#[test]
fn the_segments_of_a_display_are_one_digit() {
    // Left, top, right and bottom of the segments a to g.
    let places = [
        [63, 43, 237, 67],
        [243, 73, 267, 232],
        [243, 268, 267, 427],
        [63, 433, 237, 457],
        [33, 268, 57, 427],
        [33, 73, 57, 232],
        [63, 238, 237, 262],
    ];
    let digits: [&[usize]; 8] = [
        &[0, 1, 2, 3, 4, 5],
        &[0, 1, 6, 4, 3],
        &[0, 1, 6, 2, 3],
        &[5, 6, 1, 2],
        &[0, 5, 6, 2, 3],
        &[0, 5, 6, 2, 3, 4],
        &[0, 1, 2],
        &[0, 1, 2, 3, 4, 5, 6],
    ];
    for segments in digits {
        let is_lit = |x: u32, y: u32| {
            segments.iter().any(|&segment| {
                let [left, top, right, bottom] = places[segment];
                (left..right).contains(&x) && (top..bottom).contains(&y)
            })
        };
        let display =
            RgbImage::from_fn(300, 500, |x, y| Rgb(if is_lit(x, y) { [255, 50, 40] } else { [12, 10, 10] }));
        let found = decoded(display, ImageFormat::Png).digits();
        assert_eq!(found.len(), 1, "{segments:?}");
        let (width, height) = (found[0].region.width, found[0].region.height);
        assert!(height > 350 && (width > 200 || segments.len() == 3), "{segments:?}: {width} x {height}");
    }
    // Strokes beside each other are none of them.
    let bars = GrayImage::from_fn(300, 300, |x, y| {
        Luma([if (60..240).contains(&y) && [60, 150].iter().any(|&left| (left..left + 24).contains(&x)) {
            0
        } else {
            255
        }])
    });
    assert_eq!(decoded(bars, ImageFormat::Png).digits().len(), 2, "11");
}

#[test]
fn what_is_no_digit_is_doubted() {
    let flat = decoded(GrayImage::from_pixel(90, 60, Luma([99])), ImageFormat::Png);
    assert_eq!(flat.digit().unwrap_err(), NoDigit::Nothing);
    let empty_page = GrayImage::from_fn(200, 200, |x, y| {
        Luma([if (60..140).contains(&x) && (60..150).contains(&y) { 240 } else { 60 }])
    });
    assert_eq!(decoded(empty_page, ImageFormat::Png).digit().unwrap_err(), NoDigit::Nothing);

    let within = |x: u32, y: u32, left: u32, top: u32, width: u32, height: u32| {
        (left..left + width).contains(&x) && (top..top + height).contains(&y)
    };
    let drawn = |inked: &dyn Fn(u32, u32) -> bool| {
        found(
            GrayImage::from_fn(200, 200, |x, y| Luma([if inked(x, y) { 0 } else { 250 }])),
            ImageFormat::Png,
        )
        .doubts
    };
    let disc = |x: u32, y: u32| (x as f32 - 100.0).hypot(y as f32 - 95.0) < 40.0;
    assert_eq!(drawn(&disc), [Doubt::Solid]);
    assert_eq!(drawn(&|x, y| within(x, y, 30, 95, 140, 10)), [Doubt::Lying]);
    assert_eq!(drawn(&|x, y| within(x, y, 95, 30, 12, 140)), [], "a one");
    assert_eq!(drawn(&|x, y| within(x, y, 95, 0, 12, 140)), [Doubt::CutOff]);
    let texture = GrayImage::from_fn(200, 200, |x, y| {
        Luma([if x % 40 > 25 && y % 40 > 25 && x < 190 && y < 190 { 0 } else { 250 }])
    });
    assert_eq!(decoded(texture, ImageFormat::Png).digit().unwrap_err(), NoDigit::Scattered);
}
