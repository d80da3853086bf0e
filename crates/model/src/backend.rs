//! Which code computes a training step.

use std::fmt;
use std::str::FromStr;

use candle_core::Device;
use serde::{Deserialize, Serialize};

/// Which code computes a training step. Both compute the same network and draw the same dropout masks; their sums are
/// rounded differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// candle's own operations, on every device.
    Reference,
    /// The kernels of `adder-kernels` as operations of candle's autograd, on the CPU.
    Fused,
}

impl Backend {
    /// The fastest that `device` has.
    pub fn default_for(device: &Device) -> Self {
        if device.is_cpu() { Self::Fused } else { Self::Reference }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reference => "reference",
            Self::Fused => "fused",
        })
    }
}

impl FromStr for Backend {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "reference" => Ok(Self::Reference),
            "fused" => Ok(Self::Fused),
            _ => Err("expected reference or fused".into()),
        }
    }
}
