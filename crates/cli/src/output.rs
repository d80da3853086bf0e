//! What a command says: results on standard output, all else on standard error.

use std::fmt::Display;
use std::io::{Write, stderr, stdout};

use anyhow::{Context, Result};
use serde::Serialize;

/// Says a line on standard error, in one piece, as far as it can be said. What is said there helps and is not the work: a reader
/// that is gone, as after `2>&1 | head -1`, or a full disk costs the line, and neither the command nor its exit code.
pub(crate) fn say(line: impl Display) {
    let _ = stderr().write_all(format!("{line}\n").as_bytes());
}

/// Prints results on standard output, as they are.
///
/// # Errors
/// Where they cannot be written. A reader that is gone is an error here and ends the command in silence, see
/// [`report`](crate::error::report).
pub(crate) fn print(results: impl Display) -> Result<()> {
    let mut out = stdout().lock();
    write!(out, "{results}").and_then(|()| out.flush()).context("standard output: cannot write")
}

/// Prints one line of JSON on standard output.
///
/// # Errors
/// As [`print`].
pub(crate) fn print_json(results: &impl Serialize) -> Result<()> {
    print(serde_json::to_string(results)? + "\n")
}
