//! `cargo xtask e2e`: the page in a browser, from the server and from the folder; a report in a browser; TensorBoard's files
//! in TensorBoard.

use crate::cargo::{Cargo, root, target_directory};
use crate::page;
use crate::process::{Failure, check, in_path};
use std::path::{Path, PathBuf};
use std::process::Command;

const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The channels of the blocks of a network that is not the built-in one.
const CHANNELS: [&str; 2] = ["5", "3"];

/// Builds both pages and lets a script draw on them, `arguments` are its own; then trains a little and lets others look at what
/// the run left, and what a page with another network in it shows.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let browser = in_path(&BROWSERS).ok_or("no Chromium in the path; on Debian: apt-get install chromium")?;
    let python = python()?;
    let adder = adder()?;
    other_network(&python, &browser, &adder)?;
    let page = page::build(None)?;
    let mut script = Command::new(&python);
    script.arg(root().join("crates/serve/tests/browser/main.py"));
    script.arg("--chromium").arg(&browser).arg("--page").arg(page).arg("--adder").arg(&adder).args(arguments);
    check(script)?;

    // Short and far from perfect, so that its report has mistakes to page through.
    let settings = "--limit 3000 --epochs 2 --batch-size 64 --seed 1 --tensorboard";
    let run = short_run(&adder, "target/e2e-run", settings)?;
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

/// Lets a script look at the page with another network in it.
fn other_network(python: &Path, browser: &Path, adder: &Path) -> Result<(), Failure> {
    let network = "--set model.pool_after=[1,2] --set model.unpadded=[] --set model.dropout_free=[]";
    let channels = CHANNELS.join(",");
    let settings = format!("--limit 96 --epochs 1 {network} --no-report --set model.channels=[{channels}]");
    let run = short_run(adder, "target/e2e-other", &settings)?;
    let page = page::build(Some(&run.display().to_string()))?;
    let mut script = Command::new(python);
    script.arg(root().join("crates/serve/tests/browser/other_network.py"));
    script.arg(browser).arg(page).args(CHANNELS);
    check(script)
}

/// The folder of a new run with these settings.
fn short_run(adder: &Path, folder: &str, settings: &str) -> Result<PathBuf, Failure> {
    let run = root().join(folder);
    if run.exists() {
        std::fs::remove_dir_all(&run).map_err(|error| format!("cannot remove {}: {error}", run.display()))?;
    }
    let mut train = Command::new(adder);
    train.arg("train").args(settings.split(' ')).arg("--quiet").arg("--out").arg(&run);
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
