//! The place where commands are disturbed: their folders, the undisturbed result, and the judgment of what is left.

use super::data;
use super::folder::{self, Snapshot};
use super::program::{Ended, Program};
use super::scenario::{Continuation, Need, Scenario, words};
use super::verdict::{Judgment, Verdict};
use crate::process::Failure;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

#[cfg(all(test, unix))]
mod tests;

/// The name of a scenario, the exit code of its command, and the digest of what it left.
type State = (&'static str, Option<i32>, u64);

/// What the folder's name begins with; the number of the process follows.
const PREFIX: &str = "adder-torture-";

/// The folders, which are gone when this is.
pub(crate) struct Bench {
    pub(crate) program: Program,
    base: PathBuf,
    /// What was judged by scenario, end and digest of what was left.
    judged: RefCell<BTreeMap<State, Judgment>>,
}

/// A scenario with what was there before and what the undisturbed command leaves.
pub(crate) struct Prepared {
    pub(crate) scenario: &'static Scenario,
    pub(crate) template: PathBuf,
    before: Snapshot,
    after: Snapshot,
}

impl Bench {
    /// Makes a place in memory where there is such a file system, so that disks and their waits play no part.
    pub(crate) fn new(adder: PathBuf) -> Result<Self, Failure> {
        let memory = PathBuf::from("/dev/shm");
        let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
        collect(&parent)?;
        let base = parent.join(format!("{PREFIX}{}", std::process::id()));
        data::write(&base.join("data"))?;
        Ok(Self { program: Program { adder, words: base.join("words") }, base, judged: RefCell::default() })
    }

    /// A folder of this place; all are siblings, so that relative paths mean the same in each.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.base.join(name)
    }

    /// Runs a command line that must succeed.
    pub(crate) fn done(&self, folder: &Path, line: &str) -> Result<(), Failure> {
        let ended = self.program.run(self.program.adder(folder, &words(line)))?;
        if ended.code == Some(0) { Ok(()) } else { Err(format!("`adder {line}`: {}", ended.describe())) }
    }

    /// Makes the folder that a scenario begins with, by `stopped` where a training was killed, and its undisturbed result.
    pub(crate) fn prepare(
        &self,
        scenario: &'static Scenario,
        stopped: Option<&Path>,
    ) -> Result<Prepared, Failure> {
        let template = self.folder(&format!("before-{}", scenario.name));
        match stopped {
            Some(stopped) => folder::copy(stopped, &template)?,
            None => self.empty(&template)?,
        }
        for line in scenario.before {
            self.done(&template, line)?;
        }
        let after = self.folder("after");
        folder::copy(&template, &after)?;
        self.done(&after, scenario.command)?;
        let (before, after) = (folder::snapshot(&template)?, folder::snapshot(&after)?);
        Ok(Prepared { scenario, template, before, after })
    }

    fn empty(&self, path: &Path) -> Result<(), Failure> {
        folder::remove(path)?;
        fs::create_dir_all(path).map_err(|error| format!("cannot make {}: {error}", path.display()))
    }

    /// A new copy of what a scenario begins with.
    pub(crate) fn work(&self, prepared: &Prepared) -> Result<PathBuf, Failure> {
        let work = self.folder("work");
        folder::copy(&prepared.template, &work)?;
        Ok(work)
    }

    /// Judges as [`judge`](Self::judge) does, but what is left in the same state with the same exit code only once: many calls change
    /// nothing that another command sees, such as an fsync.
    pub(crate) fn judge_once(
        &self,
        prepared: &Prepared,
        ended: &Ended,
        work: &Path,
        allowed: &[i32],
    ) -> Result<Judgment, Failure> {
        if ended.crashed() {
            return self.judge(prepared, ended, work, allowed);
        }
        let key = (prepared.scenario.name, ended.code, folder::digest(work)?);
        if let Some(judgment) = self.judged.borrow().get(&key) {
            return Ok(judgment.clone());
        }
        let judgment = self.judge(prepared, ended, work, allowed)?;
        self.judged.borrow_mut().insert(key, judgment.clone());
        Ok(judgment)
    }

    /// Judges what a disturbed command left in a folder. Other exit codes than 0 and `allowed` are wrong.
    pub(crate) fn judge(
        &self,
        prepared: &Prepared,
        ended: &Ended,
        work: &Path,
        allowed: &[i32],
    ) -> Result<Judgment, Failure> {
        if ended.crashed() {
            return Ok(Judgment::of(Verdict::Panicked, ended.describe()));
        }
        if ended.code.is_none() && ended.signal.is_none() {
            return Ok(Judgment::of(Verdict::Lost, ended.describe()));
        }
        if let Some(name) = folder::torn(work)? {
            return Ok(Judgment::of(Verdict::Torn, format!("{name} is not whole")));
        }
        let left = folder::snapshot(work)?;
        for name in prepared.scenario.outputs {
            let found = left.get(*name);
            if found != prepared.before.get(*name) && found != prepared.after.get(*name) {
                return Ok(Judgment::of(Verdict::Torn, format!("{name} is neither the old nor the new one")));
            }
        }
        match ended.code {
            Some(0) => {
                return Ok(match self.difference(prepared, &left) {
                    Some(words) => Judgment::of(Verdict::WrongCode, format!("exit code 0, but {words}")),
                    None => Judgment::fine(),
                });
            }
            Some(code) if !allowed.contains(&code) => {
                return Ok(Judgment::of(Verdict::WrongCode, ended.describe()));
            }
            _ => {}
        }
        let judgment = self.read(prepared, work)?;
        if !judgment.is_fine() {
            return Ok(judgment);
        }
        let old = prepared.scenario.old_is_right
            && folder::difference(&without_beginnings(&left), &prepared.before).is_none();
        let done = old || self.difference(prepared, &left).is_none();
        self.go_on(prepared, work, done)
    }

    /// Lets every reader look at what is left.
    fn read(&self, prepared: &Prepared, work: &Path) -> Result<Judgment, Failure> {
        for reader in prepared.scenario.readers {
            let next = self.folder("next");
            folder::copy(work, &next)?;
            let ended = self.sequence(&next, reader)?;
            if ended.crashed() {
                return Ok(Judgment::of(Verdict::Panicked, format!("{}: {}", reader.name, ended.describe())));
            }
            if ended.code != Some(0) && must(reader.need, work) {
                return Ok(Judgment::of(Verdict::Lost, format!("{}: {}", reader.name, ended.describe())));
            }
        }
        Ok(Judgment::fine())
    }

    /// Goes on by every continuation, each from its own copy. Where all is done, a command may refuse to do it again.
    fn go_on(&self, prepared: &Prepared, work: &Path, done: bool) -> Result<Judgment, Failure> {
        let mut refusals = Vec::new();
        let mut went_on = false;
        let mut one_of = false;
        for continuation in prepared.scenario.continuations {
            let next = self.folder("next");
            folder::copy(work, &next)?;
            let ended = self.sequence(&next, continuation)?;
            let words = format!("{}: {}", continuation.name, ended.describe());
            if ended.crashed() {
                return Ok(Judgment::of(Verdict::Panicked, words));
            }
            if ended.code != Some(0) {
                let one_is_enough = matches!(continuation.need, Need::OneOf(_));
                if must(continuation.need, work) && !(one_is_enough && done) {
                    return Ok(Judgment::of(Verdict::Lost, words));
                }
                one_of |= one_is_enough && !done;
                refusals.push(words);
                continue;
            }
            let found = folder::snapshot(&next)?;
            let old = prepared.scenario.old_is_right && matches!(continuation.need, Need::OneOf(_));
            if let Some(difference) = self.difference(prepared, &found)
                && !(old && folder::difference(&found, &prepared.before).is_none())
            {
                let words = format!("{}: {difference}", continuation.name);
                return Ok(Judgment::of(Verdict::Differing, words));
            }
            if steps_forgotten(work, &next) && continuation.name == "resume" {
                return Ok(Judgment::of(Verdict::Lost, "resume: did again what a checkpoint had"));
            }
            went_on |= matches!(continuation.need, Need::OneOf(_));
        }
        if one_of && !went_on {
            return Ok(Judgment::of(Verdict::Lost, refusals.join("; ")));
        }
        Ok(Judgment::fine())
    }

    /// Runs the command lines of a continuation up to the first that fails.
    fn sequence(&self, folder: &Path, continuation: &Continuation) -> Result<Ended, Failure> {
        let mut last = Ended { code: Some(0), signal: None, words: String::new() };
        for line in continuation.commands {
            last = self.program.run(self.program.adder(folder, &words(line)))?;
            if last.code != Some(0) {
                break;
            }
        }
        Ok(last)
    }

    fn difference(&self, prepared: &Prepared, found: &Snapshot) -> Option<String> {
        let mut found = found.clone();
        if prepared.scenario.leaves_temporary {
            let temporary = |path: &String| path.split('/').any(|part| part.starts_with(".unfinished-"));
            found.retain(|path, _| !temporary(path));
        }
        folder::difference(&found, &prepared.after)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.base);
    }
}

/// Removes the folders of sessions that were killed.
fn collect(parent: &Path) -> Result<(), Failure> {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name.strip_prefix(PREFIX).filter(|process| process.parse::<u32>().is_ok());
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            folder::remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Whether a command must succeed after what is left in `work`.
fn must(need: Need, work: &Path) -> bool {
    match need {
        Need::Always => true,
        Need::IfThere(path) => work.join(path).exists(),
        Need::OneOf(path) => path.is_some_and(|path| work.join(path).exists()),
        Need::Never => false,
    }
}

/// The last number of a run's JSON file behind a name.
pub(crate) fn number(path: &Path, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let (_, after) = text.rsplit_once(&format!("\"{name}\":"))?;
    after.split([',', '}', '\n']).next()?.trim().parse().ok()
}

/// The steps that the last checkpoint of the folder's run has: of the run that takes its place, where that is whole already.
pub(crate) fn steps(work: &Path) -> Option<u64> {
    let folder = work.join("run");
    let folder = if folder.join(".next").exists() { folder.join(".next") } else { folder };
    number(&folder.join("last/state.json"), "steps")
}

/// Files without those of a run that was about to take another's place: the next writer clears them.
fn without_beginnings(found: &Snapshot) -> Snapshot {
    let begins = |path: &str| path.split('/').any(|part| part == ".new");
    found
        .iter()
        .filter(|(path, _)| !begins(path))
        .map(|(path, content)| (path.clone(), content.clone()))
        .collect()
}

/// Whether the last session of a run that went on in `next` began before the checkpoint that was there in `work`.
fn steps_forgotten(work: &Path, next: &Path) -> bool {
    let sessions = |folder: &Path| {
        let text = fs::read_to_string(folder.join("run/environment.json")).unwrap_or_default();
        text.matches("\"steps_before\"").count()
    };
    let began = number(&next.join("run/environment.json"), "steps_before");
    sessions(next) > sessions(work) && began < steps(work)
}
