//! `journal.jsonl`: the trials so far. The first line is the plan and the configuration that it varies, every other one a
//! [`Trial`].

use std::path::{Path, PathBuf};

use adder_data::whole_file::collect_unfinished;
use adder_train::{Config, files};
use serde::{Deserialize, Serialize};

use super::error::SweepError;
use super::plan::SweepPlan;
use super::trial::Trial;

const JOURNAL: &str = "journal.jsonl";

/// The journal of a sweep's folder.
#[derive(Clone, Debug)]
pub struct Journal {
    path: PathBuf,
    head: Head,
    trials: Vec<Trial>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Head {
    plan: SweepPlan,
    base: Config,
}

impl Journal {
    /// The journal in `folder`, or a new one of no trials: it is written with the first of them.
    ///
    /// # Errors
    /// [`SweepError::OtherSweep`] where the folder's journal is of another plan or varies another configuration, the place of the
    /// images aside: [`check_data`](super::check_data) holds those to the trials;
    /// [`SweepError::Journal`] where it is broken.
    pub fn open(folder: &Path, plan: SweepPlan, base: Config) -> Result<Self, SweepError> {
        plan.check()?;
        // A sweep that was killed while it wrote the journal leaves half of one beside it.
        collect_unfinished(folder);
        let path = folder.join(JOURNAL);
        let head = Head { plan, base };
        if !path.exists() {
            return Ok(Self { path, head, trials: Vec::new() });
        }
        let text = files::read_text(&path)?;
        let mut lines = text.lines().enumerate();
        let broken = |line: usize, error: serde_json::Error| SweepError::Journal {
            path: path.clone(),
            line: line + 1,
            message: error.to_string(),
        };
        let first = lines.next().map_or("", |(_, line)| line);
        let found: Head = serde_json::from_str(first).map_err(|error| broken(0, error))?;
        if found.plan != head.plan || !found.base.equals_but_for_place(&head.base) {
            return Err(SweepError::OtherSweep(path));
        }
        let trials = lines
            .map(|(number, line)| serde_json::from_str(line).map_err(|error| broken(number, error)))
            .collect::<Result<_, _>>()?;
        Ok(Self { path, head, trials })
    }

    /// The plan of the sweep.
    pub fn plan(&self) -> &SweepPlan {
        &self.head.plan
    }

    /// The trials so far, in their order.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// Adds a trial; the file is replaced whole.
    pub(super) fn add(&mut self, trial: Trial) -> Result<(), SweepError> {
        self.trials.push(trial);
        let mut text = line(&self.head);
        for trial in &self.trials {
            text += &line(trial);
        }
        Ok(files::write(&self.path, text.as_bytes())?)
    }
}

fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("a journal's keys are text") + "\n"
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use toml::Value;

    use super::*;
    use crate::sweep::{Dimension, Method, TrialOutcome};

    fn plan(seed: u64) -> SweepPlan {
        let dimensions = vec![
            Dimension::range("optimizer.learning_rate=0.01..0.3:log").unwrap(),
            Dimension::choices("training.evaluate=last,best").unwrap(),
        ];
        SweepPlan { method: Method::Random, seed, dimensions }
    }

    fn trial(number: u64, outcome: TrialOutcome) -> Trial {
        let values = BTreeMap::from([
            ("optimizer.learning_rate".to_owned(), Value::Float(0.1)),
            ("training.evaluate".to_owned(), Value::from("last")),
        ]);
        Trial { trial: number, values, outcome }
    }

    #[test]
    fn a_journal_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        // The largest seed is a number of JSON, read to its last digit.
        let config = Config { seed: u64::MAX, ..Config::default() };
        let mut journal = Journal::open(folder.path(), plan(u64::MAX), config.clone()).unwrap();
        assert!(journal.trials().is_empty());
        let finished =
            TrialOutcome::Finished { validation_both: 98.7, validation_loss: 0.1, training_seconds: 7.25 };
        journal.add(trial(1, finished)).unwrap();
        journal.add(trial(2, TrialOutcome::Failed { reason: "the loss is NaN".into() })).unwrap();
        let again = Journal::open(folder.path(), plan(u64::MAX), config).unwrap();
        assert_eq!(again.trials(), journal.trials());
        let text = fs::read_to_string(folder.path().join(JOURNAL)).unwrap();
        assert_eq!(text.lines().count(), 3);
        assert_eq!(text.matches("\"seed\":18446744073709551615").count(), 2, "{text}");
    }

    #[test]
    fn another_sweep_and_a_broken_line_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path(), plan(1), Config::default()).unwrap();
        journal.add(trial(1, TrialOutcome::Failed { reason: String::new() })).unwrap();
        let open = |plan, config| Journal::open(folder.path(), plan, config);
        assert!(matches!(open(plan(2), Config::default()), Err(SweepError::OtherSweep(_))));
        let mut moved = Config::default();
        moved.data.source = "elsewhere".parse().unwrap();
        assert_eq!(open(plan(1), moved).unwrap().trials().len(), 1);
        let other = Config { seed: 9, ..Config::default() };
        assert!(matches!(open(plan(1), other), Err(SweepError::OtherSweep(_))));
        let path = folder.path().join(JOURNAL);
        fs::write(&path, fs::read_to_string(&path).unwrap() + "{}\n").unwrap();
        assert!(matches!(open(plan(1), Config::default()), Err(SweepError::Journal { line: 3, .. })));
    }
}
