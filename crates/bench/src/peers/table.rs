//! The table, in Markdown.

use std::fmt::Write;

use super::rounds::Times;

/// A competition's results.
#[derive(Clone, Debug)]
pub struct Table {
    /// The heading: the work that was timed.
    pub title: String,
    /// Images in a step.
    pub batch: usize,
    /// Floating-point operations in a step, where they are counted.
    pub operations: Option<usize>,
    /// Beginnings of names: the others are measured against the fastest row of each. One without a row is left out.
    pub baselines: &'static [&'static str],
    /// Everyone that ran.
    pub rows: Vec<Row>,
    /// Name of everyone that did not, and why.
    pub absent: Vec<(String, String)>,
    /// What else is to be said, in sentences.
    pub remarks: Vec<String>,
}

/// The results of one that ran.
#[derive(Clone, Debug)]
pub struct Row {
    /// The name.
    pub name: String,
    /// The times of its steps.
    pub times: Times,
    /// The operations a second of which it could do at most, where they are counted.
    pub peak: Option<f64>,
}

impl Table {
    /// A heading, the table with the fastest first, who is absent, and the remarks.
    pub fn to_markdown(&self) -> String {
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        rows.sort_by(|a, b| a.times.median().total_cmp(&b.times.median()));
        let baselines: Vec<(String, f64)> =
            self.baselines.iter().filter_map(|name| baseline(&rows, name)).collect();

        let mut header = vec!["".to_owned(), "median".into(), "best".into(), "images/s".into()];
        if self.operations.is_some() {
            header.extend(["GFLOP/s".into(), "of the peak".into()]);
        }
        header.extend(baselines.iter().map(|(name, _)| format!("× {name}")));
        let mut lines = vec![header];
        for Row { name, times, peak } in rows {
            let images = (self.batch as f64 / times.median()).round();
            let mut line =
                vec![name.clone(), duration(times.median()), duration(times.best()), thousands(images)];
            if let Some(operations) = self.operations {
                let rate = operations as f64 / times.median();
                let share = peak.map_or(String::new(), |peak| format!("{:.0} %", 100.0 * rate / peak));
                line.extend([format!("{:.1}", rate / 1e9), share]);
            }
            let ratios = baselines.iter().map(|(_, median)| median / times.median());
            line.extend(ratios.map(|ratio| format!("{ratio:.2}")));
            lines.push(line);
        }

        let mut markdown = format!("### {}\n\n{}", self.title, aligned(&lines));
        for (name, reason) in &self.absent {
            write!(markdown, "\n{name} did not run: {reason}\n").expect("a string takes everything");
        }
        for remark in &self.remarks {
            write!(markdown, "\n{remark}\n").expect("a string takes everything");
        }
        markdown
    }
}

/// The name of a column and the median that it is measured against: the fastest of the sorted `rows` that begin with
/// `name`.
fn baseline(rows: &[&Row], name: &str) -> Option<(String, f64)> {
    let mut matching = rows.iter().filter(|row| row.name.starts_with(name));
    let fastest = &matching.next()?.times;
    let title = if matching.next().is_some() { format!("fastest {name}") } else { name.into() };
    Some((title, fastest.median()))
}

/// Seconds in the unit that suits them.
fn duration(seconds: f64) -> String {
    match seconds {
        1.0.. => format!("{seconds:.2} s"),
        1e-3.. => format!("{:.2} ms", seconds * 1e3),
        _ => format!("{:.1} µs", seconds * 1e6),
    }
}

/// A whole number with a comma between thousands.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or("")).collect();
    groups.join(",")
}

/// A Markdown table whose source is a table, too; numbers to the right.
fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines[0].len();
    let width =
        |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0).max(3);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (row, line) in lines.iter().enumerate() {
        for (column, (cell, &width)) in line.iter().zip(&widths).enumerate() {
            match column {
                0 => write!(text, "| {cell:<width$} "),
                _ => write!(text, "| {cell:>width$} "),
            }
            .expect("a string takes everything");
        }
        text.push_str("|\n");
        if row == 0 {
            for (column, width) in widths.iter().enumerate() {
                let colon = if column == 0 { "-" } else { ":" };
                text.push_str(&format!("| {}{colon} ", "-".repeat(width - 1)));
            }
            text.push_str("|\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, peak: Option<f64>, seconds: [f64; 3]) -> Row {
        Row { name: name.into(), times: Times::new(seconds.into()), peak }
    }

    #[test]
    fn the_fastest_comes_first_and_ratios_are_of_medians() {
        let table = Table {
            title: "A step".into(),
            batch: 128,
            operations: None,
            baselines: &["slow b", "slow", "missing"],
            rows: vec![
                row("slow a", None, [0.03, 0.032, 0.07]),
                row("slow b", None, [0.06, 0.064, 0.07]),
                row("fast", None, [0.000_5, 0.000_64, 0.000_7]),
            ],
            absent: vec![("missing".into(), "no Python".into())],
            remarks: vec!["All is well.".into()],
        };
        let expected = "\
### A step

|        |   median |     best | images/s | × slow b | × fastest slow |
| ------ | -------: | -------: | -------: | -------: | -------------: |
| fast   | 640.0 µs | 500.0 µs |  200,000 |   100.00 |          50.00 |
| slow a | 32.00 ms | 30.00 ms |    4,000 |     2.00 |           1.00 |
| slow b | 64.00 ms | 60.00 ms |    2,000 |     1.00 |           0.50 |

missing did not run: no Python

All is well.
";
        assert_eq!(table.to_markdown(), expected);
    }

    #[test]
    fn counted_operations_are_a_rate_and_a_share_of_each_ones_peak() {
        let table = Table {
            title: "A layer".into(),
            batch: 2,
            operations: Some(3_000_000),
            baselines: &[],
            rows: vec![
                row("two threads", Some(4e9), [0.001; 3]),
                row("one thread", Some(2e9), [0.002; 3]),
                row("unknown", None, [0.003; 3]),
            ],
            absent: Vec::new(),
            remarks: Vec::new(),
        };
        let expected = "\
### A layer

|             |  median |    best | images/s | GFLOP/s | of the peak |
| ----------- | ------: | ------: | -------: | ------: | ----------: |
| two threads | 1.00 ms | 1.00 ms |    2,000 |     3.0 |        75 % |
| one thread  | 2.00 ms | 2.00 ms |    1,000 |     1.5 |        75 % |
| unknown     | 3.00 ms | 3.00 ms |      667 |     1.0 |             |
";
        assert_eq!(table.to_markdown(), expected);
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0.0, 999.0, 1000.0, 1234567.0].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
