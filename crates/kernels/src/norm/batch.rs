//! Batch normalization over `[batch, channels, pixels]`, alone or with what follows it in a residual network.

mod columns;
mod elementwise;
mod planes;

use crate::shape::{check_len, volume};
use crate::{Isa, Result};
use elementwise::{Affine, Gradient};
pub use elementwise::{After, BatchNormPass};

/// The statistics of each channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// The mean, `[c]`.
    pub mean: Vec<f64>,
    /// The biased variance, that is divided by the count, `[c]`.
    pub variance: Vec<f64>,
}

impl Statistics {
    /// Statistics from elsewhere, such as the running ones of a training.
    pub fn from_running(mean: &[f32], variance: &[f32]) -> Self {
        let wide = |values: &[f32]| values.iter().map(|&value| value.into()).collect();
        Self { mean: wide(mean), variance: wide(variance) }
    }
}

/// The statistics of `x`, `[batch, channels, pixels]`, over batch and pixels; of nothing they are zero.
///
/// # Errors
/// [`Error::Length`](crate::Error::Length) where `x` does not fit the shape.
pub fn batch_statistics(isa: Isa, x: &[f32], shape: [usize; 3]) -> Result<Statistics> {
    check_len("x", x, volume("x", &shape)?)?;
    let [batch, channels, pixels] = shape;
    if x.is_empty() {
        return Ok(Statistics { mean: vec![0.0; channels], variance: vec![0.0; channels] });
    }
    let moments =
        if pixels == 1 { columns::moments(isa, x, channels) } else { planes::moments(isa, x, shape) };
    let count = (batch * pixels) as f64;
    // Rounding may leave less than nothing; a NaN stays.
    let variance = |squares: f64| if squares < 0.0 { 0.0 } else { squares / count };
    Ok(Statistics {
        mean: moments.iter().map(|moments| moments[0]).collect(),
        variance: moments.iter().map(|moments| variance(moments[1])).collect(),
    })
}

/// A batch norm: `gamma * (x - mean) / sqrt(variance + epsilon) + beta`.
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm<'a> {
    /// Batch, channels and pixels.
    pub shape: [usize; 3],
    /// The statistics to normalize with.
    pub statistics: &'a Statistics,
    /// The factor of each channel, `[c]`.
    pub gamma: &'a [f32],
    /// The offset of each channel, `[c]`.
    pub beta: &'a [f32],
    /// Added to the variance.
    pub epsilon: f64,
}

/// Where the gradients are written.
#[derive(Debug)]
pub struct BatchNormGradients<'a> {
    /// That of the input, `[batch, channels, pixels]`, where it is asked for.
    pub x: Option<&'a mut [f32]>,
    /// That of the second input, `[batch, channels, pixels]`, where there was one and it is asked for.
    pub residual: Option<&'a mut [f32]>,
    /// That of gamma, `[c]`.
    pub gamma: &'a mut [f32],
    /// That of beta, `[c]`.
    pub beta: &'a mut [f32],
}

impl BatchNorm<'_> {
    /// Normalizes `x`, `[batch, channels, pixels]`, into `output` of the same shape. A NaN stays one behind a ReLU too.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) where a slice does not fit the shape.
    pub fn forward(&self, isa: Isa, x: &[f32], after: After<'_>, output: &mut [f32]) -> Result<()> {
        self.check()?;
        check_len("x", x, self.len()?)?;
        check_len("output", output, x.len())?;
        if let After::AddRelu(residual) = after {
            check_len("residual", residual, x.len())?;
        }
        let affine = self.affine();
        if !x.is_empty() {
            if self.shape[2] == 1 {
                columns::forward(isa, x, &affine, after, output);
            } else {
                planes::forward(isa, x, (&affine, self.shape[2]), after, output);
            }
        }
        Ok(())
    }

    /// Writes the gradients of [`forward`](Self::forward) over `grads`.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) where a slice does not fit the shape.
    pub fn backward(&self, isa: Isa, pass: &BatchNormPass<'_>, grads: BatchNormGradients<'_>) -> Result<()> {
        self.check_backward(pass, &grads)?;
        let [_, channels, pixels] = self.shape;
        let pivots = self.pivots();
        let sums = if pass.x.is_empty() {
            vec![[0.0; 2]; channels]
        } else if pixels == 1 {
            columns::gradient_sums(isa, pass, &pivots, grads.residual)
        } else {
            planes::gradient_sums(isa, pass, (&pivots, pixels), grads.residual)
        };
        let gradient = self.gradient(pass.of_batch, pivots, &sums, [grads.gamma, grads.beta]);
        match grads.x {
            Some(grad_x) if !grad_x.is_empty() => {
                if pixels == 1 {
                    columns::backward(isa, pass, &gradient, grad_x);
                } else {
                    planes::backward(isa, pass, (&gradient, pixels), grad_x);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn len(&self) -> Result<usize> {
        volume("x", &self.shape)
    }

    fn check(&self) -> Result<()> {
        let channels = self.shape[1];
        check_len("gamma", self.gamma, channels)?;
        check_len("beta", self.beta, channels)?;
        check_len("mean", &self.statistics.mean, channels)?;
        check_len("variance", &self.statistics.variance, channels)
    }

    fn check_backward(&self, pass: &BatchNormPass<'_>, grads: &BatchNormGradients<'_>) -> Result<()> {
        self.check()?;
        let len = self.len()?;
        let slices = [
            ("x", Some(pass.x)),
            ("rectified", pass.rectified),
            ("grad_output", Some(pass.grad_output)),
            ("grads.x", grads.x.as_deref()),
            ("grads.residual", grads.residual.as_deref()),
        ];
        for (argument, slice) in slices {
            check_len(argument, slice.unwrap_or(pass.x), len)?;
        }
        check_len("grads.gamma", grads.gamma, self.shape[1])?;
        check_len("grads.beta", grads.beta, self.shape[1])
    }

    /// The rounded means, which are subtracted first: a large mean then costs no digits.
    fn pivots(&self) -> Vec<f32> {
        self.statistics.mean.iter().map(|&mean| mean as f32).collect()
    }

    /// `1 / sqrt(variance + epsilon)` of a channel, and what rounding took from its mean.
    fn exact(&self, channel: usize) -> [f64; 2] {
        let (mean, variance) = (self.statistics.mean[channel], self.statistics.variance[channel]);
        [1.0 / (variance + self.epsilon).sqrt(), mean - f64::from(mean as f32)]
    }

    fn affine(&self) -> Affine {
        let (mut scale, mut shift) = (vec![], vec![]);
        for channel in 0..self.gamma.len() {
            let [inverse_deviation, rest] = self.exact(channel);
            let exact = f64::from(self.gamma[channel]) * inverse_deviation;
            scale.push(exact as f32);
            shift.push((f64::from(self.beta[channel]) - rest * exact) as f32);
        }
        Affine { pivot: self.pivots(), scale, shift }
    }

    /// The coefficients of the input's gradient, given for each channel the sum of the gradients at the output, and of
    /// their products with `x - pivot`. Writes the gradients of gamma and beta.
    fn gradient(
        &self,
        of_batch: bool,
        pivot: Vec<f32>,
        sums: &[[f64; 2]],
        [grad_gamma, grad_beta]: [&mut [f32]; 2],
    ) -> Gradient {
        let count = (self.shape[0] * self.shape[2]).max(1) as f64;
        let channels = self.shape[1];
        let [mut scale, mut mean, mut slope, mut constant] = [(); 4].map(|()| vec![0.0; channels]);
        for (channel, &[sum, product]) in sums.iter().enumerate() {
            let [inverse_deviation, rest] = self.exact(channel);
            let by_gamma = inverse_deviation * (product - rest * sum);
            grad_gamma[channel] = by_gamma as f32;
            grad_beta[channel] = sum as f32;

            // Moving one value moves the batch's mean and variance too: what they take back is linear in the value.
            let exact = f64::from(self.gamma[channel]) * inverse_deviation;
            let exact_slope = -exact * inverse_deviation * by_gamma / count;
            let exact_mean = sum / count;
            scale[channel] = exact as f32;
            mean[channel] = exact_mean as f32;
            slope[channel] = exact_slope as f32;
            let mean_rest = exact_mean - f64::from(mean[channel]);
            constant[channel] = (-exact * mean_rest - exact_slope * rest) as f32;
        }
        Gradient { of_batch, pivot, scale, mean, slope, constant }
    }
}

#[cfg(test)]
mod tests;
