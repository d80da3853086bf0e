//! Signals that end a program: Ctrl-C, and those that systems send before they kill it.

use std::process::ExitCode;
use std::sync::atomic::{AtomicI32, Ordering};

use anyhow::{Context as _, Result};

/// Ctrl-C; the other platforms' word for it has the same number.
const SIGINT: i32 = 2;
/// The first signal that came; 0 before.
static FIRST: AtomicI32 = AtomicI32::new(0);

/// Calls `stop` at the first signal. Whoever sends a second one means it: the program ends at once.
///
/// # Errors
/// Where signals cannot be watched.
pub(crate) fn watch(stop: impl Fn() + Send + 'static) -> Result<()> {
    let received = move |signal| match FIRST.swap(signal, Ordering::Relaxed) {
        0 => stop(),
        _ => std::process::exit(code(signal).into()),
    };
    deliver(received).context("cannot watch for signals")
}

/// The exit code of a command that a signal stopped: 128 and the signal's number, as shells have it.
pub(crate) fn exit_code() -> ExitCode {
    ExitCode::from(code(FIRST.load(Ordering::Relaxed)))
}

/// Ends the program as Ctrl-C does.
pub(crate) fn interrupt() -> ! {
    std::process::exit(code(SIGINT).into())
}

fn code(signal: i32) -> u8 {
    // A run may also be stopped by a key of the dashboard.
    let signal = if signal == 0 { SIGINT } else { signal };
    u8::try_from(128 + signal).unwrap_or(u8::MAX)
}

#[cfg(unix)]
fn deliver(received: impl Fn(i32) + Send + 'static) -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGTERM};

    let mut watched = vec![SIGINT, SIGTERM];
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
    mask.is_some_and(|mask| mask & 1 << (signal_hook::consts::SIGHUP - 1) != 0)
}

#[cfg(not(unix))]
fn deliver(received: impl Fn(i32) + Send + 'static) -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(move || received(SIGINT))
}
