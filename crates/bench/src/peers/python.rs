//! A Python with the packages that the competitors need.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::output::say;

/// The folder of the competitors in Python.
pub fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

/// The interpreter of a virtual environment in `folder` that has the packages of `requirements.txt`; installs them
/// through pip where they are not there yet (about 3 GB, most of it PyTorch's CUDA libraries).
///
/// # Errors
/// Where there is no Python 3 or the packages cannot be had: the reason, for a person.
pub fn environment(folder: &Path) -> Result<PathBuf> {
    let requirements = scripts().join("requirements.txt");
    let wanted = std::fs::read(&requirements).context("requirements.txt")?;
    // Written last, so that an installation that was stopped is done again.
    let installed = folder.join("installed-requirements.txt");
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    if std::fs::read(&installed).is_ok_and(|there| there == wanted) {
        return Ok(python);
    }
    say(format_args!("installing the Python packages of the competitors into {}", folder.display()));
    let system = if cfg!(windows) { "python" } else { "python3" };
    run(Command::new(system).args(["-m", "venv"]).arg(folder))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&requirements))?;
    std::fs::write(&installed, wanted)?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().display().to_string();
    // Standard output is for the tables.
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    let status = status.with_context(|| format!("cannot start {program}"))?;
    if !status.success() {
        bail!("{program} failed ({status})");
    }
    Ok(())
}
