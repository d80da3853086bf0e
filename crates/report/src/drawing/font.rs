//! The font of every figure, so that pictures are the same on every machine.

use std::sync::LazyLock;

use ttf_parser::Face;

/// The family's name, in SVG and CSS.
pub(crate) const FAMILY: &str = "Inter";
pub(crate) const REGULAR_TTF: &[u8] = include_bytes!("../../assets/inter/regular.ttf");
pub(crate) const SEMIBOLD_TTF: &[u8] = include_bytes!("../../assets/inter/semibold.ttf");
pub(crate) const REGULAR_WOFF2: &[u8] = include_bytes!("../../assets/inter/regular.woff2");
pub(crate) const SEMIBOLD_WOFF2: &[u8] = include_bytes!("../../assets/inter/semibold.woff2");

/// The weight of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    Regular,
    SemiBold,
}

/// Advance widths of ASCII in units of the font size, one table for each weight.
static ADVANCES: LazyLock<[[f64; 128]; 2]> =
    LazyLock::new(|| [REGULAR_TTF, SEMIBOLD_TTF].map(|font| advances(font).unwrap_or([0.6; 128])));

fn advances(font: &[u8]) -> Option<[f64; 128]> {
    let face = Face::parse(font, 0).ok()?;
    let units = f64::from(face.units_per_em());
    let mut table = [0.0; 128];
    for (character, advance) in (0u8..).map(char::from).zip(&mut table) {
        let glyph = face.glyph_index(character);
        *advance = glyph.and_then(|glyph| face.glyph_hor_advance(glyph)).unwrap_or(0).into();
        *advance /= units;
    }
    Some(table)
}

/// The width of a line of text, kerning left out. What is not ASCII counts as a wide letter.
pub(crate) fn text_width(text: &str, size: f64, weight: Weight) -> f64 {
    let table = &ADVANCES[usize::from(weight == Weight::SemiBold)];
    let wide = table[usize::from(b'm')];
    size * text.chars().map(|character| table.get(character as usize).copied().unwrap_or(wide)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_the_fonts() {
        // From the font's `hmtx` table: A 1413, B 1340 of 2048 units.
        let expected = 20.0 * (1413.0 + 1340.0) / 2048.0;
        assert!((text_width("AB", 20.0, Weight::Regular) - expected).abs() < 1e-9);
        assert!(text_width("AB", 20.0, Weight::SemiBold) > expected);
        assert!(text_width("\u{4e00}", 20.0, Weight::Regular) > 10.0);
    }
}
