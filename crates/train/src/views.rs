//! Test-time augmentation: one answer out of several views of an image.
//!
//! The views are the image moved by whole pixels. Each head's answer is the mean of its softmax probabilities over the views:
//! a mean of logits would let one view that is sure of itself outvote the others.

use adder_data::{PIXELS, SIDE, normalise};
use adder_model::{Addends, DIGITS, Prediction, Predictor, SUMS};
use serde::{Deserialize, Serialize};

/// The views that an image is seen in. By default the image alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Views {
    shift: u8,
}

impl Views {
    /// The image moved by every number of pixels from `-shift` to `shift` in both directions; what moves in is black, as in
    /// MNIST's margins.
    pub const fn shifted(shift: u8) -> Self {
        Self { shift }
    }

    /// Pixels of the longest move along each side.
    pub const fn shift(self) -> u8 {
        self.shift
    }

    /// How many views there are: `(2 * shift + 1)^2`.
    pub const fn count(self) -> usize {
        let along_a_side = 2 * self.shift as usize + 1;
        along_a_side * along_a_side
    }

    /// Logits as [`Predictor::predict`] gives them; of more than one view, the logarithms of the mean probabilities, whose
    /// softmax is the mean.
    pub(crate) fn predict(
        self,
        predictor: &Predictor,
        images: &[f32],
        addends: Addends<'_>,
    ) -> adder_model::Result<Prediction> {
        if self.count() == 1 {
            return predictor.predict_batch(images, addends);
        }
        let mut logits = Prediction { digit: Vec::new(), sum: Vec::new() };
        let [mut digit, mut sum] = [DIGITS, SUMS].map(MeanProbabilities::new);
        let mut view = vec![0.0; images.len()];
        for (down, right) in self.moves() {
            move_images(images, down, right, &mut view);
            predictor.predict_into(&view, addends, &mut logits)?;
            digit.add(&logits.digit);
            sum.add(&logits.sum);
        }
        Ok(Prediction { digit: digit.logarithms(), sum: sum.logarithms() })
    }

    /// Pixels down and to the right.
    fn moves(self) -> impl Iterator<Item = (isize, isize)> {
        let shift = isize::from(self.shift);
        (-shift..=shift).flat_map(move |down| (-shift..=shift).map(move |right| (down, right)))
    }
}

/// Moves every normalised image `[28, 28]` of `from`.
fn move_images(from: &[f32], down: isize, right: isize, to: &mut [f32]) {
    // Black before normalisation.
    to.fill(normalise(0.0));
    let overlap = |by: isize| SIDE.saturating_sub(by.unsigned_abs());
    let (rows, columns) = (overlap(down), overlap(right));
    let start = |by: isize| (by.max(0) as usize).min(SIDE);
    for (from, to) in from.chunks_exact(PIXELS).zip(to.chunks_exact_mut(PIXELS)) {
        for row in 0..rows {
            let source = (row + start(-down)) * SIDE + start(-right);
            let target = (row + start(down)) * SIDE + start(right);
            to[target..target + columns].copy_from_slice(&from[source..source + columns]);
        }
    }
}

/// The mean of softmax probabilities, kept as logarithms: of a hopeless class they are still finite where the probability
/// itself underflows, and so is its loss.
struct MeanProbabilities {
    classes: usize,
    /// Logarithms of the sums of probabilities.
    sums: Vec<f64>,
    views: u32,
}

impl MeanProbabilities {
    fn new(classes: usize) -> Self {
        Self { classes, sums: Vec::new(), views: 0 }
    }

    /// Adds the softmax of each row of logits, as many as in the views before.
    fn add(&mut self, logits: &[f32]) {
        self.views += 1;
        self.sums.resize(logits.len(), f64::NEG_INFINITY);
        let rows = self.sums.chunks_exact_mut(self.classes).zip(logits.chunks_exact(self.classes));
        for (sums, logits) in rows {
            let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
            let total: f64 = logits.iter().map(|&logit| (f64::from(logit) - largest).exp()).sum();
            let logarithm = largest + total.ln();
            for (sum, &logit) in sums.iter_mut().zip(logits) {
                *sum = log_add_exp(*sum, f64::from(logit) - logarithm);
            }
        }
    }

    fn logarithms(self) -> Vec<f32> {
        let views = f64::from(self.views).ln();
        self.sums.into_iter().map(|sum| (sum - views) as f32).collect()
    }
}

/// `ln(e^a + e^b)`.
fn log_add_exp(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    // Two infinities have no difference.
    if low == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
}

#[cfg(test)]
mod tests {
    use adder_model::{Answer, IdentityAdder, ModelConfig, argmax};
    use adder_random::{Purpose, Stream};
    use candle_core::Device;

    use super::*;

    #[test]
    fn an_image_moves_and_black_moves_in() {
        let from: Vec<f32> = (0..2 * PIXELS).map(|at| at as f32).collect();
        let mut to = vec![f32::NAN; from.len()];
        move_images(&from, 1, -2, &mut to);
        let black = normalise(0.0);
        let at = |image: usize, row: usize, column: usize| image * PIXELS + row * SIDE + column;
        for image in 0..2 {
            assert_eq!(to[at(image, 1, 0)], from[at(image, 0, 2)]);
            assert_eq!(to[at(image, 27, 25)], from[at(image, 26, 27)]);
            assert_eq!([to[at(image, 0, 5)], to[at(image, 9, 26)], to[at(image, 9, 27)]], [black; 3]);
        }
        move_images(&from, 0, 0, &mut to);
        assert_eq!(to, from);
        move_images(&from, 28, 40, &mut to);
        assert!(to.iter().all(|&pixel| pixel == black));
    }

    #[test]
    fn there_are_nine_views_of_one_pixel() {
        let moves: Vec<_> = Views::shifted(1).moves().collect();
        let nine = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 0), (0, 1), (1, -1), (1, 0), (1, 1)];
        assert_eq!(moves, nine);
        assert_eq!([0, 1, 2].map(|shift| Views::shifted(shift).count()), [1, 9, 25]);
    }

    #[test]
    fn probabilities_are_averaged_and_not_logits() {
        let mut mean = MeanProbabilities::new(2);
        // Two rows: probabilities 0.9 and 0.5 of the first class, then 0.2 and 0.4; any constant may be added to logits.
        let logits = |first: f64, constant: f64| [first.ln() + constant, (1.0 - first).ln() + constant];
        for (above, below) in [(0.9, 0.2), (0.5, 0.4)] {
            let rows = [logits(above, 3.0), logits(below, -70.0)].concat();
            mean.add(&rows.into_iter().map(|logit| logit as f32).collect::<Vec<_>>());
        }
        let found: Vec<f64> = mean.logarithms().into_iter().map(|x| f64::from(x).exp()).collect();
        for (found, expected) in found.into_iter().zip([0.7, 0.3, 0.3, 0.7]) {
            assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
        }
    }

    #[test]
    fn hopeless_classes_keep_a_finite_logarithm() {
        let mut mean = MeanProbabilities::new(2);
        for _ in 0..3 {
            mean.add(&[2000.0, -2000.0]);
        }
        let found = mean.logarithms();
        assert!(found[0].abs() < 1e-12 && (found[1] + 4000.0).abs() < 1e-3, "{found:?}");
    }

    #[test]
    fn a_prediction_is_the_mean_of_the_answers_to_each_view() {
        let config = ModelConfig {
            channels: vec![4],
            pool_after: vec![1],
            unpadded: vec![],
            dropout_free: vec![],
            ..ModelConfig::default()
        };
        let predictor = Predictor::new(&IdentityAdder::new(&config, 5, &Device::Cpu).unwrap()).unwrap();
        let mut stream = Stream::new(1, Purpose::Test, 0, 0);
        let images: Vec<f32> = (0..3 * PIXELS).map(|_| stream.uniform(-1.0, 3.0)).collect();
        let views = Views::shifted(1);
        let found: Vec<Answer> =
            views.predict(&predictor, &images, Addends::All).unwrap().answers().collect();
        let mut sums = vec![[0.0; SUMS]; found.len()];
        for (down, right) in views.moves() {
            let mut view = vec![0.0; images.len()];
            move_images(&images, down, right, &mut view);
            for (answer, sums) in
                predictor.predict_batch(&view, Addends::All).unwrap().answers().zip(&mut sums)
            {
                for (sum, probability) in sums.iter_mut().zip(answer.sum_probabilities) {
                    *sum += probability / 9.0;
                }
            }
        }
        for (answer, expected) in found.iter().zip(sums) {
            assert_eq!(usize::from(answer.sum), argmax(&expected));
            for (found, expected) in answer.sum_probabilities.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
            }
        }
        let alone = Views::default().predict(&predictor, &images, Addends::All).unwrap();
        assert_eq!(alone, predictor.predict_batch(&images, Addends::All).unwrap());
    }
}
