//! Signals that end a program: Ctrl-C, and those that systems send before they kill it.

use std::process::ExitCode;
use std::sync::atomic::{AtomicI32, Ordering};

use anyhow::{Context as _, Result};

use crate::screen;

/// Ctrl-C; the other platforms' word for it has the same number.
const SIGINT: i32 = 2;
/// The terminal was closed.
const SIGHUP: i32 = 1;
/// The first signal that came; 0 before.
static FIRST: AtomicI32 = AtomicI32::new(0);

/// Calls `stop` at the first signal. Whoever sends a second one, or one after `asked` says that the stop was asked for otherwise, means
/// it: the program ends at once. A closed terminal never means it, for it says so up to three times: by its kernel, its shell and the
/// end of its input.
///
/// # Errors
/// Where signals cannot be watched.
pub(crate) fn watch(
    asked: impl Fn() -> bool + Send + 'static,
    stop: impl Fn() + Send + 'static,
) -> Result<()> {
    let received = move |signal| {
        if is_first(signal) && !asked() || signal == SIGHUP { stop() } else { end(signal) }
    };
    deliver(received).context("cannot watch for signals")
}

/// The exit code of a command that a signal stopped: 128 and the signal's number, as shells have it.
pub(crate) fn exit_code() -> ExitCode {
    ExitCode::from(code(FIRST.load(Ordering::Relaxed)))
}

/// Ends the program as a second Ctrl-C does.
pub(crate) fn interrupt() -> ! {
    end(SIGINT)
}

/// Notes that the terminal is gone, as its signal does; it may not have been sent to this process.
pub(crate) fn hang_up() {
    is_first(SIGHUP);
}

fn is_first(signal: i32) -> bool {
    FIRST.compare_exchange(0, signal, Ordering::Relaxed, Ordering::Relaxed).is_ok()
}

fn end(signal: i32) -> ! {
    screen::give_back();
    std::process::exit(code(signal).into())
}

fn code(signal: i32) -> u8 {
    // A run may also be stopped by a key of the dashboard.
    let signal = if signal == 0 { SIGINT } else { signal };
    u8::try_from(128 + signal).unwrap_or(u8::MAX)
}

/// Lets a write beyond the limit on the length of files (`ulimit -f`) fail with an error, which names the file, in place of ending the
/// program without a word.
#[cfg(unix)]
pub(crate) fn survive_file_limits() {
    // A handler, not the word to ignore it, which programs that are started from here would inherit.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, std::sync::Arc::default());
}

#[cfg(not(unix))]
pub(crate) fn survive_file_limits() {}

#[cfg(unix)]
fn deliver(received: impl Fn(i32) + Send + 'static) -> std::io::Result<()> {
    let mut watched = vec![SIGINT, signal_hook::consts::SIGTERM];
    if !hangups_are_ignored() {
        watched.push(SIGHUP);
    }
    let mut signals = signal_hook::iterator::Signals::new(watched)?;
    let thread = std::thread::Builder::new().name("signals".into());
    thread.spawn(move || signals.forever().for_each(received))?;
    Ok(())
}

/// Whether whoever started the program asked that it outlive its terminal, as `nohup` does. Only Linux says so without a system
/// call of C.
#[cfg(unix)]
fn hangups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 << (SIGHUP - 1) != 0)
}

#[cfg(not(unix))]
fn deliver(received: impl Fn(i32) + Send + 'static) -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(move || received(SIGINT))
}
