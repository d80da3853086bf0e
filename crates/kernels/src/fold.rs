//! Norms folded into the layers around them, for inference.
//!
//! A batch norm in evaluation is one factor and one offset for each channel. A linear layer or a convolution takes those
//! of the norm before it and of the norm after it into its own weight and bias. All is computed in `f64` and rounded
//! once.

/// Added to a variance before its square root, as PyTorch does by default.
pub const EPSILON: f64 = 1e-5;

/// `scale * x + shift`, for each channel.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelAffine {
    /// The factor of each channel.
    pub scale: Vec<f64>,
    /// The offset of each channel.
    pub shift: Vec<f64>,
}

impl ChannelAffine {
    /// The map that leaves everything as it is.
    pub fn identity(channels: usize) -> Self {
        Self { scale: vec![1.0; channels], shift: vec![0.0; channels] }
    }

    /// A batch norm with the statistics of training, one value of each for every channel.
    ///
    /// # Panics
    /// If the four slices differ in length.
    pub fn from_norm(gamma: &[f32], beta: &[f32], mean: &[f32], variance: &[f32]) -> Self {
        assert_eq!([beta.len(), mean.len(), variance.len()], [gamma.len(); 3]);
        let scale: Vec<f64> = gamma
            .iter()
            .zip(variance)
            .map(|(&gamma, &variance)| f64::from(gamma) / (f64::from(variance) + EPSILON).sqrt())
            .collect();
        let shift = beta
            .iter()
            .zip(mean)
            .zip(&scale)
            .map(|((&beta, &mean), scale)| f64::from(beta) - f64::from(mean) * scale)
            .collect();
        Self { scale, shift }
    }

    /// The same with channels behind it that stay as they are, `channels` in all.
    #[must_use]
    pub fn extended(mut self, channels: usize) -> Self {
        self.scale.resize(channels, 1.0);
        self.shift.resize(channels, 0.0);
        self
    }

    /// Each channel so many times in a row: a map of so many pixels that was made a vector.
    #[must_use]
    pub fn repeated(&self, times: usize) -> Self {
        let repeat =
            |values: &[f64]| values.iter().flat_map(|&value| std::iter::repeat_n(value, times)).collect();
        Self { scale: repeat(&self.scale), shift: repeat(&self.shift) }
    }
}

/// The weight, `[out, in * taps]`, and the bias, `[out]`, of a layer that computes `after(weight * before(x) + bias)`.
///
/// `weight` is `[out, in * taps]`: a linear layer has one tap, a convolution those of its kernel. A convolution with
/// padding can fold a `before` without shift only, since its zeros stand behind the norm.
///
/// # Panics
/// If the lengths do not fit the channels of `before` and `after`.
pub fn fold_linear(
    weight: &[f32],
    bias: Option<&[f32]>,
    taps: usize,
    before: &ChannelAffine,
    after: &ChannelAffine,
) -> (Vec<f32>, Vec<f32>) {
    let (inputs, outputs) = (before.scale.len(), after.scale.len());
    assert_eq!(weight.len(), outputs * inputs * taps);
    assert!(bias.is_none_or(|bias| bias.len() == outputs));
    let (mut folded, mut folded_bias) = (Vec::with_capacity(weight.len()), Vec::with_capacity(outputs));
    for (out, row) in weight.chunks_exact(inputs * taps).enumerate() {
        let mut offset = bias.map_or(0.0, |bias| f64::from(bias[out]));
        for (inp, weights) in row.chunks_exact(taps).enumerate() {
            for &weight in weights {
                folded.push((after.scale[out] * f64::from(weight) * before.scale[inp]) as f32);
                offset += f64::from(weight) * before.shift[inp];
            }
        }
        folded_bias.push((after.scale[out] * offset + after.shift[out]) as f32);
    }
    (folded, folded_bias)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_layers_compute_what_the_layers_did() {
        let before = ChannelAffine { scale: vec![2.0, -1.0], shift: vec![0.5, 3.0] };
        let after = ChannelAffine { scale: vec![4.0], shift: vec![-7.0] };
        // Two taps of two channels: 4 * (1 * (2a + 0.5) + 2 * (2b + 0.5) + 3 * (3 - c) + 4 * (3 - d) + 10) - 7.
        let (weight, bias) = fold_linear(&[1.0, 2.0, 3.0, 4.0], Some(&[10.0]), 2, &before, &after);
        assert_eq!((weight, bias), (vec![8.0, 16.0, -12.0, -16.0], vec![123.0]));
        let one = ChannelAffine::identity(1);
        assert_eq!(fold_linear(&[3.0], None, 1, &one, &one), (vec![3.0], vec![0.0]));
    }

    #[test]
    fn a_norm_is_a_factor_and_an_offset() {
        let norm = ChannelAffine::from_norm(&[3.0], &[1.0], &[0.5], &[4.0]);
        let scale = 3.0 / (4.0 + EPSILON).sqrt();
        assert_eq!(norm, ChannelAffine { scale: vec![scale], shift: vec![1.0 - 0.5 * scale] });
    }
}
