//! `adder import`: a network that PyTorch trained.

use std::io::Write;

use adder_data::whole_file::write_whole;
use anyhow::{Context as _, Result};
use candle_core::Device;

use crate::args::ImportArgs;
use crate::loaded_model::load_file;
use crate::output::{say, shown};

pub(crate) fn run(args: &ImportArgs, quiet: bool) -> Result<()> {
    let (model, facts) = load_file(&args.file, args.key.as_deref(), &Device::Cpu, quiet)?;
    let bytes = model.to_safetensors(&facts)?;
    let unwritable = || format!("{}: cannot be written", shown(&args.out));
    write_whole(&args.out, |file| file.write_all(&bytes)).with_context(unwritable)?;
    if !quiet {
        say(format_args!("written: {}", shown(&args.out)));
    }
    Ok(())
}
