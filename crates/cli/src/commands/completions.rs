//! `adder completions`: what a shell needs to complete the command line.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::generate;

use crate::args::{Cli, CompletionsArgs};
use crate::output::print_file;

pub(crate) fn run(args: &CompletionsArgs) -> Result<()> {
    // Not the command line of the help, which hides what every command takes: it is to be completed everywhere.
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "adder", &mut script);
    print_file(&String::from_utf8(script)?)
}
