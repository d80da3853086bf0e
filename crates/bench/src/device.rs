//! The devices that candle can use here.

use adder_model::accelerators;
use candle_core::Device;

use crate::output::say;

/// Every device that answers, with its name; what does not is said on standard error, with the reason.
pub fn available() -> Vec<(&'static str, Device)> {
    let mut devices = vec![("cpu", Device::Cpu)];
    for (name, device) in accelerators() {
        match device {
            Ok(device) => devices.push((name, device)),
            Err(error) => say(format_args!("{name} is skipped: {error}")),
        }
    }
    devices
}
