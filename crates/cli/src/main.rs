//! The `adder` command: arguments in, words and exit codes out; all logic is in the libraries.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod configuration;
mod context;
mod dashboard;
mod data_check;
mod error;
mod loaded_model;
mod observers;
mod output;
mod pictures;
mod progress;
mod resume_command;
mod run_data;
mod run_problem;
mod screen;
mod signals;
mod suggestion;
mod usage;

use std::process::ExitCode;

use anyhow::Result;

use args::{Cli, Command};
use context::Context;

/// A training step allocates and frees the same large tensors; mimalloc keeps their pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    signals::survive_file_limits();
    let cli = usage::parse();
    run(cli).unwrap_or_else(|error| error::report(&error))
}

fn run(cli: Cli) -> Result<ExitCode> {
    let context = Context::new(&cli.global)?;
    match cli.command {
        Command::Train(args) => return commands::train::run(&args, &context),
        Command::Repeat(args) => return commands::repeat::run(&args, &context),
        Command::Sweep(args) => return commands::sweep::run(&args, &context),
        Command::LrFind(args) => return commands::lr_find::run(&args, &context),
        Command::Eval(args) => commands::eval::run(&args, &context)?,
        Command::Predict(args) => return commands::predict::run(&args, &context),
        Command::Serve(args) => commands::serve::run(&args, &context)?,
        Command::Export(args) => commands::export::run(&args, &context)?,
        Command::Import(args) => commands::import::run(&args, context.quiet)?,
        Command::Summary(args) => commands::summary::run(&args, &context)?,
        Command::Report(args) => commands::report::run(&args, &context)?,
        Command::Runs(args) => commands::runs::run(&args, &context)?,
        Command::Data(args) => commands::data::run(&args, &context)?,
        Command::Completions(args) => commands::completions::run(&args)?,
        Command::Man(args) => commands::man::run(&args, context.quiet)?,
    }
    Ok(ExitCode::SUCCESS)
}
