//! `adder train`: a new run, or one that resumes.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use adder_experiment::{RunObserver, SeriesError};
use adder_model::{ModelConfig, counted};
use adder_report::{Record, TensorBoard, run_figures, save_page};
use adder_train::optim::ScheduleKind;
use adder_train::{
    Config, IfExists, InitialWeights, Machine, Outcome, ResumeOptions, RunDirectory, TrainError, Trainer,
};
use anyhow::Result;

use crate::args::{CheckpointChoice, RUNS, TrainArgs};
use crate::commands::report;
use crate::configuration;
use crate::context::{Context, stop_flag};
use crate::dashboard::Dashboard;
use crate::error::Hinted;
use crate::loaded_model::LoadedModel;
use crate::observers::Observers;
use crate::output::{print, print_json, say};
use crate::progress::Watcher;
use crate::resume_command::resume_command;
use crate::run_data::run_data;
use crate::run_name::find_run;
use crate::signals;
use adder_report::format::report_text;

const NO_REPORT: &str = "--no-report";

pub(crate) fn run(args: &TrainArgs, context: &Context) -> Result<ExitCode> {
    let stop = stop_flag()?;
    let (trainer, options) = match &args.resume {
        Some(run) => {
            let directory = find_run(run)?;
            let mut options = options(args, context);
            options.tensorboard |= directory.resume_options()?.tensorboard;
            let (course, resumed) = resumed(&directory, args, context)?;
            match resumed {
                Err(finished @ TrainError::Finished { .. }) => {
                    return complete(&directory, &options, args, context, finished);
                }
                trainer => {
                    let trainer = trainer?;
                    course.say_change(trainer.config(), context);
                    directory.write_resume_options(&options)?;
                    (trainer, options)
                }
            }
        }
        None => started(args, context)?,
    };
    let directory = trainer.directory().clone();
    let run = directory.path().to_path_buf();
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
    if !args.no_report || board.is_some() {
        let record = report::complete(&directory, None, context)?;
        show_results(record, !args.no_report, board, context)?;
    }
    printed.map(|()| ExitCode::SUCCESS)
}

/// What a finished run lacks that was killed between its evaluation and the end: its report and the figures for TensorBoard. Where it
/// lacks nothing, that it is finished is the error.
fn complete(
    directory: &RunDirectory,
    options: &ResumeOptions,
    args: &TrainArgs,
    context: &Context,
    finished: TrainError,
) -> Result<ExitCode> {
    let _lock = directory.lock()?;
    let unwanted = |options: &ResumeOptions| options.arguments.iter().any(|argument| argument == NO_REPORT);
    let page =
        !unwanted(options) && !unwanted(&directory.resume_options()?) && !directory.report_path().exists();
    let Some(report) = directory.evaluation()? else { return Err(finished.into()) };
    if !page && !options.tensorboard {
        return Err(finished.into());
    }
    let record = report::complete(directory, None, context)?;
    let lacks_events =
        options.tensorboard && (page || !TensorBoard::is_complete(directory, run_figures(&record).len())?);
    if !page && !lacks_events {
        return Err(finished.into());
    }
    let printed = if args.json { print_json(&report) } else { print(report_text(&report)) };
    if !context.quiet {
        say(format_args!("{finished}; what it lacks is made"));
    }
    let board = lacks_events.then(|| TensorBoard::open(directory)).transpose()?;
    show_results(record, page, board, context)?;
    printed.map(|()| ExitCode::SUCCESS)
}

/// Writes the figures for TensorBoard, and the report, `page`. The run itself is safe by then.
fn show_results(record: Record, page: bool, board: Option<TensorBoard>, context: &Context) -> Result<()> {
    if let Some(mut board) = board {
        board.add_figures(&run_figures(&record))?;
        board.finish()?;
    }
    if page {
        let path = RunDirectory::open(&record.path)?.report_path();
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
    let flags = [("--json", args.json), (NO_REPORT, args.no_report), ("--tui", args.tui)];
    arguments.extend(flags.iter().filter(|(_, given)| *given).map(|(flag, _)| (*flag).to_owned()));
    ResumeOptions { tensorboard: args.tensorboard, arguments }
}

/// A new run. Everything is checked before anything is written.
fn started(args: &TrainArgs, context: &Context) -> Result<(Trainer, ResumeOptions)> {
    let initial = args.init.as_deref().map(|path| initial(path, context)).transpose()?;
    let network = initial.as_ref().map(|(weights, model)| (weights.path(), model));
    let config: Config = configuration::training_config(&args.training, network)?;
    let data = context.load_checked(&config.data)?;
    let path = match &args.out {
        Some(path) => path.clone(),
        None => new_place(config.seed),
    };
    let if_exists = if args.overwrite { IfExists::Replace } else { IfExists::Fail };
    let options = options(args, context);
    let place = RunDirectory::create(path, if_exists)?.with_options(options.clone());
    let initial = initial.as_ref().map(|(weights, _)| weights);
    Ok((Trainer::start_from(place, config, data, None, context.machine(), initial)?, options))
}

/// The place of a run that is named for date and seed, and numbered where a run of the same second has the name.
fn new_place(seed: u64) -> PathBuf {
    let name = RunDirectory::name(SystemTime::now(), seed);
    let numbered = (2u64..).map(|number| format!("{name}-{number}"));
    let mut places = std::iter::once(name.clone()).chain(numbered).map(|name| Path::new(RUNS).join(name));
    places.find(|place| !place.exists()).unwrap_or_else(|| Path::new(RUNS).join(&name))
}

/// The weights to begin with, and their network.
fn initial(path: &Path, context: &Context) -> Result<(InitialWeights, ModelConfig)> {
    let loaded = LoadedModel::open(Some(path), CheckpointChoice::Last, context)?;
    let weights = InitialWeights::new(&loaded.path, &loaded.model, loaded.facts)?;
    Ok((weights, loaded.model.config().clone()))
}

/// What the number of epochs decides besides the end of a run.
struct Course {
    epochs: u64,
    kind: ScheduleKind,
    has_phases: bool,
    clean_epochs: u64,
}

impl Course {
    fn of(config: &Config) -> Self {
        let schedule = &config.schedule;
        let is_flat = matches!(schedule.kind, ScheduleKind::Constant | ScheduleKind::Step);
        Self {
            epochs: config.training.epochs,
            kind: schedule.kind,
            has_phases: !is_flat || schedule.warmup > 0.0,
            clean_epochs: config.data.clean_epochs,
        }
    }

    /// Says what becomes of the course where a run goes on to another number of epochs.
    fn say_change(&self, config: &Config, context: &Context) {
        let epochs = config.training.epochs;
        if context.quiet || epochs == self.epochs {
            return;
        }
        let mut words = vec![format!("the run has {} now, before {}", counted(epochs, "epoch"), self.epochs)];
        if self.has_phases {
            let kind = serde_json::to_value(self.kind).unwrap_or_default();
            let kind = kind.as_str().unwrap_or("schedule");
            words.push(format!(
                "the learning rate follows {kind} over all {epochs} from here on, so it jumps"
            ));
        } else {
            words.push("the learning rate goes on as it was".into());
        }
        if self.clean_epochs > 0 {
            words.push(format!("the {} without augmentation are the last of {epochs}", self.clean_epochs));
        }
        say(format_args!("{}", words.join("; ")));
    }
}

/// The course of a run before, and the trainer of it that resumes; within, the reason that it does not, with which something may be
/// done.
fn resumed(
    directory: &RunDirectory,
    args: &TrainArgs,
    context: &Context,
) -> Result<(Course, Result<Trainer, TrainError>)> {
    // Before its images are read: what was damaged may be their place.
    directory.check()?;
    let course = Course::of(&directory.config()?);
    let data = run_data(directory, args.training.config.data.as_deref(), context)?;
    let before = directory.environment()?.sessions.last().map(|session| session.backend);
    let backend = context.backend.or(before).unwrap_or(context.backend());
    let machine = Machine { backend, ..context.machine() };
    Ok((course, Trainer::resume_until(directory.clone(), data, machine, args.training.epochs)))
}
