//! `cargo xtask torture`: kills, errors and full disks at every moment of short commands, and whether the next one goes on.

mod bench;
mod data;
mod folder;
mod generator;
mod machine;
mod options;
mod program;
mod random;
mod scenario;
mod session;
mod strace;
mod verdict;

use crate::cargo::{Cargo, target_directory};
use crate::output::{complain, say};
use crate::process::Failure;
use bench::Bench;
pub(crate) use options::HELP;
use options::Options;
use session::Session;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use strace::{Injury, Strace};

/// The exit code where something that it needs is missing.
const UNABLE: u8 = 2;
/// Calls of a scenario in a short session, and random kills and signals.
const FEW: usize = 2;

/// Tries every case that is asked for and prints the table. The exit code is 1 where one is not fine.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode, Failure> {
    let options = Options::parse(arguments)?;
    if !cfg!(target_os = "linux") {
        complain("error: torture needs Linux");
        return Ok(ExitCode::from(UNABLE));
    }
    let adder = match &options.adder {
        Some(path) => std::path::absolute(path).map_err(|error| format!("{}: {error}", path.display()))?,
        None => build()?,
    };
    let mut session = Session::new(Bench::new(adder)?, options);
    let mut stopped = None;
    if !session.options.without_strace {
        let Some(strace) = Strace::find(&session.bench) else {
            complain(format_args!("error: {}; or --without-strace", strace::MISSING));
            return Ok(ExitCode::from(UNABLE));
        };
        let folder = strace.stopped(&session.bench)?;
        every_call(&mut session, &strace, &folder)?;
        stopped = Some(folder);
    }
    every_moment(&mut session)?;
    every_machine(&mut session, stopped.as_deref())?;
    Ok(report(&session))
}

/// The binary, built as the tests build it: where they ran, it is there.
fn build() -> Result<PathBuf, Failure> {
    Cargo::new(["test", "--workspace", "--test", "adder", "--no-run", "--quiet"]).check()?;
    let metadata = Cargo::new(["metadata", "--no-deps", "--format-version", "1"]).output()?;
    let target = target_directory(&metadata).ok_or("`cargo metadata` names no target directory")?;
    Ok(Path::new(&target).join("debug/adder"))
}

/// Kills and errors at every call by which a scenario's command changes files.
fn every_call(session: &mut Session, strace: &Strace, stopped: &Path) -> Result<(), Failure> {
    for scenario in scenario::all() {
        if !session.wants(scenario.name) {
            continue;
        }
        let prepared = session.bench.prepare(scenario, scenario.stopped.then_some(stopped))?;
        let (calls, others) = strace::calls_of(strace, &session.bench, &prepared)?;
        if others > 0 {
            say(format_args!("{}: {others} calls of other threads are left out", scenario.name));
        }
        for injury in Injury::ALL {
            for index in session.sample(calls.len(), FEW) {
                let call = &calls[index];
                let (kind, how) = (format!("{} {}", scenario.name, injury.name()), injury.name());
                let name = format!("{}:{how}:{}:{}", scenario.name, call.name, call.number);
                let mut happened = false;
                session.case(&kind, &name, |bench| {
                    let work = bench.work(&prepared)?;
                    let ended = strace.disturb(bench, &work, scenario.command, (call, injury))?;
                    happened = ended.is_some();
                    ended.map(|ended| bench.judge_once(&prepared, &ended, &work, &[1])).transpose()
                })?;
                session.kills += usize::from(happened && injury == Injury::Kill);
            }
        }
    }
    Ok(())
}

/// Kills and signals at random moments of a training.
fn every_moment(session: &mut Session) -> Result<(), Failure> {
    let prepared = session.bench.prepare(&scenario::START, None)?;
    let rest = session.options.kills.saturating_sub(session.kills);
    let (kills, signals) = if session.options.short { (FEW * 6, FEW) } else { (rest, 60) };
    random::kills(session, &prepared, kills)?;
    random::signals(session, &prepared, signals)
}

/// Limits, disks and streams, for a training and where it can be stopped for one that goes on.
fn every_machine(session: &mut Session, stopped: Option<&Path>) -> Result<(), Failure> {
    let start = session.bench.prepare(&scenario::START, None)?;
    let resume = match stopped {
        Some(stopped) => Some(session.bench.prepare(&scenario::RESUME, Some(stopped))?),
        None => None,
    };
    let mounts = machine::can_mount(&session.bench)?;
    for prepared in [Some(start), resume].into_iter().flatten() {
        machine::file_sizes(session, &prepared)?;
        if mounts {
            machine::full_disks(session, &prepared)?;
        }
        machine::read_only(session, &prepared, mounts)?;
        machine::descriptors(session, &prepared)?;
        machine::streams(session, &prepared)?;
    }
    Ok(())
}

/// Prints the table.
fn report(session: &Session) -> ExitCode {
    let (table, kills) = (&session.table, session.kills);
    say(format_args!("\n{}", table.to_string().trim_end()));
    say(format_args!("{kills} kills"));
    if !session.missed.is_empty() {
        say(format_args!("not tried, for the call or the room was not there: {}", session.missed.join(" ")));
    }
    if table.tried() == 0 {
        complain("error: there was nothing to try");
        return ExitCode::FAILURE;
    }
    if table.failed() == 0 {
        return ExitCode::SUCCESS;
    }
    complain(format_args!("error: {} of {} disturbances were not fine", table.failed(), table.tried()));
    ExitCode::FAILURE
}
