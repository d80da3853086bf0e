//! The run that a command line names: the same words in every command.

use std::path::{Path, PathBuf};

use adder_report::Overview;
use adder_train::RunDirectory;
use anyhow::{Result, anyhow};

use crate::args::RUNS;
use crate::suggestion;

/// The run that was started or resumed last.
const NEWEST: &str = "newest";
/// The run of the best validation accuracy of both heads; of equals the one whose name comes first.
const BEST: &str = "best";
/// The words that stand for a run, where neither a file nor a run has such a name.
pub(crate) const WORDS: [&str; 2] = [NEWEST, BEST];

/// The run in a folder, the one of that name in `runs/`, or the one that a word stands for.
pub(crate) fn find_run(name: &Path) -> Result<RunDirectory> {
    let found = RunDirectory::open(place_of_run(name)?);
    found.map_err(|error| suggestion::of_name(error.into(), name, &WORDS))
}

/// The folder of the run that `name` names; `name` itself where there is none.
///
/// # Errors
/// Where a word stands for a run and there are no runs.
pub(crate) fn place_of_run(name: &Path) -> Result<PathBuf> {
    let among_runs = Path::new(RUNS).join(name);
    if name.exists() {
        Ok(name.to_owned())
    } else if among_runs.is_dir() {
        Ok(among_runs)
    } else if name == Path::new(NEWEST) {
        Ok(RunDirectory::newest(Path::new(RUNS))?.path().to_owned())
    } else if name == Path::new(BEST) {
        best().ok_or_else(|| anyhow!("{BEST}: no run in {RUNS} was validated"))
    } else {
        Ok(name.to_owned())
    }
}

fn best() -> Option<PathBuf> {
    let entries = std::fs::read_dir(RUNS).ok()?.flatten();
    let runs = entries.filter_map(|entry| Overview::read(&RunDirectory::open(entry.path()).ok()?).ok());
    let validated = runs.filter_map(|run| Some((run.best_validation?, run)));
    let best =
        validated.max_by(|(a, one), (b, other)| a.total_cmp(b).then_with(|| other.name.cmp(&one.name)));
    best.map(|(_, run)| run.path)
}

/// The place of a new run that is made of the one called `from`: a name without a folder stands beside it where that was a name in
/// `runs/` too.
pub(crate) fn place_beside(from: &Path, to: &Path) -> PathBuf {
    let is_name = |path: &Path| path.file_name() == Some(path.as_os_str());
    let among_runs = !from.exists() && Path::new(RUNS).join(from).is_dir();
    if among_runs && is_name(from) && is_name(to) { Path::new(RUNS).join(to) } else { to.to_owned() }
}
