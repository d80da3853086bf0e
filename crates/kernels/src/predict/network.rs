//! The network that a predictor is made from, and what it is asked.

use crate::Result;
use crate::dense::DenseSpec;
use crate::fold::ChannelAffine;
use crate::shape::check_len;
use crate::trunk::TrunkSpec;

/// A trained network: specifications, parameters and statistics.
#[derive(Clone, Copy, Debug)]
pub struct TrainedNetwork<'a> {
    /// The convolution blocks. The dense layers see the averages of the last one's channels, whatever `output` says.
    pub trunk: &'a TrunkSpec,
    /// The trunk's parameters, laid out as [`TrunkSpec::layout`] says.
    pub trunk_params: &'a [f32],
    /// The statistics of each block's norm.
    pub trunk_statistics: &'a [RunningStatistics<'a>],
    /// The layers after the convolutions.
    pub dense: &'a DenseSpec,
    /// Their parameters, laid out as [`DenseSpec::layout`] says.
    pub dense_params: &'a [f32],
    /// The statistics of each hidden layer's norm.
    pub dense_statistics: &'a [RunningStatistics<'a>],
    /// An offset for each class of all heads, where there are any.
    pub head_bias: Option<&'a [f32]>,
}

/// The statistics that a norm keeps of training and normalizes with in evaluation, one value for each channel or unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunningStatistics<'a> {
    /// The running means.
    pub mean: &'a [f32],
    /// The running variances.
    pub variance: &'a [f32],
}

/// The classes that the one-hot input is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OneHot<'a> {
    /// The network has no one-hot input.
    None,
    /// One class for each image.
    Each(&'a [u8]),
    /// Every class for each image: the rows of one image stand together, class 0 first. They share one pass through what
    /// lies before the one-hot input.
    All,
}

impl RunningStatistics<'_> {
    /// A norm with these statistics, of which there must be one for each value of `gamma` and `beta`.
    pub(super) fn fold(self, gamma: &[f32], beta: &[f32]) -> Result<ChannelAffine> {
        check_len("statistics", self.mean, gamma.len())?;
        check_len("statistics", self.variance, gamma.len())?;
        Ok(ChannelAffine::from_norm(gamma, beta, self.mean, self.variance))
    }
}

/// The output of a block for one image.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureMaps {
    /// The number of maps.
    pub channels: usize,
    /// Pixels from top to bottom.
    pub height: usize,
    /// Pixels from left to right.
    pub width: usize,
    /// `[channels, height, width]`, row by row.
    pub values: Vec<f32>,
}
