//! Kills and signals at random moments, also while a run resumes.

use super::bench::{Bench, Prepared, steps};
use super::generator::Generator;
use super::program::Ended;
use super::scenario::words;
use super::session::Session;
use super::verdict::{Judgment, Verdict};
use crate::process::Failure;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const RESUME: &str = "train --resume run --threads 1 --quiet";

/// Signals that ask a program to stop, with the exit codes of those that do.
const SIGNALS: [(&str, i32); 3] = [("INT", 130), ("TERM", 143), ("HUP", 129)];

/// Kills trainings at random moments, and every second time the resumed one too, up to twice in a row.
pub(crate) fn kills(session: &mut Session, prepared: &Prepared, count: usize) -> Result<(), Failure> {
    let span = span(&session.bench, prepared)?;
    let seed = session.options.seed;
    for index in 0..count {
        let mut kills = 0;
        session.case("random kill", &format!("random:{index}"), |bench| {
            let mut generator = generator(seed, index);
            let work = bench.work(prepared)?;
            let mut command = prepared.scenario.command;
            loop {
                let ended = stop(bench, &work, command, moment(&mut generator, span), "KILL")?;
                let killed = ended.signal == Some(9);
                kills += usize::from(killed);
                if !killed || kills == 3 || generator.below(2) == 0 {
                    // A start that left nothing is refused by the next resume.
                    return bench.judge(prepared, &ended, &work, &[1]).map(Some);
                }
                command = RESUME;
            }
        })?;
        session.kills += kills;
    }
    Ok(())
}

/// Asks trainings to stop at random moments.
pub(crate) fn signals(session: &mut Session, prepared: &Prepared, count: usize) -> Result<(), Failure> {
    let span = span(&session.bench, prepared)?;
    let seed = session.options.seed;
    for index in 0..count {
        for (signal, code) in SIGNALS {
            session.case(&format!("signal {signal}"), &format!("signal:{signal}:{index}"), |bench| {
                let work = bench.work(prepared)?;
                let moment = moment(&mut generator(seed, index), span);
                let ended = stop(bench, &work, prepared.scenario.command, moment, signal)?;
                let judgment = bench.judge(prepared, &ended, &work, &[code])?;
                Ok(Some(if judgment.is_fine() { saved(&ended, code, &work) } else { judgment }))
            })?;
        }
    }
    Ok(())
}

/// Whether a run that was asked to stop kept every step that it had told of.
fn saved(ended: &Ended, code: i32, work: &Path) -> Judgment {
    let events = std::fs::read_to_string(work.join("run/events.jsonl")).unwrap_or_default();
    let told = events.matches("\"event\":\"step\"").count() as u64;
    let kept = steps(work).unwrap_or(0);
    if told > kept && (ended.code == Some(code) || ended.signal.is_some()) {
        let words = format!("{told} steps were done, {kept} are in the checkpoint; {}", ended.describe());
        return Judgment::of(Verdict::Lost, words);
    }
    Judgment::fine()
}

/// Draws from the case's own numbers, so that it can be tried again alone.
fn generator(seed: u64, index: usize) -> Generator {
    Generator::new(Generator::new(seed).next() ^ index as u64)
}

/// A moment in the span of a command.
fn moment(generator: &mut Generator, span: Duration) -> Duration {
    Duration::from_micros(generator.below(span.as_micros() as u64 + 1))
}

/// How long the scenario's command takes undisturbed.
fn span(bench: &Bench, prepared: &Prepared) -> Result<Duration, Failure> {
    let work = bench.work(prepared)?;
    let begin = Instant::now();
    bench.done(&work, prepared.scenario.command)?;
    Ok(begin.elapsed())
}

/// Starts a command, and sends it a signal after a while if it is still there.
fn stop(bench: &Bench, work: &Path, line: &str, moment: Duration, signal: &str) -> Result<Ended, Failure> {
    let child = bench.program.start(&mut bench.program.adder(work, &words(line)))?;
    std::thread::sleep(moment);
    // It may be over by now; it is not waited for before, so that its number is still its own.
    let mut kill = Command::new("kill");
    kill.args([&format!("-{signal}"), &child.id().to_string()]);
    kill.status().map_err(|error| format!("cannot start `kill`: {error}"))?;
    bench.program.wait(child)
}
