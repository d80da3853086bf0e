//! Starts the project's own programs: `cargo xtask train`, `eval`, `bench`, `ci` and the rest.
//!
//! It depends on no crate, of the workspace or otherwise, so that it compiles in seconds; everything it starts is built
//! by the cargo that runs it.

mod arguments;
mod base64;
mod cargo;
mod ci;
mod circles;
mod e2e;
mod fuzz;
mod help;
mod output;
mod page;
mod process;
mod sanitize;
mod torture;

use arguments::{Action, Invocation};
use cargo::Cargo;
use output::{complain, say};
use process::Failure;
use std::process::ExitCode;

/// The exit code for a command line that cannot be understood, as in `adder`.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let invocation = match Invocation::parse(std::env::args().skip(1)) {
        Ok(invocation) => invocation,
        Err(problem) => {
            complain(format_args!("error: {problem}\n\n{}", arguments::help()));
            return ExitCode::from(USAGE);
        }
    };
    match run(invocation) {
        Ok(code) => code,
        Err(problem) => {
            complain(format_args!("error: {problem}"));
            ExitCode::FAILURE
        }
    }
}

fn run(Invocation { selection, action, arguments }: Invocation) -> Result<ExitCode, Failure> {
    let cargo = match action {
        Action::Help => {
            say(arguments::help().trim_end());
            return Ok(ExitCode::SUCCESS);
        }
        Action::HelpOf(help) => {
            say(help.trim_end());
            return Ok(ExitCode::SUCCESS);
        }
        Action::Ci => return ci::run(&arguments).map(|()| ExitCode::SUCCESS),
        Action::Page => return page::build(arguments.first()).map(|_| ExitCode::SUCCESS),
        Action::Circles => return circles::run().map(|()| ExitCode::SUCCESS),
        Action::Fuzz => return fuzz::run(&arguments).map(|()| ExitCode::SUCCESS),
        Action::Sanitize => return sanitize::run(&arguments).map(|()| ExitCode::SUCCESS),
        Action::E2e => return e2e::run(&arguments).map(|()| ExitCode::SUCCESS),
        Action::Torture => return torture::run(&arguments),
        Action::Adder(_) => Cargo::run("adder-cli", "adder"),
        Action::Peers => Cargo::run("adder-bench", "peers"),
        Action::Bench => Cargo::new(["bench", "--package", "adder-bench"]),
    };
    let command = if let Action::Adder(command) = action { Some(command) } else { None };
    cargo.args(selection).arg("--").args(command).args(arguments).replace()
}
