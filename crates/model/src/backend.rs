//! The code that computes a training step, and the devices it may run on.

use std::fmt;
use std::str::FromStr;

use candle_core::Device;
use serde::{Deserialize, Serialize};

/// The code that computes a training step. Both compute the same network and draw the same dropout masks; their sums are
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

/// The accelerators that candle knows, the first of each kind, by name: the device, or why it is not there (the build is
/// without it, no driver, no such device). Opening one takes its memory and some time.
pub fn accelerators() -> [(&'static str, candle_core::Result<Device>); 2] {
    [("cuda", Device::new_cuda(0)), ("metal", Device::new_metal(0))]
}
