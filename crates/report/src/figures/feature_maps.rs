//! One image on its way through the network.

use crate::drawing::{Anchor, Drawing, Figure, Rect, Weight, encode_rgb, text_width};

const PER_ROW: usize = 16;
const MAP: f64 = 46.0;
const GAP: f64 = 6.0;
const LEFT: f64 = 112.0;

/// The output of one layer for one image.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureMaps {
    /// The layer's name.
    pub layer: String,
    /// Height and width of a map.
    pub side: usize,
    /// `[channels, side, side]` row by row.
    pub values: Vec<f32>,
}

/// A row of maps for each layer, from the image on; each map from its least value, dark, to its largest, bright.
pub fn feature_maps(layers: &[FeatureMaps]) -> Figure {
    let mut drawing = Drawing::default();
    drawing.text("bold", (16.0, 22.0), Anchor::Start, 14.0, "One image through the network");
    let mut top = 42.0;
    for layer in layers {
        let maps: Vec<&[f32]> = layer.values.chunks_exact((layer.side * layer.side).max(1)).collect();
        drawing.text("", (16.0, top + 18.0), Anchor::Start, 12.0, &shortened(&layer.layer));
        let size = format!("{0} \u{d7} {0}", layer.side);
        drawing.text("muted", (16.0, top + 34.0), Anchor::Start, 12.0, &size);
        for (place, map) in maps.iter().enumerate() {
            let left = LEFT + (place % PER_ROW) as f64 * (MAP + GAP);
            let at = Rect::new(left, top + (place / PER_ROW) as f64 * (MAP + GAP), MAP, MAP);
            drawing.image(at, &picture(map, layer.side), "");
        }
        top += maps.len().div_ceil(PER_ROW) as f64 * (MAP + GAP) + 10.0;
    }
    let widest = layers.iter().map(|layer| layer.values.len() / (layer.side * layer.side).max(1)).max();
    let width = LEFT + widest.unwrap_or(1).min(PER_ROW) as f64 * (MAP + GAP) + 10.0;
    drawing.finish(width, top, "The outputs of each convolution block for one image")
}

/// A name with its end left out where it would run into the maps.
fn shortened(name: &str) -> String {
    let fits = |text: &str| text_width(text, 12.0, Weight::Regular) <= LEFT - 24.0;
    if fits(name) {
        return name.into();
    }
    let mut short = String::new();
    for character in name.chars() {
        if !fits(&format!("{short}{character}\u{2026}")) {
            break;
        }
        short.push(character);
    }
    short + "\u{2026}"
}

fn picture(map: &[f32], side: usize) -> Vec<u8> {
    let (low, high) =
        map.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)));
    let range = (high - low).max(f32::MIN_POSITIVE);
    let pixels: Vec<[u8; 3]> = map.iter().map(|&value| viridis((value - low) / range)).collect();
    encode_rgb(&pixels, side)
}

/// Matplotlib's default colors, even in brightness and readable with any color vision, from a few of its values.
fn viridis(place: f32) -> [u8; 3] {
    const STOPS: [[f32; 3]; 9] = [
        [68.0, 1.0, 84.0],
        [71.0, 44.0, 122.0],
        [59.0, 81.0, 139.0],
        [44.0, 113.0, 142.0],
        [33.0, 144.0, 141.0],
        [39.0, 173.0, 129.0],
        [92.0, 200.0, 99.0],
        [170.0, 220.0, 50.0],
        [253.0, 231.0, 37.0],
    ];
    let place = if place.is_nan() { 0.0 } else { place };
    let along = place.clamp(0.0, 1.0) * (STOPS.len() - 1) as f32;
    let before = (along as usize).min(STOPS.len() - 2);
    let part = along - before as f32;
    std::array::from_fn(|channel| {
        let (from, to) = (STOPS[before][channel], STOPS[before + 1][channel]);
        (from + part * (to - from)).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_end_before_the_maps() {
        assert_eq!(shortened("block 12"), "block 12");
        let short = shortened(&"encoder.".repeat(9));
        assert!(short.starts_with("encoder.") && short.ends_with('\u{2026}'), "{short}");
        assert!(text_width(&short, 12.0, Weight::Regular) < LEFT - 16.0);
    }

    #[test]
    fn colors_run_from_dark_to_bright() {
        assert_eq!((viridis(0.0), viridis(0.5), viridis(1.0)), ([68, 1, 84], [33, 144, 141], [253, 231, 37]));
        assert_eq!((viridis(-1.0), viridis(f32::NAN)), (viridis(0.0), viridis(0.0)));
    }
}
