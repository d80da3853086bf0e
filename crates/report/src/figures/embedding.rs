//! What the network makes of an image, in two dimensions.

use super::principal::plane;
use crate::chart::{Axis, Panel, Scale, Spread};
use crate::drawing::style::COLOURS;
use crate::drawing::{Drawing, Figure, Rect};

/// Embeddings, `[count * width]` row by row, in the plane of their two principal components, each drawn as the digit in its image.
pub fn embedding(embeddings: &[f32], width: usize, digits: &[u8]) -> Figure {
    let mut drawing = Drawing::default();
    let side = (700.0, 520.0);
    let (places, shares) = plane(embeddings, width.max(1));
    let axes = [
        Axis {
            scale: Scale::around(Spread::Linear, places.iter().map(|place| place.0)),
            words: "first component",
        },
        Axis {
            scale: Scale::around(Spread::Linear, places.iter().map(|place| place.1)),
            words: "second component",
        },
    ];
    let title = format!(
        "Embeddings: two components with {:.0} and {:.0} % of the variance",
        100.0 * shares[0],
        100.0 * shares[1]
    );
    let mut panel = Panel::new(&mut drawing, Rect::new(0.0, 0.0, side.0, side.1), &title, axes);
    for (&place, &digit) in places.iter().zip(digits) {
        // The digit itself tells the groups apart where colours repeat.
        let class = format!("fill-{}", usize::from(digit) % COLOURS);
        panel.glyph(&class, place, &digit.to_string());
    }
    for digit in 0..10 {
        let group: Vec<_> =
            places.iter().zip(digits).filter(|pair| *pair.1 == digit).map(|pair| *pair.0).collect();
        if group.is_empty() {
            continue;
        }
        let mean = |value: fn(&(f64, f64)) -> f64| group.iter().map(value).sum::<f64>() / group.len() as f64;
        panel.badge((mean(|place| place.0), mean(|place| place.1)), &digit.to_string());
    }
    drawing.finish(side.0, side.1, "Embeddings of images in the plane of their two principal components")
}
