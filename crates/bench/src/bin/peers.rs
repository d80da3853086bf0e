//! `cargo xtask bench --peers`: adder beside PyTorch and ONNX Runtime, in one run.

use std::path::{Path, PathBuf};
use std::process::Command;

use adder_bench::peers::competitor::Competitor;
use adder_bench::peers::field::{Competition, Entrant, Runtime, Workload, competitions};
use adder_bench::peers::ours::{Task, compete};
use adder_bench::peers::rounds::{Length, interleaved};
use adder_bench::peers::shared::Shared;
use adder_bench::peers::table::Table;
use adder_bench::peers::{machine, python};
use adder_bench::verify;
use adder_kernels::ISA_VARIABLE;
use adder_model::Backend;
use anyhow::{Context, Result};
use clap::Parser;

/// As in `adder` itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Times a training step and inference beside PyTorch and ONNX Runtime: the same network, batch, threads and inputs.
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
    only: Option<Workload>,
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
    let hall = Hall { program, python, threads, shared: Shared::write(&folder)?, folder };

    let mut report = machine::describe(threads) + "\n";
    print!("{report}");
    let length = Length { rounds: arguments.rounds.into(), seconds: arguments.seconds };
    let wanted = |competition: &Competition| arguments.only.is_none_or(|only| only == competition.workload);
    for competition in competitions().into_iter().filter(wanted) {
        let table = "\n".to_owned() + &hall.hold(&competition, length)?.to_markdown();
        print!("{table}");
        report += &table;
    }
    if let Some(sentence) = machine::disturbance(threads) {
        println!("\n{sentence}");
        report += &format!("\n{sentence}\n");
    }
    let output = arguments.output.clone().unwrap_or_else(|| hall.folder.join("peers.md"));
    std::fs::write(&output, report).with_context(|| format!("cannot write {}", output.display()))?;
    eprintln!("\nwritten to {}", output.display());
    Ok(())
}

/// Everything that all competitions share.
struct Hall {
    program: PathBuf,
    /// The interpreter, or why there is none.
    python: Result<PathBuf>,
    threads: usize,
    shared: Shared,
    folder: PathBuf,
}

impl Hall {
    /// Holds a competition among those that can run here.
    fn hold(&self, competition: &Competition, length: Length) -> Result<Table> {
        let mut competitors: Vec<Competitor> = Vec::new();
        let mut absent = Vec::new();
        let mut expected: Option<Vec<f32>> = None;
        for entrant in &competition.entrants {
            eprintln!("starting {}", entrant.name);
            let arrival = self.start(competition, entrant).and_then(|mut competitor| {
                let logits = competitor.logits()?;
                verify::close(&entrant.name, &logits, expected.get_or_insert_with(|| logits.clone()), 1e-3)?;
                eprintln!("  {}", competitor.description());
                Ok(competitor)
            });
            match arrival {
                Ok(competitor) => competitors.push(competitor),
                Err(reason) => absent.push((entrant.name.clone(), format!("{reason:#}"))),
            }
        }
        eprintln!("{} rounds of {} competitors", length.rounds, competitors.len());
        let times = interleaved(&mut competitors, length)?;
        let names = competitors.iter().map(|competitor| competitor.name().to_owned());
        Ok(Table {
            title: competition.to_string(),
            batch: competition.batch,
            baselines: competition.baselines,
            rows: names.zip(times).collect(),
            absent,
        })
    }

    fn start(&self, competition: &Competition, entrant: &Entrant) -> Result<Competitor> {
        let (workload, batch) = (competition.workload.word(), competition.batch.to_string());
        let threads = self.threads.to_string();
        let ours = |backend: Backend| {
            let mut command = Command::new(&self.program);
            command.args(["compete", workload, &backend.to_string(), &batch]);
            command
        };
        let mut command = match entrant.runtime {
            Runtime::Candle => ours(Backend::Reference),
            Runtime::Kernels(isa) => {
                let mut command = ours(Backend::Fused);
                command.env(ISA_VARIABLE, isa.name());
                command
            }
            Runtime::Python(variant) => {
                let python = self.python.as_ref().map_err(|reason| anyhow::anyhow!("{reason:#}"))?;
                let mut command = Command::new(python);
                command.arg(python::scripts().join("peer.py")).args([workload, variant, &batch, &threads]);
                command
            }
        };
        command.arg(&self.shared.inputs).arg(&self.shared.weights);
        command.env("RAYON_NUM_THREADS", &threads).env("OMP_NUM_THREADS", &threads);
        Competitor::start(&entrant.name, command, &self.log(entrant))
    }

    fn log(&self, entrant: &Entrant) -> PathBuf {
        Path::new(&self.folder).join(format!("{}.log", entrant.name.replace(' ', "-")))
    }
}
