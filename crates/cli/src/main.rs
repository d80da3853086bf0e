//! The `adder` command: arguments in, words and exit codes out; all logic is in the libraries.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod configuration;
mod dashboard;
mod device;
mod failure;
mod interrupt;
mod loading;
mod observers;
mod pictures;
mod progress;
mod subject;
mod words;

use std::process::ExitCode;

use adder_model::Backend;
use anyhow::Result;
use candle_core::Device;
use clap::Parser;

use args::{Cli, Command, Global};

/// A training step allocates and frees the same large tensors; mimalloc keeps their pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What every command needs to know.
struct Context {
    device: Device,
    backend: Option<Backend>,
    threads: usize,
    quiet: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    run(cli).unwrap_or_else(|error| failure::report(&error))
}

fn run(cli: Cli) -> Result<ExitCode> {
    let context = prepare(&cli.global)?;
    match cli.command {
        Command::Train(args) => return commands::train::run(&args, &context),
        Command::Repeat(args) => return commands::repeat::run(&args, &context),
        Command::Sweep(args) => return commands::sweep::run(&args, &context),
        Command::LrFind(args) => commands::lr_find::run(&args, &context)?,
        Command::Eval(args) => commands::eval::run(&args, &context)?,
        Command::Predict(args) => commands::predict::run(&args, &context)?,
        Command::Serve(args) => commands::serve::run(&args, &context)?,
        Command::Export(args) => commands::export::run(&args, &context)?,
        Command::Import(args) => commands::import::run(&args, context.quiet)?,
        Command::Summary(args) => commands::summary::run(&args)?,
        Command::Report(args) => commands::report::run(&args, &context)?,
        Command::Runs(args) => commands::runs::run(&args, &context)?,
        Command::Data(args) => commands::data::run(&args, &context)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn prepare(global: &Global) -> Result<Context> {
    let threads = global.threads.map_or_else(num_cpus::get_physical, usize::from);
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    let device = device::open(global.device)?;
    Ok(Context { device, backend: global.backend, threads, quiet: global.quiet })
}
