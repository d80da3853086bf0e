//! `adder train`: a new run, or one that resumes.

use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use adder_experiment::RunObserver;
use adder_report::{TensorBoard, run_figures, save_page};
use adder_train::{Config, IfExists, Machine, Outcome, RunDirectory, Trainer};
use anyhow::Result;

use crate::args::{RUNS, TrainArgs};
use crate::commands::report;
use crate::configuration;
use crate::context::{Context, stop_flag};
use crate::dashboard::Dashboard;
use crate::error::INTERRUPTED;
use crate::observers::Observers;
use crate::progress::Watcher;
use adder_report::format::report_text;

pub(crate) fn run(args: &TrainArgs, context: &Context) -> Result<ExitCode> {
    let stop = stop_flag()?;
    let trainer = match &args.resume {
        Some(run) => resumed(run, context)?,
        None => started(args, context)?,
    };
    let directory = trainer.directory().clone();
    let run = directory.path().to_path_buf();
    let mut board = args.tensorboard.then(|| TensorBoard::create(&directory)).transpose()?;
    let mut dashboard = if args.tui { Dashboard::open(&directory, context, &stop)? } else { None };
    let mut watcher = Watcher::new(context.quiet);
    let mut observers: Observers<&mut dyn RunObserver> = Observers(match &mut dashboard {
        Some(dashboard) => vec![dashboard],
        None => vec![&mut watcher],
    });
    observers.0.extend(board.as_mut().map(|board| board as &mut dyn RunObserver));
    let outcome = adder_experiment::run(trainer, &mut observers, &stop);
    // The terminal first: what follows writes on it.
    drop((dashboard, watcher));
    let outcome = outcome?;
    match outcome {
        Outcome::Finished(report) if args.json => writeln!(stdout(), "{}", serde_json::to_string(&report)?)?,
        Outcome::Finished(report) => {
            write!(stdout(), "{}", report_text(&report))?;
            if !context.quiet {
                eprintln!("the run is in {}", run.display());
            }
        }
        Outcome::Stopped { .. } => {
            eprintln!("stopped and saved; `adder train --resume {}` resumes here", run.display());
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
    let config: Config = configuration::training_config(&args.training)?;
    let data = context.load_checked(&config.data)?;
    let path = match &args.out {
        Some(path) => path.clone(),
        None => Path::new(RUNS).join(RunDirectory::name(SystemTime::now(), config.seed)),
    };
    let if_exists = if args.overwrite { IfExists::Replace } else { IfExists::Fail };
    let directory = RunDirectory::create(path, if_exists)?;
    Ok(Trainer::start(directory, config, data, None, context.machine())?)
}

fn resumed(run: &Path, context: &Context) -> Result<Trainer> {
    let directory = RunDirectory::open(run)?;
    let data = context.load(&directory.config()?.data)?;
    let before = directory.environment()?.sessions.last().map(|session| session.backend);
    let backend = context.backend.or(before).unwrap_or(context.backend());
    let machine = Machine { backend, ..context.machine() };
    Ok(Trainer::resume(directory, data, machine)?)
}
