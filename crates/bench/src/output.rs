//! What the programs here say while they work. A stream that fails costs the words and not the measurement.

use std::fmt::Display;
use std::io::{Write, stderr, stdout};

/// Says a line on standard error.
pub fn say(line: impl Display) {
    let _ = writeln!(stderr(), "{line}");
}

/// Shows a result on standard output, as it is; it is written into a file too.
pub fn show(result: impl Display) {
    let _ = write!(stdout(), "{result}").and_then(|()| stdout().flush());
}
