//! The norm of a block: from sums over the batch to the numbers that the passes over pixels work with, in `f64`.

use super::elementwise::{Affine, GradientCoefficients};
use crate::conv::layout::Channels;
use crate::fold::EPSILON;
use crate::reduce::PartialSums;

/// The two totals of a channel, the chunks added in their order. A chunk's row holds first sums of all stored channels, then
/// their second sums.
fn totals(sums: &PartialSums<f64>, channel: usize) -> [f64; 2] {
    let mut totals = [0.0; 2];
    for row in sums.rows() {
        totals[0] += row[channel];
        totals[1] += row[row.len() / 2 + channel];
    }
    totals
}

/// The statistics of a block's values over a batch.
#[derive(Clone, Debug, Default)]
pub(super) struct Statistics {
    /// Values of each channel.
    pub count: usize,
    /// The mean of each stored channel; zero for those that only fill lanes.
    pub mean: Vec<f32>,
    /// The variance of each channel, biased, that is divided by the count.
    pub variance: Vec<f32>,
    /// Mean and 1 / sqrt(variance + epsilon) of each channel, unrounded.
    exact: Vec<[f64; 2]>,
}

impl Statistics {
    /// Replaces the statistics by those that belong to the sums of values and of their squares.
    pub(super) fn set(&mut self, sums: &PartialSums<f64>, channels: Channels, count: usize) {
        self.count = count;
        self.mean.clear();
        self.variance.clear();
        self.exact.clear();
        // Of an empty batch all sums are zero.
        let values = count.max(1) as f64;
        for channel in 0..channels.count {
            let [mean, mean_square] = totals(sums, channel).map(|total| total / values);
            let variance = mean_square - mean * mean;
            // Rounding may leave less than nothing; a NaN stays.
            let variance = if variance < 0.0 { 0.0 } else { variance };
            self.mean.push(mean as f32);
            self.variance.push(variance as f32);
            self.exact.push([mean, 1.0 / (variance + EPSILON).sqrt()]);
        }
        self.mean.resize(channels.stored, 0.0);
    }

    /// The norm as one factor and one offset, both times `dropout_scale`.
    pub(super) fn affine(&self, gamma: &[f32], beta: &[f32], dropout_scale: f32, affine: &mut Affine) {
        let dropout_scale = f64::from(dropout_scale);
        for (channel, &[mean, inverse_deviation]) in self.exact.iter().enumerate() {
            let scale = f64::from(gamma[channel]) * inverse_deviation;
            affine.scale[channel] = (scale * dropout_scale) as f32;
            affine.shift[channel] = ((f64::from(beta[channel]) - mean * scale) * dropout_scale) as f32;
        }
    }

    /// The backward pass of the norm, given the sums of [`GradientSums`](super::elementwise::GradientSums): the
    /// coefficients of the gradient at its input, and the gradients of gamma and beta.
    pub(super) fn backward(
        &self,
        sums: &PartialSums<f64>,
        gamma: &[f32],
        dropout_scale: f32,
        coefficients: &mut GradientCoefficients,
        [grad_gamma, grad_beta]: [&mut [f32]; 2],
    ) {
        let GradientCoefficients { upstream, mean_g, value, constant } = coefficients;
        let (count, dropout_scale) = (self.count.max(1) as f64, f64::from(dropout_scale));
        for (channel, &[mean, inverse_deviation]) in self.exact.iter().enumerate() {
            let [sum, product] = totals(sums, channel).map(|total| total * dropout_scale);
            // The product was taken about the rounded mean.
            let rest = mean - f64::from(self.mean[channel]);
            let by_gamma = inverse_deviation * (product - rest * sum);
            grad_beta[channel] = sum as f32;
            grad_gamma[channel] = by_gamma as f32;

            // Moving one value moves the batch's mean and variance too: what they take back is linear in the value.
            let scale = f64::from(gamma[channel]) * inverse_deviation;
            let slope = -scale * inverse_deviation * by_gamma / count;
            let mean_gradient = sum / dropout_scale / count;
            mean_g[channel] = mean_gradient as f32;
            let gradient_rest = mean_gradient - f64::from(mean_g[channel]);
            upstream[channel] = (scale * dropout_scale) as f32;
            value[channel] = slope as f32;
            constant[channel] = (-scale * dropout_scale * gradient_rest - slope * rest) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use rayon::prelude::*;

    use super::*;

    /// The sums of one channel among eight lanes.
    fn sums(first: f64, second: f64) -> PartialSums<f64> {
        let mut sums = PartialSums::default();
        sums.start(1, 16).for_each(|row| (row[0], row[8]) = (first, second));
        sums
    }

    fn sum(values: impl IntoIterator<Item = f64>) -> f64 {
        values.into_iter().sum()
    }

    /// The gradients of gamma and of four values, as the formulas of the norm read and as the coefficients give them.
    fn gradients(r: [f32; 4], g: [f32; 4]) -> [[f64; 5]; 2] {
        const GAMMA: f32 = 1.5;
        let (r, g) = (r.map(f64::from), g.map(f64::from));
        let mut statistics = Statistics::default();
        statistics.set(&sums(sum(r), sum(r.map(|r| r * r))), Channels { count: 1, stored: 8 }, 4);
        let rounded = f64::from(statistics.mean[0]);
        let products = r.iter().zip(g).map(|(r, g)| g * (r - rounded));
        let [mut upstream, mut mean_g, mut value, mut constant] = [(); 4].map(|()| vec![0.0; 8]);
        let mut coefficients = GradientCoefficients { upstream, mean_g, value, constant };
        let (mut grad_gamma, mut grad_beta) = ([0.0], [0.0]);
        let grads = [&mut grad_gamma[..], &mut grad_beta[..]];
        statistics.backward(&sums(sum(g), sum(products)), &[GAMMA], 1.0, &mut coefficients, grads);
        GradientCoefficients { upstream, mean_g, value, constant } = coefficients;
        let [upstream, mean_g, value, constant] =
            [upstream, mean_g, value, constant].map(|values| f64::from(values[0]));

        let (mean, mean_of_g) = (sum(r) / 4.0, sum(g) / 4.0);
        assert!(mean != rounded && mean_of_g != mean_g, "neither mean is an f32");
        let inverse = 1.0 / (sum(r.map(|r| (r - mean).powi(2))) / 4.0 + EPSILON).sqrt();
        let by_gamma = inverse * sum(r.iter().zip(g).map(|(r, g)| g * (r - mean)));
        let scale = f64::from(GAMMA) * inverse;
        let (mut expected, mut found) = ([by_gamma; 5], [f64::from(grad_gamma[0]); 5]);
        for (at, (r, g)) in r.into_iter().zip(g).enumerate() {
            expected[at + 1] = scale * (g - mean_of_g - inverse * (r - mean) * by_gamma / 4.0);
            found[at + 1] = upstream * (g - mean_g) + value * (r - rounded) + constant;
        }
        [expected, found]
    }

    #[test]
    fn what_rounding_takes_from_the_means_is_given_back() {
        let values = [10.3, 10.4, 10.2, 10.37];
        // Nearly equal gradients show the rests of both means, others the slope's.
        for (g, bound) in [([0.7, 0.700_01, 0.7, 0.700_04], 2e-9), ([0.7, 0.9, 0.5, 0.83], 2e-6)] {
            let [expected, found] = gradients(values, g);
            for (expected, found) in expected.into_iter().zip(found) {
                assert!((expected - found).abs() < bound, "{found} is not {expected}");
            }
        }
    }
}
