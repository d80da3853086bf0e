//! A grey picture to draw on, with text.

use image::{GrayImage, Luma};
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, RasterizedChar, get_raster, get_raster_width};

const WEIGHT: FontWeight = FontWeight::Regular;
const HEIGHT: RasterHeight = RasterHeight::Size20;

/// The height of a line of text in pixels.
pub(crate) const TEXT_HEIGHT: u32 = HEIGHT.val() as u32;

/// The width of a line of text in pixels: every character has the same.
pub(crate) fn text_width(text: &str) -> u32 {
    (text.chars().count() * get_raster_width(WEIGHT, HEIGHT)) as u32
}

/// Writes `text` in a grey level on what is there, its upper left corner at `(left, top)`. What lies outside of the picture
/// is cut off.
pub(crate) fn draw_text(picture: &mut GrayImage, (left, top): (u32, u32), text: &str, grey: u8) {
    let width = get_raster_width(WEIGHT, HEIGHT) as u32;
    for (place, character) in text.chars().enumerate() {
        draw_glyph(picture, (left + place as u32 * width, top), &glyph(character), grey);
    }
}

/// The font has ASCII; everything else becomes a question mark.
fn glyph(character: char) -> RasterizedChar {
    get_raster(character, WEIGHT, HEIGHT)
        .or_else(|| get_raster('?', WEIGHT, HEIGHT))
        .expect("the font has a question mark")
}

fn draw_glyph(picture: &mut GrayImage, (left, top): (u32, u32), glyph: &RasterizedChar, grey: u8) {
    for (y, row) in (top..).zip(glyph.rows()) {
        for (x, &ink) in (left..).zip(row) {
            if let Some(Luma([ground])) = picture.get_pixel_mut_checked(x, y) {
                *ground = mix(*ground, grey, ink);
            }
        }
    }
}

/// `ground` where there is no ink, `grey` where there is all of 255.
fn mix(ground: u8, grey: u8, ink: u8) -> u8 {
    let (ground, grey, ink) = (u32::from(ground), u32::from(grey), u32::from(ink));
    ((ground * (255 - ink) + grey * ink + 127) / 255) as u8
}

/// Draws square pixels of `side` x `side` (`pixels.len()` is a multiple of `side`), each enlarged `scale` times.
pub(crate) fn draw_enlarged(
    picture: &mut GrayImage,
    (left, top): (u32, u32),
    pixels: &[u8],
    side: usize,
    scale: u32,
) {
    for (y, row) in pixels.chunks(side).enumerate() {
        for (x, &pixel) in row.iter().enumerate() {
            let corner = (left + x as u32 * scale, top + y as u32 * scale);
            fill(picture, corner, (scale, scale), pixel);
        }
    }
}

/// Fills a rectangle with a grey level; what lies outside of the picture is cut off.
pub(crate) fn fill(picture: &mut GrayImage, (left, top): (u32, u32), (width, height): (u32, u32), grey: u8) {
    for y in top..top + height {
        for x in left..left + width {
            if let Some(pixel) = picture.get_pixel_mut_checked(x, y) {
                *pixel = Luma([grey]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ink_mixes_from_ground_to_grey() {
        assert_eq!([0, 128, 255].map(|ink| mix(250, 20, ink)), [250, 135, 20]);
        assert_eq!([0, 255].map(|ink| mix(255, 255, ink)), [255, 255]);
    }

    #[test]
    fn text_stays_in_its_box() {
        let mut picture = GrayImage::from_pixel(100, 40, Luma([255]));
        draw_text(&mut picture, (10, 5), "Wg|_", 0);
        let (right, bottom) = (10 + text_width("Wg|_"), 5 + TEXT_HEIGHT);
        let mut inked = 0;
        for (x, y, Luma([grey])) in picture.enumerate_pixels() {
            let inside = (10..right).contains(&x) && (5..bottom).contains(&y);
            assert!(inside || *grey == 255, "ink at {x}, {y}");
            inked += u32::from(*grey < 128);
        }
        assert!(inked > 50, "{inked} dark pixels");
    }

    #[test]
    fn what_the_font_lacks_becomes_a_question_mark() {
        let draw = |text| {
            let mut picture = GrayImage::new(40, 20);
            draw_text(&mut picture, (0, 0), text, 255);
            picture
        };
        assert_eq!(draw("a\u{4e00}"), draw("a?"));
        assert_ne!(draw("a?"), draw("a!"));
    }

    #[test]
    fn drawing_outside_is_cut_off() {
        let mut picture = GrayImage::new(10, 10);
        draw_text(&mut picture, (5, 5), "long", 255);
        draw_enlarged(&mut picture, (8, 8), &[200; 4], 2, 3);
        assert_eq!(picture.get_pixel(9, 9), &Luma([200]));
    }
}
