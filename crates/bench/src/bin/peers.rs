//! `cargo xtask bench --peers`: adder beside PyTorch and ONNX Runtime, in one run.

use std::path::PathBuf;

use adder_bench::output::{say, show};
use adder_bench::peers::contestant::Task;
use adder_bench::peers::field::{Competition, Subject, competitions};
use adder_bench::peers::hall::Hall;
use adder_bench::peers::ours::compete;
use adder_bench::peers::rounds::Length;
use adder_bench::peers::{machine, python};
use anyhow::{Context, Result};
use clap::Parser;

/// As in `adder` itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Times training steps, inference and a layer beside PyTorch, ONNX Runtime and candle: the same network, batch, threads and inputs.
#[derive(Parser)]
#[command(name = "cargo xtask bench --peers")]
struct Arguments {
    /// Rounds, in each of which every competitor runs once
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Seconds that a competitor runs in a round, about
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Threads for each competitor [default: physical cores]
    #[arg(long)]
    threads: Option<usize>,
    /// Time this alone
    #[arg(long)]
    only: Option<Subject>,
    /// A Python that has the packages, instead of installing them (3 GB) into the target folder
    #[arg(long, value_name = "INTERPRETER")]
    python: Option<PathBuf>,
    /// Where to write the tables [default: peers/peers.md in the target folder]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(subcommand)]
    mode: Option<Mode>,
}

#[derive(clap::Subcommand)]
enum Mode {
    /// Be a competitor.
    #[command(hide = true)]
    Compete(Task),
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match &arguments.mode {
        Some(Mode::Compete(task)) => compete(task),
        None => compare(&arguments),
    }
}

fn compare(arguments: &Arguments) -> Result<()> {
    let program = std::env::current_exe()?;
    // target/release/peers
    let folder = program.ancestors().nth(2).context("a program in no folder")?.join("peers");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot write {}", folder.display()))?;
    let threads =
        arguments.threads.or(std::thread::available_parallelism().ok().map(usize::from)).unwrap_or(1);
    let python = match &arguments.python {
        Some(python) => Ok(python.clone()),
        None => python::environment(&folder.join("python")),
    };
    let hall = Hall { program, python, threads, folder };

    let mut report = machine::describe(threads) + "\n";
    show(&report);
    let length = Length { rounds: arguments.rounds.into(), seconds: arguments.seconds };
    let wanted = |competition: &Competition| arguments.only.is_none_or(|only| only == competition.subject);
    for competition in competitions().into_iter().filter(wanted) {
        let table = "\n".to_owned() + &hall.hold(&competition, length)?.to_markdown();
        show(&table);
        report += &table;
    }
    if let Some(sentence) = machine::disturbance(threads) {
        let sentence = format!("\n{sentence}\n");
        show(&sentence);
        report += &sentence;
    }
    let output = arguments.output.clone().unwrap_or_else(|| hall.folder.join("peers.md"));
    std::fs::write(&output, report).with_context(|| format!("cannot write {}", output.display()))?;
    say(format_args!("\nwritten to {}", output.display()));
    Ok(())
}
