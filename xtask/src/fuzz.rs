//! `cargo xtask fuzz`: builds the fuzz targets and runs each for a while.
//!
//! The targets are programs of libFuzzer, compiled by the pinned compiler: the pass that counts edges is LLVM's own. What they find
//! new is kept in a folder for each, so that the next run goes on from there.

mod options;
mod outcome;
mod target;

use std::path::{Path, PathBuf};

use crate::cargo::{Cargo, host, root};
use crate::output::say;
use crate::process::Failure;
use crate::sanitize::{ADDRESS, BOOTSTRAP};
use options::Options;
use outcome::{table, totals};
use target::{Folders, fuzz, history};

/// What makes the compiler count the edges that are passed and compare what is compared, as cargo-fuzz does. `fuzzing` is what some
/// decoders look at to leave their checksums out.
const FLAGS: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0 \
    --cfg fuzzing";

/// Builds the targets and runs those that are named, or all; an input that one fails on is a failure that names its file.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let options = Options::parse(arguments, &names()?)?;
    let programs = build(&options)?;
    let home = root().join("target/fuzz");
    let corpus = options.corpus.clone().unwrap_or_else(|| home.join("corpus"));
    let scratch = Scratch::new()?;
    let mut outcomes = Vec::new();
    for name in &options.targets {
        say(format_args!("{name}: {} seconds", options.seconds));
        let folders = Folders::new(&home, &corpus, name)?;
        outcomes.push(fuzz(&programs.join(name), name, &folders, options.seconds, &scratch.0)?);
    }
    say(table(&outcomes));
    let history = std::fs::read_to_string(history(&home)).unwrap_or_default();
    say(format_args!("\n{}", totals(&history)));
    let failed: Vec<String> = outcomes.iter().filter_map(outcome::Outcome::failure).collect();
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

/// The names of the targets: those of their files.
fn names() -> Result<Vec<String>, Failure> {
    let folder = root().join("fuzz/fuzz_targets");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let stem = |path: PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let mut names: Vec<String> = entries.filter_map(|entry| stem(entry.ok()?.path())).collect();
    names.sort();
    Ok(names)
}

/// Compiles the targets, and gives the folder of their programs.
fn build(options: &Options) -> Result<PathBuf, Failure> {
    let host = host()?;
    let folder = root().join(if options.address { "target/fuzz-address" } else { "target/fuzz" });
    let mut cargo = Cargo::in_fuzz(["build", "--release", "--locked", "--target", &host])
        .arg("--target-dir")
        .arg(&folder);
    for name in &options.targets {
        cargo = cargo.args(["--bin", name]);
    }
    cargo = match options.address {
        true => cargo.env("RUSTFLAGS", format!("{FLAGS} {ADDRESS}")).env(BOOTSTRAP.0, BOOTSTRAP.1),
        false => cargo.env("RUSTFLAGS", FLAGS),
    };
    cargo.check()?;
    Ok(folder.join(host).join("release"))
}

/// A folder for what the targets write and read, in memory where the system has such a place; gone in the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, Failure> {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = parent.join(format!("adder-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
