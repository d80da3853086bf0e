//! What a command says: results on standard output, all else on standard error. Text that others wrote, names of files and
//! tensors above all, reaches a terminal without the characters that would command it.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{Write, stderr, stdout};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

/// Says a line on standard error, in one piece, as far as it can be said, with control characters [`escaped`]. What is said there helps
/// and is not the work: a reader that is gone, as after `2>&1 | head -1`, or a full disk costs the line, and neither the command nor its exit
/// code.
pub(crate) fn say(line: impl Display) {
    write_line(&escaped(&line.to_string()));
}

/// Says a line of JSON on standard error, in one piece, as far as it can be said.
pub(crate) fn say_json(value: &impl Serialize) {
    if let Ok(line) = serde_json::to_string(value) {
        write_line(&line);
    }
}

fn write_line(line: &str) {
    let _ = stderr().write_all(format!("{line}\n").as_bytes());
}

/// Prints lines of results on standard output, with control characters [`escaped`]; a name that may hold line breaks is escaped
/// before.
///
/// # Errors
/// Where they cannot be written. A reader that is gone is an error here and ends the command in silence, see
/// [`report`](crate::error::report).
pub(crate) fn print(results: impl Display) -> Result<()> {
    let text = results.to_string();
    let lines: Vec<_> = text.split('\n').map(escaped).collect();
    write_out(&lines.join("\n"))
}

/// Prints one line of JSON on standard output.
///
/// # Errors
/// As [`print()`].
pub(crate) fn print_json(results: &impl Serialize) -> Result<()> {
    write_out(&(serde_json::to_string(results)? + "\n"))
}

/// Prints a text of the program's own on standard output as it is: a file for another program, in which control characters have
/// their meaning.
///
/// # Errors
/// As [`print()`].
pub(crate) fn print_file(text: &str) -> Result<()> {
    write_out(text)
}

fn write_out(text: &str) -> Result<()> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("standard output: cannot write")
}

/// Text with its control characters, line breaks among them, and those that turn the direction of writing as Rust writes them: `\n`,
/// `\u{1b}`.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return text.into();
    }
    let escape = |character: char| match is_unprintable(character) {
        true => character.escape_default().to_string(),
        false => character.to_string(),
    };
    text.chars().map(escape).collect::<String>().into()
}

/// The name of a file, [`escaped`]; bytes that are no UTF-8 are written as `\xFF`.
pub(crate) fn shown(path: &Path) -> String {
    let mut name = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        name += &escaped(chunk.valid());
        for byte in chunk.invalid() {
            name += &format!("\\x{byte:02X}");
        }
    }
    name
}

/// Whether a terminal obeys a character, or turns or hides what stands beside it, in place of showing it.
pub(crate) fn is_unprintable(character: char) -> bool {
    let turns_or_hides = matches!(
        character,
        '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
    );
    character.is_control() || turns_or_hides
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_commands_a_terminal_is_escaped() {
        let cases = [
            ("a plain name", "a plain name"),
            ("\u{fc}ber \u{4e09} \\ 'x'", "\u{fc}ber \u{4e09} \\ 'x'"),
            ("two\nlines\t\r", "two\\nlines\\t\\r"),
            ("\u{1b}[31mred\u{7f}\u{9b}", "\\u{1b}[31mred\\u{7f}\\u{9b}"),
            ("gnp.\u{202e}exe", "gnp.\\u{202e}exe"),
        ];
        for (text, expected) in cases {
            assert_eq!(escaped(text), expected);
            assert_eq!(shown(Path::new(text)), expected);
        }
    }
}
