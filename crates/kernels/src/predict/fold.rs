//! From a norm's parameters and statistics to one factor and one offset, in `f64`.

use super::RunningStatistics;
use crate::Result;
use crate::shape::check_len;

/// Added to a variance before its square root, as PyTorch does by default.
const EPSILON: f64 = 1e-5;

/// `scale * x + shift`, for each channel.
#[derive(Clone, Debug)]
pub(super) struct ChannelNorm {
    pub(super) scale: Vec<f64>,
    pub(super) shift: Vec<f64>,
}

impl ChannelNorm {
    /// What leaves everything as it is.
    pub(super) fn identity(channels: usize) -> Self {
        Self { scale: vec![1.0; channels], shift: vec![0.0; channels] }
    }

    /// A norm with running statistics, of which there must be one for each value of `gamma` and `beta`.
    pub(super) fn new(
        gamma: &[f32],
        beta: &[f32],
        statistics: RunningStatistics<'_>,
        name: &'static str,
    ) -> Result<Self> {
        check_len(name, statistics.mean, gamma.len())?;
        check_len(name, statistics.variance, gamma.len())?;
        let scale: Vec<f64> = gamma
            .iter()
            .zip(statistics.variance)
            .map(|(&gamma, &variance)| f64::from(gamma) / (f64::from(variance) + EPSILON).sqrt())
            .collect();
        let shift = beta
            .iter()
            .zip(statistics.mean)
            .zip(&scale)
            .map(|((&beta, &mean), scale)| f64::from(beta) - f64::from(mean) * scale)
            .collect();
        Ok(Self { scale, shift })
    }
}
