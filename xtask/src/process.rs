//! Other programs: where they lie, and how they end.

use std::path::PathBuf;
use std::process::Command;

/// The reason why xtask stopped: words for the person at the terminal.
pub(crate) type Failure = String;

/// The first of these programs that is in the path.
pub(crate) fn in_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|path| path.is_file())
}

/// Runs a program to its end; an exit status other than 0 is a failure.
pub(crate) fn check(mut command: Command) -> Result<(), Failure> {
    let words = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|error| format!("cannot start `{words}`: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{words}`: {status}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_failure_names_the_program() {
        assert_eq!(check(Command::new("false")).unwrap_err(), "`false`: exit status: 1");
        assert!(check(Command::new("no-such-program")).unwrap_err().starts_with("cannot start"));
    }
}
