//! One fuzz target, run.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use super::outcome::Outcome;
use crate::process::Failure;

/// The most memory of a target, in megabytes.
const MEMORY: u64 = 1024;
/// The most time for one input, in seconds; sanitizers and a busy machine counted.
const SECONDS: u64 = 30;

/// The folders and files of a target.
pub(super) struct Folders {
    /// What was found new.
    corpus: PathBuf,
    /// The inputs that the target begins with, which it writes itself; beside it its dictionary.
    seeds: PathBuf,
    /// The inputs on which it failed.
    crashes: PathBuf,
    /// What it said.
    log: PathBuf,
    /// A line for each run of any target.
    history: PathBuf,
}

impl Folders {
    /// Makes the folders of a target.
    pub(super) fn new(home: &Path, corpus: &Path, name: &str) -> Result<Self, Failure> {
        let folders = Self {
            corpus: corpus.join(name),
            seeds: home.join("seeds").join(name),
            crashes: home.join("crashes").join(name),
            log: home.join("logs").join(format!("{name}.log")),
            history: history(home),
        };
        for folder in [&folders.corpus, &folders.seeds, &folders.crashes, &home.join("logs")] {
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        Ok(folders)
    }
}

/// The history of all runs, below the folder of the targets.
pub(super) fn history(home: &Path) -> PathBuf {
    home.join("executions.tsv")
}

/// Runs a target to the end of its time or to its first failure. `scratch` is its folder for temporary files.
pub(super) fn fuzz(
    program: &Path,
    name: &str,
    folders: &Folders,
    seconds: u64,
    scratch: &Path,
) -> Result<Outcome, Failure> {
    let in_file = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let log = File::create(&folders.log).map_err(|error| in_file(&folders.log, error))?;
    let mut crashes = folders.crashes.clone().into_os_string();
    crashes.push("/");
    let begin = Instant::now();
    let status = Command::new(program)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-rss_limit_mb={MEMORY}"))
        .arg(format!("-timeout={SECONDS}"))
        .arg("-print_final_stats=1")
        .arg(option("-artifact_prefix=", crashes.as_ref()))
        .arg(option("-dict=", &folders.seeds.with_extension("dict")))
        .args([&folders.corpus, &folders.seeds])
        .env("ADDER_FUZZ_SEEDS", &folders.seeds)
        .env("TMPDIR", scratch)
        .stdout(Stdio::null())
        .stderr(log)
        .status()
        .map_err(|error| format!("cannot start `{}`: {error}", program.display()))?;
    let seconds = begin.elapsed().as_secs();
    let text = fs::read(&folders.log).map_err(|error| in_file(&folders.log, error))?;
    let outcome = Outcome::of(name, &String::from_utf8_lossy(&text), status.success(), seconds, &folders.log);
    let history = OpenOptions::new().create(true).append(true).open(&folders.history);
    let written = history.and_then(|mut file| file.write_all(outcome.history().as_bytes()));
    written.map_err(|error| in_file(&folders.history, error))?;
    Ok(outcome)
}

/// An option of libFuzzer with a path for its value.
fn option(name: &str, path: &Path) -> std::ffi::OsString {
    let mut option = std::ffi::OsString::from(name);
    option.push(path);
    option
}
