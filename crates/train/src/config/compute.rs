//! The section `[compute]`.

use adder_model::Algorithm;
use serde::{Deserialize, Serialize};

/// The section `[compute]`: ways to compute the same, which decide the last bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ComputeConfig {
    /// The algorithm of convolutions on the fused backend: `direct`, the sum of products everywhere; `winograd`, with fewer
    /// multiplications, wherever it can be; `auto`, Winograd's where it is faster: in wide networks.
    pub algorithm: ConvolutionAlgorithm,
}

/// The algorithm of convolutions, see [`Algorithm`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConvolutionAlgorithm {
    /// [`Algorithm::Direct`].
    #[default]
    Direct,
    /// [`Algorithm::Winograd`].
    Winograd,
    /// [`Algorithm::Auto`].
    Auto,
}

impl From<ConvolutionAlgorithm> for Algorithm {
    fn from(algorithm: ConvolutionAlgorithm) -> Self {
        match algorithm {
            ConvolutionAlgorithm::Direct => Self::Direct,
            ConvolutionAlgorithm::Winograd => Self::Winograd,
            ConvolutionAlgorithm::Auto => Self::Auto,
        }
    }
}
