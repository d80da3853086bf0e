//! Batch normalization of `[b, c, pixels]`: over batch and pixels for each channel; a linear layer has one pixel.

use crate::EPSILON;

/// The output of [`batch_norm`] and the statistics that it found.
#[derive(Clone, Debug)]
pub struct Normalized {
    /// `gamma * (x - mean) / sqrt(variance + EPSILON) + beta`, `[b, c, pixels]`.
    pub output: Vec<f64>,
    /// The mean of each channel.
    pub mean: Vec<f64>,
    /// The biased variance of each channel.
    pub variance: Vec<f64>,
}

/// Normalizes with the batch's own statistics.
pub fn batch_norm(input: &[f64], shape: [usize; 3], gamma: &[f64], beta: &[f64]) -> Normalized {
    let [b, c, pixels] = shape;
    let mut normalized = Normalized { output: vec![0.0; input.len()], mean: vec![], variance: vec![] };
    for channel in 0..c {
        let count = (b * pixels) as f64;
        let mean = channel_indices(shape, channel).map(|at| input[at]).sum::<f64>() / count;
        let variance =
            channel_indices(shape, channel).map(|at| (input[at] - mean).powi(2)).sum::<f64>() / count;
        for at in channel_indices(shape, channel) {
            let standard = (input[at] - mean) / (variance + EPSILON).sqrt();
            normalized.output[at] = gamma[channel] * standard + beta[channel];
        }
        normalized.mean.push(mean);
        normalized.variance.push(variance);
    }
    normalized
}

/// Normalizes with statistics from elsewhere, as in evaluation.
pub fn batch_norm_with(
    input: &[f64],
    [_, c, pixels]: [usize; 3],
    [gamma, beta, mean, variance]: [&[f64]; 4],
) -> Vec<f64> {
    let channel = |at: usize| at / pixels % c;
    let standard = |at: usize, x: f64| (x - mean[channel(at)]) / (variance[channel(at)] + EPSILON).sqrt();
    let output = |(at, &x): (usize, &f64)| gamma[channel(at)] * standard(at, x) + beta[channel(at)];
    input.iter().enumerate().map(output).collect()
}

/// The gradients of [`batch_norm`].
pub struct NormGradients {
    /// The gradient of the input, `[b, c, pixels]`.
    pub input: Vec<f64>,
    /// The gradient of gamma, `[c]`.
    pub gamma: Vec<f64>,
    /// The gradient of beta, `[c]`.
    pub beta: Vec<f64>,
}

/// The gradients of [`batch_norm`]; the statistics depend on the input too.
pub fn batch_norm_backward(
    input: &[f64],
    shape: [usize; 3],
    gamma: &[f64],
    grad_output: &[f64],
) -> NormGradients {
    let [b, c, pixels] = shape;
    let count = (b * pixels) as f64;
    let forward = batch_norm(input, shape, gamma, &vec![0.0; c]);
    let mut grads = NormGradients { input: vec![0.0; input.len()], gamma: vec![0.0; c], beta: vec![0.0; c] };
    for (channel, &gamma) in gamma.iter().enumerate() {
        let deviation = (forward.variance[channel] + EPSILON).sqrt();
        let standard = |at: usize| (input[at] - forward.mean[channel]) / deviation;
        for at in channel_indices(shape, channel) {
            grads.beta[channel] += grad_output[at];
            grads.gamma[channel] += grad_output[at] * standard(at);
        }
        // Moving one input moves the mean by 1/count and the variance along `standard`: both parts are taken out again.
        let (mean_grad, mean_product) = (grads.beta[channel] / count, grads.gamma[channel] / count);
        for at in channel_indices(shape, channel) {
            let centred = grad_output[at] - mean_grad - standard(at) * mean_product;
            grads.input[at] = gamma / deviation * centred;
        }
    }
    grads
}

/// The indices of one channel's values.
fn channel_indices([b, c, pixels]: [usize; 3], channel: usize) -> impl Iterator<Item = usize> {
    (0..b).flat_map(move |image| (0..pixels).map(move |pixel| (image * c + channel) * pixels + pixel))
}
