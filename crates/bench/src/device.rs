//! The devices that candle can use here.

use candle_core::Device;

/// Every device that answers, with its name; what does not is said on standard error, with the reason.
pub fn available() -> Vec<(&'static str, Device)> {
    let mut devices = vec![("cpu", Device::Cpu)];
    for (name, device) in [("cuda", Device::new_cuda(0)), ("metal", Device::new_metal(0))] {
        match device {
            Ok(device) => devices.push((name, device)),
            Err(error) => eprintln!("{name} is skipped: {error}"),
        }
    }
    devices
}
