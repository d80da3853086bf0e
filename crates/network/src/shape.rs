//! Shapes of what flows between layers, the batch left out.

use std::fmt;

use serde::Serialize;

/// The shape of one image's values between two layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Shape {
    /// Feature maps, `[channels, height, width]`.
    Map {
        /// Number of maps.
        channels: usize,
        /// Rows of each.
        height: usize,
        /// Columns of each.
        width: usize,
    },
    /// A vector of features, `[features]`.
    Vector {
        /// Number of values.
        features: usize,
    },
}

impl Shape {
    /// The sizes, `[channels, height, width]` or `[features]`.
    pub fn dims(self) -> Vec<usize> {
        match self {
            Self::Map { channels, height, width } => vec![channels, height, width],
            Self::Vector { features } => vec![features],
        }
    }

    /// Number of values; the largest number where they can't be counted.
    pub fn len(self) -> usize {
        self.channels().saturating_mul(self.pixels())
    }

    /// Whether there are no values; never so in a [`Network`](crate::Network).
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Channels of a map, or the features of a vector: that of which a norm has one statistic each.
    pub fn channels(self) -> usize {
        match self {
            Self::Map { channels, .. } => channels,
            Self::Vector { features } => features,
        }
    }

    /// Values of each channel.
    pub fn pixels(self) -> usize {
        match self {
            Self::Map { height, width, .. } => height.saturating_mul(width),
            Self::Vector { .. } => 1,
        }
    }

    /// `[channels, height, width]`, where it is a map.
    pub fn map(self) -> Option<[usize; 3]> {
        match self {
            Self::Map { channels, height, width } => Some([channels, height, width]),
            Self::Vector { .. } => None,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims: Vec<String> = self.dims().iter().map(usize::to_string).collect();
        f.write_str(&dims.join("x"))
    }
}
