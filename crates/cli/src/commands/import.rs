//! `adder import`: a network that PyTorch trained.

use std::io::Write;

use adder_data::whole_file::write_whole;
use anyhow::{Context as _, Result};
use candle_core::Device;

use crate::args::{CheckpointChoice, ImportArgs};
use crate::loaded_model::LoadedModel;
use crate::output::{say, shown};

pub(crate) fn run(args: &ImportArgs, quiet: bool) -> Result<()> {
    let (key, device) = (args.key.as_deref(), Device::Cpu);
    let loaded = LoadedModel::named(&args.file, key, CheckpointChoice::Last, &device, quiet)?;
    let bytes = loaded.model.to_safetensors(&loaded.facts)?;
    let unwritable = || format!("{}: cannot be written", shown(&args.out));
    write_whole(&args.out, |file| file.write_all(&bytes)).with_context(unwritable)?;
    if !quiet {
        say(format_args!("written: {}", shown(&args.out)));
    }
    Ok(())
}
