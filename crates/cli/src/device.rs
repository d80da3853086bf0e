//! Choosing a device that is there.

use anyhow::{Context, Result, bail};
use candle_core::Device;

use crate::args::DeviceChoice;

/// The device asked for; `auto` tries what was built in and falls back to the CPU.
pub(crate) fn open(choice: DeviceChoice) -> Result<Device> {
    match choice {
        DeviceChoice::Cpu => Ok(Device::Cpu),
        DeviceChoice::Cuda(ordinal) => cuda(ordinal).with_context(|| format!("--device cuda:{ordinal}")),
        DeviceChoice::Metal => metal().context("--device metal"),
        // Where a driver is but no device answers, candle reports an error instead of falling back.
        DeviceChoice::Auto => Ok(cuda(0).or_else(|_| metal()).unwrap_or(Device::Cpu)),
    }
}

fn cuda(ordinal: usize) -> Result<Device> {
    if !candle_core::utils::cuda_is_available() {
        bail!("this binary was built without CUDA; build it with `--features cuda`");
    }
    Ok(Device::new_cuda(ordinal)?)
}

fn metal() -> Result<Device> {
    if !candle_core::utils::metal_is_available() {
        bail!("this binary was built without Metal; build it with `--features metal`");
    }
    Ok(Device::new_metal(0)?)
}
