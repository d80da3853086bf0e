//! The devices beside the CPU.

use candle_core::{Device, Result};

/// The accelerators that candle knows, the first of each kind, by name: the device, or why it is not there (the build is
/// without it, no driver, no such device). Opening one takes its memory and some time.
pub fn accelerators() -> [(&'static str, Result<Device>); 2] {
    [("cuda", Device::new_cuda(0)), ("metal", Device::new_metal(0))]
}
