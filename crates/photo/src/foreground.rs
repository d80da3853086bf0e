//! The share of foreground in each pixel: of what was written, dark or light.

use image::RgbImage;

use crate::background;

/// Differences from the background below this many gray levels are no foreground.
const FAINTEST: f32 = 14.0;
/// The factor by which the foreground must stand out from the median grain of the background.
const ABOVE_GRAIN: f32 = 5.0;

/// The share of foreground in each pixel, 0 to 1, row by row.
pub(crate) struct Foreground {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) values: Vec<f32>,
}

impl Foreground {
    /// Separates the foreground of a picture from its background; `None` where nothing stands out.
    pub(crate) fn from_picture(picture: &RgbImage) -> Option<Self> {
        let differences = background::differences(picture);
        let direction = direction(&differences)?;
        let along = |[red, green, blue]: &[f32; 3]| {
            (red * direction[0] + green * direction[1] + blue * direction[2]).max(0.0)
        };
        let mut values: Vec<f32> = differences.iter().map(along).collect();
        let mut grain: Vec<f32> = differences.iter().map(norm).collect();
        let middle = grain.len() / 2;
        let (_, &mut grain, _) = grain.select_nth_unstable_by(middle, f32::total_cmp);

        let full = full(&values);
        if full < FAINTEST.max(ABOVE_GRAIN * grain) {
            return None;
        }
        // A tenth of the scale at most is taken for grain: MNIST's soft edges begin below that.
        let none = (3.0 * grain).min(0.3 * full);
        for value in &mut values {
            *value = ((*value - none) / (full - none)).clamp(0.0, 1.0);
        }
        Some(Self { width: picture.width() as usize, height: picture.height() as usize, values })
    }

    pub(crate) fn at(&self, x: usize, y: usize) -> f32 {
        self.values[y * self.width + x]
    }
}

/// The color of the foreground as seen from the background, of length 1: the mean difference, in which the largest count by their
/// cube. Dark and light are only two of its directions.
fn direction(differences: &[[f32; 3]]) -> Option<[f32; 3]> {
    let mut sum = [0f64; 3];
    for difference in differences {
        let weight = f64::from(norm(difference)).powi(2);
        for (sum, &value) in sum.iter_mut().zip(difference) {
            *sum += weight * f64::from(value);
        }
    }
    let length = sum.iter().map(|value| value * value).sum::<f64>().sqrt();
    (length > 1e-6).then(|| sum.map(|value| (value / length) as f32))
}

fn norm(difference: &[f32; 3]) -> f32 {
    difference.iter().map(|value| value * value).sum::<f32>().sqrt()
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
