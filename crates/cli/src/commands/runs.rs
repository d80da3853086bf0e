//! `adder runs`: the runs that there are.

use std::cmp::Ordering;
use std::fmt::Write;
use std::path::Path;

use adder_model::counted;
use adder_report::format::duration;
use adder_report::{Overview, Record, RunState};
use adder_train::{Divergence, Origin, Report, RunDirectory};
use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::args::RUNS;
use crate::args::{RunsAction, RunsArgs, SortKey};
use crate::context::Context;
use crate::output::{escaped, print, print_json, say, shown};
use crate::resume_command::resume_command;
use crate::run_name::{find_run, place_beside, place_of_run};
use adder_report::format::{metrics_table, parts_text};

pub(crate) fn run(args: &RunsArgs, context: &Context) -> Result<()> {
    match &args.action {
        None => list(args, context),
        Some(RunsAction::Show { run, json }) => show(run, *json),
        Some(RunsAction::Rm { runs }) => runs.iter().try_for_each(|run| remove(run, context)),
        Some(RunsAction::Mv { from, to }) => {
            let (run, to) = (find_run(from)?, place_beside(from, to));
            let before = shown(run.path());
            run.move_to(&to)?;
            if !context.quiet {
                say(format_args!("moved {before} to {}", shown(&to)));
            }
            Ok(())
        }
    }
}

fn list(args: &RunsArgs, context: &Context) -> Result<()> {
    let mut found = Vec::new();
    for run in runs_in(&args.folder)? {
        match Overview::read(&run) {
            Ok(overview) => found.push(overview),
            Err(error) if !context.quiet => say(format_args!("passed over: {error}")),
            Err(_) => {}
        }
    }
    if found.is_empty() && !context.quiet {
        say(format_args!("no runs in {}", shown(&args.folder)));
    }
    found.sort_by(|a, b| order(args.sort, a, b).then_with(|| a.name.cmp(&b.name)));
    if args.reverse {
        found.reverse();
    }
    if args.json {
        print_json(&found)?;
    } else {
        print(table(&found))?;
    }
    Ok(())
}

/// The runs in a folder. Where nothing was trained yet, the default folder is not there, which is no error.
fn runs_in(folder: &Path) -> Result<Vec<RunDirectory>> {
    if folder == Path::new(RUNS) && !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", shown(folder)))?;
    let mut runs = Vec::new();
    for entry in entries {
        runs.extend(RunDirectory::open(entry?.path()));
    }
    Ok(runs)
}

/// The best, the longest and the newest come last, next to the prompt.
fn order(key: SortKey, a: &Overview, b: &Overview) -> Ordering {
    let number = |a: Option<f64>, b: Option<f64>| a.unwrap_or(-1.0).total_cmp(&b.unwrap_or(-1.0));
    match key {
        SortKey::Name => a.name.cmp(&b.name),
        SortKey::Started => a.started.cmp(&b.started),
        SortKey::Seed => a.seed.cmp(&b.seed),
        SortKey::Epochs => a.epochs.cmp(&b.epochs),
        SortKey::Validation => number(a.best_validation, b.best_validation),
        SortKey::Evaluation => number(a.evaluation, b.evaluation),
        SortKey::Time => a.seconds.total_cmp(&b.seconds),
    }
}

fn table(runs: &[Overview]) -> String {
    let head = ["run", "recipe", "seed", "epochs", "validation", "evaluation", "unseen", "time", "state"];
    let percent = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.2} %"));
    let rows = runs.iter().map(|run| {
        [
            escaped(&run.name).into_owned(),
            recipe(run),
            run.seed.to_string(),
            format!("{}/{}", run.epochs, run.epochs_planned),
            percent(run.best_validation),
            percent(run.evaluation),
            percent(run.unseen),
            duration(run.seconds),
            run.state.as_str().into(),
        ]
    });
    // Accuracies of unseen pairs have a column only where there are any.
    let shown = |column: usize| head[column] != "unseen" || runs.iter().any(|run| run.unseen.is_some());
    let rows: Vec<[String; 9]> = std::iter::once(head.map(str::to_owned)).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 9] = std::array::from_fn(width);
    let mut text = String::new();
    for row in &rows {
        for (column, (cell, width)) in row.iter().zip(widths).enumerate().filter(|&(column, _)| shown(column))
        {
            // Words to the left, numbers to the right.
            match column {
                0 => text += &format!("{cell:<width$}"),
                1 | 8 => text += &format!("  {cell:<width$}"),
                _ => text += &format!("  {cell:>width$}"),
            }
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// The recipe of a run, and how many of its keys were changed.
fn recipe(run: &Overview) -> String {
    match run.changed_keys.len() as u64 {
        0 => run.nearest_recipe.into(),
        changed => format!("{}, {} changed", run.nearest_recipe, counted(changed, "key")),
    }
}

/// One run in the JSON.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    overview: Overview,
    report: Option<Report>,
    /// The command that resumes it, where something is left to do.
    resume: Option<String>,
    /// The number that ended it, where it diverged.
    diverged: Option<Divergence>,
    /// The weights that it began with, where they were not drawn.
    origin: Option<Origin>,
    config: adder_train::Config,
}

fn show(run: &Path, json: bool) -> Result<()> {
    let run = find_run(run)?;
    let (overview, record) = (Overview::read(&run)?, Record::read(&run)?);
    let (diverged, origin) = (run.divergence()?, run.origin()?);
    let resume = match overview.state {
        RunState::Stopped | RunState::Trained => Some(resume_command(run.path(), &run.resume_options()?)),
        RunState::Training | RunState::Diverged | RunState::Finished => None,
    };
    if json {
        let (report, config) = (record.evaluation, record.config);
        let shown = Shown { overview, report, resume, diverged, origin, config };
        return print_json(&shown);
    }
    let mut out = String::new();
    write!(out, "{}", table(std::slice::from_ref(&overview)))?;
    if let Some(session) = record.environment.sessions.last() {
        let on = if session.processor.is_empty() { &session.device } else { &session.processor };
        writeln!(out, "\nstarted {} on {on}, {} backend", session.started, session.backend)?;
    }
    if let Some(origin) = &origin {
        writeln!(out, "began with the weights of {}", escaped(&origin.weights))?;
    }
    for epoch in &record.history.epochs {
        let (training, validation) = (epoch.training.both, epoch.validation.both);
        writeln!(
            out,
            "epoch {:>2}  loss {:.4}  both {:.2} %  |  validation loss {:.4}  both {:.2} %",
            epoch.epoch, training.loss, training.accuracy, validation.loss, validation.accuracy
        )?;
    }
    if let Some(report) = &record.evaluation {
        write!(out, "\nevaluation\n{}{}", metrics_table(&report.metrics), parts_text(&report.parts))?;
    }
    if let Some(diverged) = &diverged {
        writeln!(out, "\ndiverged: {diverged}")?;
    }
    if let Some(resume) = &resume {
        writeln!(out, "\nto resume: {resume}")?;
    }
    write!(out, "\n{}", record.config.to_toml())?;
    print(out)
}

fn remove(run: &Path, context: &Context) -> Result<()> {
    let run = RunDirectory::open_or_begun(place_of_run(run)?)?;
    let path = run.path().to_owned();
    let emptied = run.delete()?;
    if !context.quiet {
        let left = if emptied { "" } else { "; files that are not the run's stay" };
        say(format_args!("deleted {}{left}", shown(&path)));
    }
    Ok(())
}
