//! The share of foreground in each pixel: of what was written, dark or light.

use crate::background::{self, Ground, length};
use crate::closing::closing;
use crate::view::View;

/// Differences from the background below this many gray levels are no foreground.
const FAINTEST: f32 = 14.0;
/// The factor by which the foreground must stand out from the median grain of the background.
const ABOVE_GRAIN: f32 = 5.0;

/// The widest stroke beside a shadow, as a share of the shorter side of a view.
const STROKE: f32 = 0.12;
/// The share of the light that strokes beside a shadow take at least.
const DARKER: f32 = 0.15;

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
        let grain = background::grain(&differences, &view.valid, ground);

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
        let edge = view.edge();
        Some(Self { width, height, values, edge })
    }

    /// The strokes of a view in which a shadow falls on the page: what is darker than its surroundings and thin, by the share of
    /// their light that it takes; `None` where there are none. `gray` is the view's [`View::gray`].
    pub(crate) fn strokes(view: &View, gray: &[f32]) -> Option<Self> {
        let (width, height) = (view.width(), view.height());
        let reach = (width.min(height) as f32 * STROKE / 2.0) as usize;
        let paper = closing(gray, width, reach.max(1));
        let mut values: Vec<f32> =
            gray.iter().zip(&paper).map(|(gray, paper)| (1.0 - gray / paper.max(1.0)).max(0.0)).collect();
        let full = full(&values);
        if full < DARKER {
            return None;
        }
        // The paper under a closing is as light as its lightest grain.
        let mut sorted = values.clone();
        let middle = sorted.len() / 2;
        let grain = *sorted.select_nth_unstable_by(middle, f32::total_cmp).1;
        let none = (2.0 * grain).min(0.4 * full);
        for (value, valid) in values.iter_mut().zip(&view.valid) {
            *value = if *valid { ((*value - none) / (full - none)).clamp(0.0, 1.0) } else { 0.0 };
        }
        let edge = view.edge();
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
    let place = (values.len() / 2000).clamp(3, 30).min(values.len() - 1);
    let mut sorted = values.to_vec();
    let (_, &mut fullest, _) = sorted.select_nth_unstable_by(place, |a, b| b.total_cmp(a));
    sorted.retain(|&value| value > 0.5 * fullest);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => fullest,
        _ => *sorted.select_nth_unstable_by(middle, |a, b| b.total_cmp(a)).1,
    }
}
