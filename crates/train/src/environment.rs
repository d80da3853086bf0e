//! The machine that a run is computed on, and the record of it and of versions.

use std::thread::available_parallelism;
use std::time::SystemTime;

use adder_model::{Backend, IdentityAdder};
use candle_core::{Device, DeviceLocation};
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::config::Config;

/// The device, code and threads that a run is computed with. None of it changes the result, but for the device and the backend,
/// whose arithmetic may.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The device that the network is on.
    pub device: Device,
    /// The code that computes a training step.
    pub backend: Backend,
    /// Threads that the program was allowed, to be recorded.
    pub threads: usize,
    /// Threads that compute batches ahead; with 0 the loop computes them itself.
    pub loader_workers: usize,
}

impl Machine {
    /// A new network of `config` on this machine, initialized by its seed.
    ///
    /// # Errors
    /// Where the network cannot be, or not on the device or the backend.
    pub fn new_model(&self, config: &Config) -> adder_model::Result<IdentityAdder> {
        IdentityAdder::new(&config.model, config.seed, &self.device)?
            .with_algorithm(config.compute.algorithm.into())?
            .with_backend(self.backend)
    }
}

/// The file `environment.json` of a run: one entry for each time that it was started or resumed, perhaps elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// From the first to the last.
    pub sessions: Vec<Session>,
}

/// One stretch of training on one machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// UTC, such as `2026-01-31T14:25:30Z`.
    pub started: String,
    /// Steps of the run that were done before.
    pub steps_before: u64,
    /// Version of this crate.
    pub version: String,
    /// Version of candle.
    pub candle: String,
    /// The compiler.
    pub rustc: String,
    /// The target it compiled for, such as `x86_64-unknown-linux-gnu`.
    pub target: String,
    /// Whether this crate was compiled with optimization.
    pub optimized: bool,
    /// Name of the processor; empty where the system does not say.
    pub processor: String,
    /// Threads that the system would run at once.
    pub cores: usize,
    /// Threads that the program was allowed.
    pub threads: usize,
    /// The device of the network: `cpu`, `cuda:0`, `metal:0`.
    pub device: String,
    /// The code that computed the steps.
    pub backend: Backend,
}

impl Session {
    /// A session that starts now.
    pub fn now(steps_before: u64, machine: &Machine) -> Self {
        let &Machine { ref device, backend, threads, .. } = machine;
        Self {
            started: clock::timestamp(SystemTime::now()),
            steps_before,
            version: env!("CARGO_PKG_VERSION").into(),
            candle: env!("ADDER_CANDLE").into(),
            rustc: env!("ADDER_RUSTC").into(),
            target: env!("ADDER_TARGET").into(),
            optimized: !cfg!(debug_assertions),
            processor: processor().unwrap_or_default(),
            cores: available_parallelism().map_or(1, |cores| cores.get()),
            threads,
            device: device_name(device),
            backend,
        }
    }
}

fn device_name(device: &Device) -> String {
    match device.location() {
        DeviceLocation::Cpu => "cpu".into(),
        DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
        DeviceLocation::Metal { gpu_id } => format!("metal:{gpu_id}"),
    }
}

fn processor() -> Option<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
