//! `cargo xtask e2e`: the page in a browser, from the server and from the folder; a report in a browser; TensorBoard's files
//! in TensorBoard.

use crate::cargo::{Cargo, root, target_directory};
use crate::page;
use crate::process::{Failure, check, in_path};
use std::path::{Path, PathBuf};
use std::process::Command;

const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Builds both pages and lets a script draw on them, `arguments` are its own; then trains a little and lets others look at what
/// the run left.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let browser = in_path(&BROWSERS).ok_or("no Chromium in the path; on Debian: apt-get install chromium")?;
    let python = python()?;
    let page = page::build(None)?;
    let adder = adder()?;
    let mut script = Command::new(&python);
    script.arg(root().join("crates/serve/tests/browser/main.py"));
    script.arg("--chromium").arg(&browser).arg("--page").arg(page).arg("--adder").arg(&adder).args(arguments);
    check(script)?;

    let run = short_run(&adder)?;
    let mut report = Command::new(&python);
    report
        .arg(root().join("crates/report/tests/browser/report.py"))
        .arg(run.join("report.html"))
        .arg(&browser);
    check(report)?;
    let mut events = Command::new(&python);
    events.arg(root().join("crates/report/tests/read_event_files.py")).arg(&run);
    check(events)
}

/// The folder of a run that is short and far from perfect, so that its report has mistakes to page through.
fn short_run(adder: &Path) -> Result<PathBuf, Failure> {
    const SETTINGS: &str = "--limit 3000 --epochs 2 --batch-size 64 --seed 1 --tensorboard --quiet";
    let run = root().join("target/e2e-run");
    if run.exists() {
        std::fs::remove_dir_all(&run).map_err(|error| format!("cannot remove {}: {error}", run.display()))?;
    }
    let mut train = Command::new(adder);
    train.arg("train").args(SETTINGS.split(' ')).arg("--out").arg(&run);
    check(train)?;
    Ok(run)
}

/// A Python with what the script needs, in the target folder.
fn python() -> Result<PathBuf, Failure> {
    let folder = root().join("target/e2e");
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let requirements = root().join("crates/serve/tests/browser/requirements.txt");
    if !python.is_file() {
        let system = in_path(&["python3", "python"])
            .ok_or("no Python in the path; on Debian: apt-get install python3-venv")?;
        let mut venv = Command::new(system);
        venv.args(["-m", "venv"]).arg(&folder);
        check(venv).map_err(|problem| format!("{problem}; on Debian: apt-get install python3-venv"))?;
    }
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .arg(requirements);
    check(pip)?;
    Ok(python)
}

/// Builds the binary, in release, and returns where it lies.
fn adder() -> Result<PathBuf, Failure> {
    Cargo::new(["build", "--release", "--package", "adder-cli", "--bin", "adder"]).check()?;
    let metadata = Cargo::new(["metadata", "--no-deps", "--format-version", "1"]).output()?;
    let target = target_directory(&metadata).ok_or("`cargo metadata` names no target directory")?;
    Ok(Path::new(&target).join("release").join(format!("adder{}", std::env::consts::EXE_SUFFIX)))
}
