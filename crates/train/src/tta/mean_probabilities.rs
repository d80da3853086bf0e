//! Means of probabilities.

use adder_model::{ADDENDS, DIGITS};

/// The mean of softmax probabilities, kept as logarithms: of a hopeless class they are still finite where the probability
/// itself underflows, and so is its loss.
pub(super) struct MeanProbabilities {
    classes: usize,
    /// Logarithms of the sums of probabilities.
    sums: Vec<f64>,
    views: u32,
}

impl MeanProbabilities {
    pub(super) fn new(classes: usize) -> Self {
        Self { classes, sums: Vec::new(), views: 0 }
    }

    /// Adds the softmax of each row of logits, as many as in the views before.
    pub(super) fn add(&mut self, logits: &[f32]) {
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

    /// Marginalizes rows beside the ten addends of each image to one row for the image, of its digit: beside an addend,
    /// `class(addend)` is the class of digit 0, and the nine after it those of the other digits. Other classes are left out.
    pub(super) fn marginalize(self, class: impl Fn(usize) -> usize) -> Self {
        let mut of_digits = Vec::with_capacity(self.sums.len() / (ADDENDS * self.classes) * DIGITS);
        for image in self.sums.chunks_exact(ADDENDS * self.classes) {
            let mut digits = [f64::NEG_INFINITY; DIGITS];
            for (addend, row) in image.chunks_exact(self.classes).enumerate() {
                for (digit, &said) in digits.iter_mut().zip(&row[class(addend)..]) {
                    *digit = log_add_exp(*digit, said);
                }
            }
            of_digits.extend(digits);
        }
        Self { classes: DIGITS, sums: of_digits, views: self.views * ADDENDS as u32 }
    }

    pub(super) fn logarithms(self) -> Vec<f32> {
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
    use super::*;

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
}
