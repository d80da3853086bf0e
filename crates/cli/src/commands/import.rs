//! `adder import`: a network that PyTorch trained.

use std::io::Write;

use adder_data::whole_file::write_whole;
use adder_export::torch;
use anyhow::{Context as _, Result};

use crate::args::ImportArgs;

pub(crate) fn run(args: &ImportArgs, quiet: bool) -> Result<()> {
    let (model, facts) = torch::load(&args.file)?;
    let bytes = model.to_safetensors(&facts)?;
    let unwritable = || format!("{}: cannot be written", args.out.display());
    write_whole(&args.out, |file| file.write_all(&bytes)).with_context(unwritable)?;
    if !quiet {
        eprintln!("written: {}", args.out.display());
    }
    Ok(())
}
