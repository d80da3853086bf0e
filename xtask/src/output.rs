//! Words on the terminal. A stream that fails costs the words, and neither the work nor its exit code.

use std::fmt::Display;
use std::io::{Write, stderr, stdout};

/// Says a line on standard output.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(stdout(), "{line}");
}

/// Says a line on standard error.
pub(crate) fn complain(line: impl Display) {
    let _ = writeln!(stderr(), "{line}");
}
