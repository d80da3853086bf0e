//! What a run of a target came to, as libFuzzer's words say it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Lines of a failing target's words that are shown.
const LAST_LINES: usize = 12;

/// What a run of a target came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    name: String,
    executions: u64,
    per_second: u64,
    /// Edges of the program's graph that were passed.
    edges: u64,
    /// Inputs that are kept.
    corpus: u64,
    /// The time that it took, in seconds.
    seconds: u64,
    failure: Option<Failed>,
}

/// The failure of a target.
#[derive(Debug, PartialEq, Eq)]
struct Failed {
    /// The file of the input, where there is one.
    input: Option<String>,
    words: String,
    log: PathBuf,
}

impl Outcome {
    /// Reads what a target said in so many seconds.
    pub(super) fn of(name: &str, text: &str, passed: bool, seconds: u64, log: &Path) -> Self {
        let statistic = |name: &str| {
            let line = text.lines().rev().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.trim_start_matches(':').trim().parse().ok()).unwrap_or(0)
        };
        let counted = |name: &str| {
            let number = |line: &str| {
                let (_, behind) = line.split_once(name)?;
                let digits = behind.trim_start();
                let end = digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len());
                digits[..end].parse().ok()
            };
            text.lines().rev().filter(|line| line.starts_with('#')).find_map(number).unwrap_or(0)
        };
        let failure = (!passed).then(|| {
            let input = text.lines().find_map(|line| line.split_once("Test unit written to "));
            let words = text
                .lines()
                .filter(|line| !line.starts_with('#') && !line.trim_start().starts_with("NEW_FUNC"));
            let words: Vec<&str> = words.collect();
            let begin =
                words.iter().position(|line| line.contains("panicked at") || line.contains("ERROR: "));
            let begin = begin.unwrap_or(words.len().saturating_sub(LAST_LINES));
            Failed {
                input: input.map(|(_, path)| path.trim().to_owned()),
                words: words[begin..].iter().take(LAST_LINES).copied().collect::<Vec<_>>().join("\n"),
                log: log.to_owned(),
            }
        });
        Self {
            name: name.to_owned(),
            executions: statistic("stat::number_of_executed_units"),
            per_second: statistic("stat::average_exec_per_sec"),
            edges: counted("cov: "),
            corpus: counted("corp: "),
            seconds,
            failure,
        }
    }

    /// What failed, for the person at the terminal; `None` where nothing did.
    pub(super) fn failure(&self) -> Option<String> {
        let Failed { input, words, log } = self.failure.as_ref()?;
        let input = input.as_deref().unwrap_or("no input was written");
        Some(format!("{}: {input}\n{words}\nall of it: {}", self.name, log.display()))
    }

    /// A line of the history: target, executions, seconds, edges, inputs kept, result.
    pub(super) fn history(&self) -> String {
        let Self { name, executions, seconds, edges, corpus, failure, .. } = self;
        let result = if failure.is_some() { "failed" } else { "passed" };
        format!("{name}\t{executions}\t{seconds}\t{edges}\t{corpus}\t{result}\n")
    }
}

/// The outcomes as a table.
pub(super) fn table(outcomes: &[Outcome]) -> String {
    let mut text = format!(
        "{:<10}{:>12}{:>10}{:>9}{:>9}  result",
        "target", "executions", "a second", "edges", "corpus"
    );
    for outcome in outcomes {
        let Outcome { name, executions, per_second, edges, corpus, failure, .. } = outcome;
        let result = if failure.is_some() { "failed" } else { "passed" };
        write!(text, "\n{name:<10}{executions:>12}{per_second:>10}{edges:>9}{corpus:>9}  {result}")
            .expect("a string takes everything");
    }
    text
}

/// All runs that a history knows of, summed by their targets. Lines of another form are passed over.
pub(super) fn totals(history: &str) -> String {
    let mut sums: BTreeMap<&str, [u64; 4]> = BTreeMap::new();
    for line in history.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [name, executions, seconds, edges, _, result] = fields[..] else { continue };
        let [executions, seconds, edges] = [executions, seconds, edges].map(|text| text.parse().unwrap_or(0));
        let sum = sums.entry(name).or_default();
        let failed = u64::from(result != "passed");
        *sum = [sum[0] + executions, sum[1] + seconds, sum[2].max(edges), sum[3] + failed];
    }
    let mut text = format!("{:<10}{:>12}{:>8}{:>9}  failed", "in all", "executions", "hours", "edges");
    for (name, [executions, seconds, edges, failed]) in sums {
        let hours = seconds as f64 / 3600.0;
        write!(text, "\n{name:<10}{executions:>12}{hours:>8.2}{edges:>9}{failed:>8}")
            .expect("a string takes everything");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSED: &str = "\
#2\tINITED cov: 98 ft: 99 corp: 1/2b exec/s: 0 rss: 40Mb
#4096\tNEW    cov: 1312 ft: 2400 corp: 57/9Kb lim: 4096 exec/s: 2048 rss: 80Mb L: 9/99 MS: 1 CrossOver-
Done 8123 runs in 21 second(s)
stat::number_of_executed_units: 8123
stat::average_exec_per_sec:     386
stat::peak_rss_mb:              80
";

    #[test]
    fn what_libfuzzer_counts_is_read() {
        let outcome = Outcome::of("idx", PASSED, true, 21, Path::new("idx.log"));
        assert_eq!((outcome.executions, outcome.per_second), (8123, 386));
        assert_eq!((outcome.edges, outcome.corpus), (1312, 57));
        assert_eq!(
            (outcome.failure(), outcome.history().as_str()),
            (None, "idx\t8123\t21\t1312\t57\tpassed\n")
        );
        assert!(table(&[outcome]).ends_with("\nidx               8123       386     1312       57  passed"));
    }

    #[test]
    fn a_failure_names_the_input_and_what_was_said() {
        let text = "\
#2\tINITED cov: 98 ft: 99 corp: 1/2b exec/s: 0 rss: 40Mb
thread '<unnamed>' panicked at crates/data/src/idx.rs:7:9:
index out of bounds
==12== ERROR: libFuzzer: deadly signal
artifact_prefix='target/'; Test unit written to target/crash-12
";
        let failure = Outcome::of("idx", text, false, 3, Path::new("idx.log")).failure().unwrap();
        let mut lines = failure.lines();
        assert_eq!(lines.next(), Some("idx: target/crash-12"));
        assert_eq!(lines.next(), Some("thread '<unnamed>' panicked at crates/data/src/idx.rs:7:9:"));
        assert!(failure.ends_with("all of it: idx.log"), "{failure}");
    }

    #[test]
    fn a_history_is_summed_by_targets() {
        let history =
            "run\t5\t1800\t90\t3\tfailed\nidx\t1\t9\t7\t1\tpassed\ntorn\t1\nrun\t7\t1800\t80\t4\tpassed\n";
        let table = totals(history);
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1..], [vec!["idx", "1", "0.00", "7", "0"], vec!["run", "12", "1.00", "90", "1"]]);
    }
}
