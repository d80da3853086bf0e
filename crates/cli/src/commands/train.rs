//! `adder train`: a new run, or one that resumes.

use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use adder_experiment::{RunObserver, SeriesError};
use adder_report::{TensorBoard, run_figures, save_page};
use adder_train::{Config, IfExists, Machine, Outcome, ResumeOptions, RunDirectory, Trainer};
use anyhow::Result;

use crate::args::{RUNS, TrainArgs};
use crate::commands::report;
use crate::configuration;
use crate::context::{Context, stop_flag};
use crate::dashboard::Dashboard;
use crate::error::Hinted;
use crate::loaded_model::find_run;
use crate::observers::Observers;
use crate::output::{print, print_json, say};
use crate::progress::Watcher;
use crate::resume_command::resume_command;
use crate::run_data::run_data;
use crate::signals;
use adder_report::format::report_text;

pub(crate) fn run(args: &TrainArgs, context: &Context) -> Result<ExitCode> {
    let stop = stop_flag()?;
    let (trainer, options) = match &args.resume {
        Some(run) => resumed(run, args, context)?,
        None => started(args, context)?,
    };
    let directory = trainer.directory().clone();
    let run = directory.path().to_path_buf();
    directory.write_resume_options(&options)?;
    let resume = resume_command(&run, &options);
    let mut board = options.tensorboard.then(|| TensorBoard::open(&directory)).transpose()?;
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
    let outcome = outcome.map_err(|error| resumable(error, &resume))?;
    let Outcome::Finished(report) = outcome else {
        say(format_args!("stopped and saved; `{resume}` resumes here"));
        board.map(TensorBoard::finish).transpose()?;
        return Ok(signals::exit_code());
    };
    let printed = if args.json { print_json(&report) } else { print(report_text(&report)) };
    if !context.quiet && !args.json {
        say(format_args!("the run is in {}", run.display()));
    }
    // A standard output that fails is said at the end; the report is made all the same.
    show_results(args, context, &directory, board)?;
    printed.map(|()| ExitCode::SUCCESS)
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
    let record = report::complete(directory, None, context)?;
    if let Some(mut board) = board {
        board.add_figures(&run_figures(&record))?;
        board.finish()?;
    }
    if !args.no_report {
        let path = directory.report_path();
        save_page(&path, &[record])?;
        if !context.quiet {
            say(format_args!("report: {}", path.display()));
        }
    }
    Ok(())
}

/// An error of a run that was begun, with the command that resumes it. A run that diverged would diverge again.
fn resumable(error: SeriesError, resume: &str) -> anyhow::Error {
    if error.divergence().is_some() {
        return error.into();
    }
    Hinted { error: error.into(), hint: format!("`{resume}` resumes from the last checkpoint") }.into()
}

/// The options of a session that decide nothing of what it computes.
fn options(args: &TrainArgs, context: &Context) -> ResumeOptions {
    let mut arguments = context.arguments.clone();
    let flags = [("--json", args.json), ("--no-report", args.no_report), ("--tui", args.tui)];
    arguments.extend(flags.iter().filter(|(_, given)| *given).map(|(flag, _)| (*flag).to_owned()));
    ResumeOptions { tensorboard: args.tensorboard, arguments }
}

/// A new run. Everything is checked before anything is written.
fn started(args: &TrainArgs, context: &Context) -> Result<(Trainer, ResumeOptions)> {
    let config: Config = configuration::training_config(&args.training)?;
    let data = context.load_checked(&config.data)?;
    let path = match &args.out {
        Some(path) => path.clone(),
        None => Path::new(RUNS).join(RunDirectory::name(SystemTime::now(), config.seed)),
    };
    let if_exists = if args.overwrite { IfExists::Replace } else { IfExists::Fail };
    let directory = RunDirectory::create(path, if_exists)?;
    let trainer = Trainer::start(directory, config, data, None, context.machine())?;
    Ok((trainer, options(args, context)))
}

fn resumed(run: &Path, args: &TrainArgs, context: &Context) -> Result<(Trainer, ResumeOptions)> {
    let directory = find_run(run)?;
    let mut options = options(args, context);
    options.tensorboard |= directory.resume_options()?.tensorboard;
    let data = run_data(&directory, args.training.config.data.as_deref(), context)?;
    let before = directory.environment()?.sessions.last().map(|session| session.backend);
    let backend = context.backend.or(before).unwrap_or(context.backend());
    let machine = Machine { backend, ..context.machine() };
    Ok((Trainer::resume(directory, data, machine)?, options))
}
