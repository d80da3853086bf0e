//! The share of foreground in each pixel: of what was written, dark or light.

use crate::background::{self, Ground, length};
use crate::view::View;

/// Differences from the background below this many gray levels are no foreground.
const FAINTEST: f32 = 14.0;
/// The factor by which the foreground must stand out from the median grain of the background.
const ABOVE_GRAIN: f32 = 5.0;

/// The share of foreground in each pixel, 0 to 1, row by row.
pub(crate) struct Foreground {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) values: Vec<f32>,
    /// `true` for the pixels at the edge of what is looked at.
    edge: Vec<bool>,
}

impl Foreground {
    /// Separates the foreground of a view from its background, `None` where nothing stands out.
    pub(crate) fn from_view(view: &View, ground: &Ground) -> Option<Self> {
        let mut differences = background::differences(view, ground);
        for (difference, valid) in differences.iter_mut().zip(&view.valid) {
            if !valid {
                *difference = [0.0; 3];
            }
        }
        let direction = direction(&differences)?;
        let along = |[red, green, blue]: &[f32; 3]| {
            (red * direction[0] + green * direction[1] + blue * direction[2]).max(0.0)
        };
        let mut values: Vec<f32> = differences.iter().map(along).collect();
        let grain = background::grain(&differences, ground);

        let full = full(&values);
        if full < FAINTEST.max(ABOVE_GRAIN * grain) {
            return None;
        }
        // A tenth of the scale at most is taken for grain: MNIST's soft edges begin below that.
        let none = (3.0 * grain).min(0.3 * full);
        for value in &mut values {
            *value = ((*value - none) / (full - none)).clamp(0.0, 1.0);
        }
        let (width, height) = (view.width(), view.height());
        let edge = (0..values.len()).map(|pixel| view.is_at_edge(pixel)).collect();
        Some(Self { width, height, values, edge })
    }

    /// `true` for a pixel at the edge of what is looked at.
    pub(crate) fn is_at_edge(&self, pixel: usize) -> bool {
        self.edge[pixel]
    }
}

/// The color of the foreground as seen from the background, of length 1: the mean difference, in which the largest count by their
/// cube. Dark and light are only two of its directions.
fn direction(differences: &[[f32; 3]]) -> Option<[f32; 3]> {
    let mut sum = [0f64; 3];
    for difference in differences {
        let weight = f64::from(length(difference)).powi(2);
        for (sum, &value) in sum.iter_mut().zip(difference) {
            *sum += weight * f64::from(value);
        }
    }
    let length = sum.iter().map(|value| value * value).sum::<f64>().sqrt();
    (length > 1e-6).then(|| sum.map(|value| (value / length) as f32))
}

/// The value of a pixel that is all foreground: the median of those that hold more than half of what the fullest hold. A few bright
/// pixels do not make the fullest.
fn full(values: &[f32]) -> f32 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let fullest = sorted[(sorted.len() / 2000).max(3).min(sorted.len() - 1)];
    let strong = sorted.partition_point(|&value| value > 0.5 * fullest);
    sorted[strong / 2]
}
