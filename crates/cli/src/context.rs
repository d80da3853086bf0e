//! The context of every command: device, threads, data that is loaded with a bar, signals.

use std::fmt::Display;

use adder_data::{Dataset, LoadEvent};
use adder_model::Backend;
use adder_train::config::DataConfig;
use adder_train::{Machine, StopFlag};
use anyhow::{Context as _, Result, bail};
use candle_core::Device;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::{DeviceChoice, Global};
use crate::data_check;
use crate::output::say;
use crate::signals;

/// The options of every command, carried out.
pub(crate) struct Context {
    pub(crate) device: Device,
    /// The backend, where the command line names one.
    pub(crate) backend: Option<Backend>,
    pub(crate) threads: usize,
    pub(crate) quiet: bool,
    /// The options that were given, for the command that resumes.
    pub(crate) arguments: Vec<String>,
}

impl Context {
    /// Starts the threads and opens the device.
    pub(crate) fn new(global: &Global) -> Result<Self> {
        let threads = global.threads.map_or_else(num_cpus::get_physical, usize::from);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
        pool.with_context(|| format!("--threads {threads}: cannot start so many threads"))?;
        let device = open_device(global.device)?;
        Ok(Self {
            device,
            backend: global.backend,
            threads,
            quiet: global.quiet,
            arguments: global.arguments(),
        })
    }

    /// The backend of the command line, else the fastest of the device.
    pub(crate) fn backend(&self) -> Backend {
        self.backend.unwrap_or(Backend::default_for(&self.device))
    }

    /// The machine to train on.
    pub(crate) fn machine(&self) -> Machine {
        Machine {
            device: self.device.clone(),
            backend: self.backend(),
            threads: self.threads,
            // More than one worker brings nothing: one computes batches several times faster than the kernels train on them.
            loader_workers: 1,
        }
    }

    /// The data that a configuration names, turned as it says, with a bar while it is fetched.
    pub(crate) fn load(&self, config: &DataConfig) -> Result<Dataset> {
        self.load_and_tell(config, &mut |_| ())
    }

    /// The same, with warnings on standard error of what looks odd in it.
    pub(crate) fn load_checked(&self, config: &DataConfig) -> Result<Dataset> {
        let dataset = self.load_and_tell(config, &mut |warning| say(format_args!("warning: {warning}")))?;
        for warning in data_check::warnings(&dataset, config) {
            say(warning);
        }
        Ok(dataset)
    }

    /// Loads; `tell` is told of damaged files that were passed over, and of images that nothing uses.
    fn load_and_tell(&self, config: &DataConfig, tell: &mut dyn FnMut(&dyn Display)) -> Result<Dataset> {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        bar.set_style(ProgressStyle::with_template("{msg} [{bar:30}] {bytes}/{total_bytes}, {eta} left")?);
        let dataset = adder_data::load(&config.source, &mut |event| match event {
            LoadEvent::Download(progress) => {
                if bar.is_hidden() && !self.quiet {
                    bar.set_draw_target(ProgressDrawTarget::stderr());
                }
                if bar.message() != progress.file {
                    bar.set_message(progress.file.to_owned());
                }
                bar.set_length(progress.total);
                bar.set_position(progress.received);
            }
            LoadEvent::Skipped(skipped) => tell(skipped),
            LoadEvent::Unused(unused) => tell(unused),
        });
        bar.finish_and_clear();
        Ok(config.oriented(dataset?))
    }
}

/// A flag that a signal raises; where it is raised already, the program ends at once.
pub(crate) fn stop_flag() -> Result<StopFlag> {
    let stop = StopFlag::default();
    let (asked, handler) = (stop.clone(), stop.clone());
    // A key of the dashboard may have asked before.
    signals::watch(move || asked.is_requested(), move || handler.request())?;
    Ok(stop)
}

/// The device asked for; `auto` tries what was built in and falls back to the CPU.
fn open_device(choice: DeviceChoice) -> Result<Device> {
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
