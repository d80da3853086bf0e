//! Runs of the binary: to their end, in a limit of time, with what they said.

use crate::process::Failure;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The longest time for a command that takes well under a second.
const LIMIT: Duration = Duration::from_secs(60);

/// A command that ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code; none after a signal.
    pub(crate) code: Option<i32>,
    /// The signal that ended it.
    pub(crate) signal: Option<i32>,
    /// The last line of standard error.
    pub(crate) words: String,
}

impl Ended {
    /// Whether it panicked, aborted, crashed or was still there after the limit.
    pub(crate) fn crashed(&self) -> bool {
        let by_signal = self.signal.is_some_and(|signal| !matches!(signal, 1 | 2 | 9 | 13 | 15));
        by_signal || matches!(self.code, Some(101 | 134 | 139)) || self.words.contains("panicked at")
    }

    /// How it ended, in words.
    pub(crate) fn describe(&self) -> String {
        match (self.code, self.signal) {
            (Some(code), _) => format!("exit code {code}: {}", self.words),
            (None, Some(signal)) => format!("signal {signal}: {}", self.words),
            (None, None) => format!("still running after {} s", LIMIT.as_secs()),
        }
    }
}

/// The binary under test, and where its words go.
pub(crate) struct Program {
    pub(crate) adder: PathBuf,
    /// The file of standard error.
    pub(crate) words: PathBuf,
}

impl Program {
    /// A command of the binary in a folder.
    pub(crate) fn adder(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.adder);
        command.args(arguments);
        command.current_dir(folder);
        command
    }

    /// Starts a command without a terminal.
    pub(crate) fn start(&self, command: &mut Command) -> Result<Child, Failure> {
        let words = File::create(&self.words)
            .map_err(|error| format!("cannot write {}: {error}", self.words.display()))?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(words);
        command
            .spawn()
            .map_err(|error| format!("cannot start `{}`: {error}", command.get_program().to_string_lossy()))
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, mut command: Command) -> Result<Ended, Failure> {
        let child = self.start(&mut command)?;
        self.wait(child)
    }

    /// Waits for a command's end, in a limit of time.
    pub(crate) fn wait(&self, mut child: Child) -> Result<Ended, Failure> {
        let begin = Instant::now();
        let failed = |error| format!("cannot wait for the program: {error}");
        let status = loop {
            if let Some(status) = child.try_wait().map_err(failed)? {
                break Some(status);
            }
            if begin.elapsed() > LIMIT {
                child.kill().map_err(failed)?;
                child.wait().map_err(failed)?;
                break None;
            }
            std::thread::sleep(Duration::from_micros(500));
        };
        let said = fs::read(&self.words).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let panicked = said.lines().find(|line| line.contains("panicked at"));
        let error = said.lines().find(|line| line.starts_with("error"));
        let words = panicked.or(error).or_else(|| said.lines().last()).unwrap_or("").to_owned();
        Ok(Ended { code: status.and_then(|status| status.code()), signal: status.and_then(signal), words })
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}
