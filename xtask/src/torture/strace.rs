//! The calls by which a command changes files, listed and disturbed one by one by strace.

use super::bench::{Bench, Prepared};
use super::folder;
use super::program::Ended;
use super::scenario::{TRAIN, words};
use crate::process::{Failure, in_path};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The calls of interest. strace passes over those that a processor's Linux does not have.
const CALLS: &str = "?write,?writev,?pwrite64,?fsync,?fdatasync,?rename,?renameat,?renameat2,?unlink,?unlinkat,?rmdir,\
                     ?mkdir,?mkdirat,?openat,?ftruncate,?link,?linkat,?symlinkat,?fallocate,?copy_file_range,?flock";

pub(crate) const MISSING: &str = "no strace in the path; on Debian: apt-get install strace";

/// What is done at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Injury {
    /// The process is killed as it enters the call.
    Kill,
    /// The call is not made and says that the device failed.
    InputOutput,
    /// The call is not made and says that the disk is full.
    NoSpace,
}

impl Injury {
    pub(crate) const ALL: [Self; 3] = [Self::Kill, Self::InputOutput, Self::NoSpace];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::InputOutput => "EIO",
            Self::NoSpace => "ENOSPC",
        }
    }

    fn expression(self) -> &'static str {
        match self {
            Self::Kill => "signal=KILL",
            Self::InputOutput => "error=EIO",
            Self::NoSpace => "error=ENOSPC",
        }
    }
}

/// A call of the first thread that changes files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// Its number among the thread's calls of this name, from 1.
    pub(crate) number: usize,
    /// The call as strace writes it.
    pub(crate) text: String,
}

/// strace, where it is.
pub(crate) struct Strace {
    path: PathBuf,
    log: PathBuf,
}

impl Strace {
    /// Finds it in the path.
    pub(crate) fn find(bench: &Bench) -> Option<Self> {
        Some(Self { path: in_path(&["strace"])?, log: bench.folder("calls") })
    }

    /// The calls of a scenario's command, and how many more other threads made: their numbers are not the same in every run.
    pub(crate) fn list(&self, bench: &Bench, work: &Path, line: &str) -> Result<(Vec<Call>, usize), Failure> {
        let arguments = ["-f", "-e", &format!("trace={CALLS}")].map(str::to_owned);
        let ended = self.run(bench, work, line, &arguments)?;
        if ended.code != Some(0) {
            return Err(format!("strace of `adder {line}`: {}", ended.describe()));
        }
        let log = self.log()?;
        let (calls, others) = calls(&log);
        if calls.is_empty() { Err("strace lists no call that writes".into()) } else { Ok((calls, others)) }
    }

    /// Runs a command and disturbs it at a call. None where the call did not come.
    pub(crate) fn disturb(
        &self,
        bench: &Bench,
        work: &Path,
        line: &str,
        (call, injury): (&Call, Injury),
    ) -> Result<Option<Ended>, Failure> {
        let Call { name, number, .. } = call;
        let inject = format!("inject={name}:{}:when={number}", injury.expression());
        // Without -f, so that the numbers are those of the first thread.
        let arguments = ["-e".to_owned(), format!("trace={name}"), "-e".to_owned(), inject];
        let ended = self.run(bench, work, line, &arguments)?;
        let log = self.log()?;
        let happened = log.contains("(INJECTED)") || log.contains("+++ killed by SIGKILL");
        Ok(happened.then_some(ended))
    }

    /// A folder with a training that was killed in its second epoch, by the folder's path.
    pub(crate) fn stopped(&self, bench: &Bench) -> Result<PathBuf, Failure> {
        let (work, stopped) = (bench.folder("list"), bench.folder("stopped"));
        fresh(&work)?;
        let (calls, _) = self.list(bench, &work, TRAIN)?;
        let second = calls.iter().find(|call| call.name == "write" && call.text.contains(r#"\"epoch\":2,"#));
        let call = second.ok_or("no event of a second epoch among the calls")?;
        fresh(&stopped)?;
        let ended = self.disturb(bench, &stopped, TRAIN, (call, Injury::Kill))?;
        ended.map(|_| stopped).ok_or_else(|| "the training was not killed in its second epoch".into())
    }

    fn run(&self, bench: &Bench, work: &Path, line: &str, arguments: &[String]) -> Result<Ended, Failure> {
        let mut command = Command::new(&self.path);
        command.args(["-o"]).arg(&self.log).args(["-s", "64"]).args(arguments);
        command.arg(&bench.program.adder).args(words(line)).current_dir(work);
        bench.program.run(command)
    }

    fn log(&self) -> Result<String, Failure> {
        let bytes =
            fs::read(&self.log).map_err(|error| format!("cannot read {}: {error}", self.log.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn fresh(folder: &Path) -> Result<(), Failure> {
    folder::remove(folder)?;
    fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))
}

/// A scenario's calls, from a copy of its folder.
pub(crate) fn calls_of(
    strace: &Strace,
    bench: &Bench,
    prepared: &Prepared,
) -> Result<(Vec<Call>, usize), Failure> {
    let work = bench.work(prepared)?;
    strace.list(bench, &work, prepared.scenario.command)
}

/// The calls of the first process in a log of `strace -f`, and the number of those of others.
fn calls(log: &str) -> (Vec<Call>, usize) {
    let first = log.split_whitespace().next().unwrap_or("");
    let mut found: Vec<Call> = Vec::new();
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    let mut others = 0;
    for line in log.lines() {
        let Some((process, call)) = line.split_once(char::is_whitespace) else { continue };
        let call = call.trim_start();
        let Some((name, rest)) = call.split_once('(') else { continue };
        if !name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_') {
            continue;
        }
        let changes = name != "openat" || rest.contains("O_CREAT");
        if process != first {
            others += usize::from(changes);
            continue;
        }
        let number = counts.entry(name).or_default();
        *number += 1;
        if changes {
            found.push(Call { name: name.into(), number: *number, text: call.into() });
        }
    }
    (found, others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_numbered_in_the_first_thread_and_those_that_only_read_are_passed_over() {
        let log = r#"7   openat(AT_FDCWD, "a", O_RDONLY|O_CLOEXEC) = 3
7   openat(AT_FDCWD, "b", O_WRONLY|O_CREAT, 0666) = 3
8   write(5, "x", 1 <unfinished ...>
7   write(3, "content", 7)   = 7
8   <... write resumed>) = 1
7   --- SIGCHLD {si_signo=SIGCHLD} ---
7   write(3, "more", 4) = 4
8   +++ exited with 0 +++
"#;
        let (found, others) = calls(log);
        let found: Vec<(&str, usize)> = found.iter().map(|call| (&*call.name, call.number)).collect();
        assert_eq!(found, [("openat", 2), ("write", 1), ("write", 2)]);
        assert_eq!(others, 1);
    }
}
