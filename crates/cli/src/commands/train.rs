//! `adder train`: a new run, or one that goes on.

use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use adder_model::Backend;
use adder_report::{TensorBoard, run_figures, save_page};
use adder_train::{Config, Existing, Machine, Observer, Outcome, RunDirectory, Trainer};
use anyhow::Result;

use crate::args::TrainArgs;
use crate::commands::{eval, report};
use crate::dashboard::Dashboard;
use crate::failure::INTERRUPTED;
use crate::observers::Observers;
use crate::progress::Watcher;
use crate::subject::RUNS;
use crate::{Context, configuration, interrupt, loading};

pub(crate) fn run(args: &TrainArgs, context: &Context) -> Result<ExitCode> {
    let stop = interrupt::stop_flag()?;
    let trainer = match &args.resume {
        Some(run) => resumed(run, context)?,
        None => started(args, context)?,
    };
    let directory = trainer.directory().clone();
    let run = directory.path().to_path_buf();
    let mut board = args.tensorboard.then(|| TensorBoard::create(&directory)).transpose()?;
    let mut dashboard = if args.tui { Dashboard::open(&directory, context, &stop)? } else { None };
    let mut watcher = Watcher::new(context.quiet);
    let mut observers = match &mut dashboard {
        Some(dashboard) => Observers(vec![dashboard]),
        None => Observers(vec![&mut watcher]),
    };
    observers.0.extend(board.as_mut().map(|board| board as &mut dyn Observer));
    let outcome = trainer.run(&mut observers, &stop);
    // The terminal first: what follows writes on it.
    drop((dashboard, watcher));
    let outcome = outcome?;
    match outcome {
        Outcome::Finished(report) if args.json => writeln!(stdout(), "{}", serde_json::to_string(&report)?)?,
        Outcome::Finished(report) => {
            write!(stdout(), "{}", eval::in_words(&report))?;
            if !context.quiet {
                eprintln!("the run is in {}", run.display());
            }
        }
        Outcome::Stopped { .. } => {
            eprintln!("stopped and saved; `adder train --resume {}` goes on from here", run.display());
            return Ok(ExitCode::from(INTERRUPTED));
        }
    }
    show_results(args, context, &directory, board)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the report, and the figures for TensorBoard. The run itself is safe by then.
fn show_results(
    args: &TrainArgs,
    context: &Context,
    directory: &RunDirectory,
    board: Option<TensorBoard>,
) -> Result<()> {
    if args.no_report && board.is_none() {
        return Ok(());
    }
    let record = report::complete(directory, context)?;
    if let Some(mut board) = board {
        board.add_figures(&run_figures(&record))?;
        board.finish()?;
    }
    if !args.no_report {
        let path = directory.report_path();
        save_page(&path, &[record])?;
        if !context.quiet {
            eprintln!("report: {}", path.display());
        }
    }
    Ok(())
}

/// A new run. Everything is checked before anything is written.
fn started(args: &TrainArgs, context: &Context) -> Result<Trainer> {
    let config: Config = configuration::of_training(&args.training)?;
    let data = loading::load(&config.data.source, context)?;
    let path = match &args.out {
        Some(path) => path.clone(),
        None => Path::new(RUNS).join(RunDirectory::name(SystemTime::now(), config.seed)),
    };
    let existing = if args.overwrite { Existing::Replace } else { Existing::Keep };
    let directory = RunDirectory::create(path, existing)?;
    let machine = machine(context, Backend::default_for(&context.device));
    Ok(Trainer::start(directory, config, data, None, machine)?)
}

fn resumed(run: &Path, context: &Context) -> Result<Trainer> {
    let directory = RunDirectory::open(run)?;
    let data = loading::load(&directory.config()?.data.source, context)?;
    let before = directory.environment()?.sessions.last().map(|session| session.backend);
    let machine = machine(context, before.unwrap_or(Backend::default_for(&context.device)));
    Ok(Trainer::resume(directory, data, machine)?)
}

/// What the command line says to compute on; the `default` backend where it names none.
pub(crate) fn machine(context: &Context, default: Backend) -> Machine {
    Machine {
        device: context.device.clone(),
        backend: context.backend.unwrap_or(default),
        threads: context.threads,
        // More than one worker brings nothing: one computes batches several times faster than the kernels train on them.
        loader_workers: 1,
    }
}
