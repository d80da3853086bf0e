//! The norm of a block: from sums over the batch to the numbers that the passes over pixels work with, in `f64`.

use super::lanes::{Affine, GradientCoefficients};
use crate::conv::map::Channels;
use crate::reduce::PartialSums;

/// Added to a variance before its square root, as PyTorch does by default.
const EPSILON: f64 = 1e-5;

/// Both totals of a channel, the chunks added in their order. A chunk's row holds first sums of all stored channels, then
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
    /// Of each stored channel; zero for those that only fill lanes.
    pub mean: Vec<f32>,
    /// Biased, that is divided by the count, of each channel.
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

    /// Back through the norm, given the sums of [`GradientSums`](super::lanes::GradientSums): the coefficients of the
    /// gradient at its input, and the gradients of gamma and beta.
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
