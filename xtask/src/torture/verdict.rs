//! What a disturbance did, counted by kind and printed as a table.

use std::fmt::{Display, Formatter};
use std::time::Duration;

/// What a disturbance left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Commands go on from there, to the bits of the undisturbed run.
    Fine,
    /// No command goes on, or work that a checkpoint had is gone.
    Lost,
    /// A reader sees a file that is not whole.
    Torn,
    /// Commands go on, to other bits or with something left over.
    Differing,
    /// A panic or an abort.
    Panicked,
    /// An exit code that is not true, such as 0 where the result is missing.
    WrongCode,
}

/// The columns of the table.
const COLUMNS: [(Verdict, &str); 6] = [
    (Verdict::Fine, "fine"),
    (Verdict::Lost, "lost"),
    (Verdict::Torn, "torn"),
    (Verdict::Differing, "differing"),
    (Verdict::Panicked, "panics"),
    (Verdict::WrongCode, "codes"),
];

impl Verdict {
    /// The head of its column.
    pub(crate) fn name(self) -> &'static str {
        COLUMNS.iter().find(|(verdict, _)| *verdict == self).expect("every verdict has a column").1
    }
}

/// A verdict, and why.
#[derive(Clone)]
pub(crate) struct Judgment {
    pub(crate) verdict: Verdict,
    /// Empty where all is fine.
    pub(crate) words: String,
}

impl Judgment {
    pub(crate) fn fine() -> Self {
        Self { verdict: Verdict::Fine, words: String::new() }
    }

    pub(crate) fn of(verdict: Verdict, words: impl Into<String>) -> Self {
        Self { verdict, words: words.into() }
    }

    pub(crate) fn is_fine(&self) -> bool {
        self.verdict == Verdict::Fine
    }
}

/// How often each verdict was given for one kind of disturbance.
#[derive(Debug)]
struct Row {
    kind: String,
    counts: [usize; COLUMNS.len()],
    time: Duration,
}

/// The table.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

impl Table {
    /// Counts a verdict.
    pub(crate) fn count(&mut self, kind: &str, verdict: Verdict, time: Duration) {
        let place = self.rows.iter().position(|row| row.kind == kind).unwrap_or_else(|| {
            self.rows.push(Row { kind: kind.to_owned(), counts: [0; COLUMNS.len()], time: Duration::ZERO });
            self.rows.len() - 1
        });
        let row = &mut self.rows[place];
        let column = COLUMNS.iter().position(|(other, _)| *other == verdict);
        row.counts[column.expect("every verdict has a column")] += 1;
        row.time += time;
    }

    /// Disturbances that were tried.
    pub(crate) fn tried(&self) -> usize {
        self.rows.iter().flat_map(|row| row.counts).sum()
    }

    /// Disturbances after which not all was fine.
    pub(crate) fn failed(&self) -> usize {
        self.tried() - self.rows.iter().map(|row| row.counts[0]).sum::<usize>()
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let width = self.rows.iter().map(|row| row.kind.len()).max().unwrap_or(0).max(4);
        write!(f, "{:<width$}  {:>5}", "kind", "tried")?;
        for (_, name) in COLUMNS {
            write!(f, "  {name:>9}")?;
        }
        writeln!(f, "  {:>7}", "seconds")?;
        let mut total = Row { kind: "all".into(), counts: [0; COLUMNS.len()], time: Duration::ZERO };
        for row in &self.rows {
            line(f, row, width)?;
            for (sum, count) in total.counts.iter_mut().zip(row.counts) {
                *sum += count;
            }
            total.time += row.time;
        }
        line(f, &total, width)
    }
}

fn line(f: &mut Formatter<'_>, row: &Row, width: usize) -> std::fmt::Result {
    write!(f, "{:<width$}  {:>5}", row.kind, row.counts.iter().sum::<usize>())?;
    for count in row.counts {
        write!(f, "  {count:>9}")?;
    }
    writeln!(f, "  {:>7.1}", row.time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_counts_by_kind_and_in_all() {
        let mut table = Table::default();
        let second = Duration::from_secs(1);
        table.count("kill", Verdict::Fine, second);
        table.count("kill", Verdict::Torn, second);
        table.count("full", Verdict::Fine, second);
        assert_eq!((table.tried(), table.failed()), (3, 1));
        let text = table.to_string();
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
        let lines: Vec<String> = text.lines().map(words).collect();
        assert_eq!(
            lines,
            [
                "kind tried fine lost torn differing panics codes seconds",
                "kill 2 1 0 1 0 0 0 2.0",
                "full 1 1 0 0 0 0 0 1.0",
                "all 3 2 0 1 0 0 0 3.0",
            ]
        );
        assert_eq!(Verdict::WrongCode.name(), "codes");
    }
}
