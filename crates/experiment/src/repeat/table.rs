//! A repetition as a Markdown table: one row for each seed, then mean, deviation, min and max.

use std::fmt::{Display, Formatter, Result};

use super::{Measurements, Repetition, RepetitionSummary, Spread};

/// A column: its heading, its values of a run and of the summary, and its decimal places.
struct Column {
    heading: &'static str,
    value: fn(&Measurements) -> Option<f64>,
    spread: fn(&RepetitionSummary) -> Option<Spread>,
    places: usize,
}

/// One number of a spread.
type Statistic = fn(Spread) -> Option<f64>;

const COLUMNS: [Column; 8] = [
    Column {
        heading: "validation both, %",
        value: |run| Some(run.validation_both),
        spread: |summary| summary.validation_both,
        places: 2,
    },
    Column {
        heading: "evaluation digit, %",
        value: |run| Some(run.evaluation_digit),
        spread: |summary| summary.evaluation_digit,
        places: 2,
    },
    Column {
        heading: "evaluation sum, %",
        value: |run| Some(run.evaluation_sum),
        spread: |summary| summary.evaluation_sum,
        places: 2,
    },
    Column {
        heading: "evaluation both, %",
        value: |run| Some(run.evaluation_both),
        spread: |summary| summary.evaluation_both,
        places: 2,
    },
    Column {
        heading: "all ten addends: both, %",
        value: |run| Some(run.exhaustive_both),
        spread: |summary| summary.exhaustive_both,
        places: 3,
    },
    Column {
        heading: "sum given digit, %",
        value: |run| run.sum_given_digit,
        spread: |summary| summary.sum_given_digit,
        places: 3,
    },
    Column {
        heading: "with TTA: both, %",
        value: |run| run.tta_both,
        spread: |summary| summary.tta_both,
        places: 3,
    },
    Column {
        heading: "training, s",
        value: |run| Some(run.training_seconds),
        spread: |summary| summary.training_seconds,
        places: 1,
    },
];

impl Display for Repetition {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        // Test-time augmentation has a column only where it was asked for.
        let shown = |column: &&Column| self.runs.iter().any(|run| (column.value)(run).is_some());
        let columns: Vec<&Column> = COLUMNS.iter().filter(shown).collect();
        row(f, "seed", columns.iter().map(|column| column.heading.to_owned()))?;
        row(f, "---", columns.iter().map(|_| "---".to_owned()))?;
        for run in &self.runs {
            row(f, &run.seed.to_string(), columns.iter().map(|column| cell(column, (column.value)(run))))?;
        }
        let statistics: [(&str, Statistic); 4] = [
            ("mean", |spread| Some(spread.mean)),
            ("deviation", |spread| spread.deviation),
            ("min", |spread| Some(spread.min)),
            ("max", |spread| Some(spread.max)),
        ];
        for (name, statistic) in statistics {
            let value = |column: &&Column| (column.spread)(&self.summary).and_then(statistic);
            row(f, name, columns.iter().map(|column| cell(column, value(column))))?;
        }
        Ok(())
    }
}

fn row(f: &mut Formatter<'_>, first: &str, cells: impl Iterator<Item = String>) -> Result {
    write!(f, "| {first} |")?;
    for cell in cells {
        write!(f, " {cell} |")?;
    }
    writeln!(f)
}

fn cell(column: &Column, value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.*}", column.places))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seed: u64, both: f64, tta_both: Option<f64>) -> Measurements {
        Measurements {
            seed,
            validation_both: both - 0.3,
            evaluation_digit: both + 0.1,
            evaluation_sum: both + 0.05,
            evaluation_both: both,
            exhaustive_both: both + 0.001,
            sum_given_digit: Some(99.95),
            tta_both,
            training_seconds: 50.0,
        }
    }

    #[test]
    fn seeds_come_first_and_their_spread_below() {
        let table = Repetition::new(vec![run(1, 99.5, None), run(2, 99.7, None)]).to_string();
        let expected = "\
| seed | validation both, % | evaluation digit, % | evaluation sum, % | evaluation both, % | all ten addends: both, % | sum given digit, % | training, s |
| --- | --- | --- | --- | --- | --- | --- | --- |
| 1 | 99.20 | 99.60 | 99.55 | 99.50 | 99.501 | 99.950 | 50.0 |
| 2 | 99.40 | 99.80 | 99.75 | 99.70 | 99.701 | 99.950 | 50.0 |
| mean | 99.30 | 99.70 | 99.65 | 99.60 | 99.601 | 99.950 | 50.0 |
| deviation | 0.14 | 0.14 | 0.14 | 0.14 | 0.141 | 0.000 | 0.0 |
| min | 99.20 | 99.60 | 99.55 | 99.50 | 99.501 | 99.950 | 50.0 |
| max | 99.40 | 99.80 | 99.75 | 99.70 | 99.701 | 99.950 | 50.0 |
";
        assert_eq!(table, expected);
    }

    #[test]
    fn test_time_augmentation_has_a_column_where_it_was_measured() {
        let table = Repetition::new(vec![run(1, 99.5, Some(99.625))]).to_string();
        assert!(table.contains("| with TTA: both, % |") && table.contains("| 99.625 |"), "{table}");
        assert!(table.contains("| deviation | - |"), "{table}");
    }

    #[test]
    fn a_metric_that_a_run_lacks_has_no_spread() {
        let repetition = Repetition::new(vec![run(1, 99.5, Some(99.6)), run(2, 99.5, None)]);
        assert_eq!(repetition.summary.tta_both, None);
        assert!(!serde_json::to_string(&repetition.summary).unwrap().contains("tta"));
    }
}
