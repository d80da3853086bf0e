//! A torture session: which cases are wanted, what came of them, and how to try a failing one again.

use super::bench::Bench;
use super::options::Options;
use super::verdict::{Judgment, Table};
use crate::output::say;
use crate::process::Failure;
use std::time::Instant;

/// The cases so far.
pub(crate) struct Session {
    pub(crate) bench: Bench,
    pub(crate) options: Options,
    pub(crate) table: Table,
    /// Kills that came to pass.
    pub(crate) kills: usize,
    /// Cases whose call did not come.
    pub(crate) missed: Vec<String>,
}

impl Session {
    pub(crate) fn new(bench: Bench, options: Options) -> Self {
        Self { bench, options, table: Table::default(), kills: 0, missed: Vec::new() }
    }

    /// Whether a case of this name, or one whose name begins so, is wanted.
    pub(crate) fn wants(&self, name: &str) -> bool {
        match &self.options.only {
            None => true,
            Some(only) => {
                let begins = |long: &str, short: &str| {
                    long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
                };
                begins(name, only) || begins(only, name)
            }
        }
    }

    /// Of `count` cases those to try: all, or in a short session a few evenly spread ones, others with another seed.
    pub(crate) fn sample(&self, count: usize, few: usize) -> Vec<usize> {
        if !self.options.short || self.options.only.is_some() || count <= few {
            return (0..count).collect();
        }
        let offset = (self.options.seed % count as u64) as usize;
        (0..few).map(|index| (index * count / few + offset) % count).collect()
    }

    /// Tries a case if it is wanted, and counts what came of it. None of a judgment is a case that did not come to pass.
    pub(crate) fn case(
        &mut self,
        kind: &str,
        name: &str,
        attempt: impl FnOnce(&Bench) -> Result<Option<Judgment>, Failure>,
    ) -> Result<(), Failure> {
        if !self.wants(name) {
            return Ok(());
        }
        let begin = Instant::now();
        let Some(judgment) = attempt(&self.bench)? else {
            self.missed.push(name.to_owned());
            return Ok(());
        };
        self.table.count(kind, judgment.verdict, begin.elapsed());
        if !judgment.is_fine() {
            let seed = self.options.seed;
            say(format_args!("{}: {}", judgment.verdict.name(), judgment.words));
            say(format_args!("    cargo xtask torture --seed {seed} --only {name}"));
        }
        Ok(())
    }
}
