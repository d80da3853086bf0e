//! A repetition as a Markdown table: one row for each seed, then mean, deviation, min and max; below it, the seeds that diverged.

use std::fmt::{Display, Formatter, Result};

use super::{DivergedRun, Measurements, Repetition, RepetitionSummary, Spread};

/// A column: its heading, its values of a run and of the summary, and its decimal places.
struct Column {
    heading: &'static str,
    value: fn(&Measurements) -> Option<f64>,
    spread: fn(&RepetitionSummary) -> Option<Spread>,
    places: usize,
}

/// One number of a spread.
type Statistic = fn(Spread) -> Option<f64>;

const COLUMNS: [Column; 9] = [
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
        heading: "unseen pairs: both, %",
        value: |run| run.unseen_both,
        spread: |summary| summary.unseen_both,
        places: 2,
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
        // Test-time augmentation and unseen pairs have a column only where there are any.
        let measured = |column: &Column| self.runs.iter().any(|run| (column.value)(run).is_some());
        let shown = |column: &&Column| measured(column) || self.runs.is_empty();
        let columns: Vec<&Column> = COLUMNS.iter().filter(shown).collect();
        row(f, "seed", columns.iter().map(|column| column.heading.to_owned()))?;
        row(f, "---", columns.iter().map(|_| "---".to_owned()))?;
        self.seeds(f, &columns)?;
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
        if self.diverged.is_empty() {
            return Ok(());
        }
        writeln!(f)?;
        for diverged in &self.diverged {
            writeln!(f, "{diverged}")?;
        }
        let (measured, all) = (self.runs.len(), self.runs.len() + self.diverged.len());
        writeln!(f, "mean, deviation, min and max are over the other {measured} of {all} seeds")
    }
}

impl Repetition {
    /// The rows of the seeds, those that diverged in their places.
    fn seeds(&self, f: &mut Formatter<'_>, columns: &[&Column]) -> Result {
        let mut diverged = self.diverged.iter().peekable();
        for run in &self.runs {
            while let Some(before) = diverged.next_if(|diverged| diverged.seed < run.seed) {
                diverged_row(f, before, columns.len())?;
            }
            row(f, &run.seed.to_string(), columns.iter().map(|column| cell(column, (column.value)(run))))?;
        }
        diverged.try_for_each(|diverged| diverged_row(f, diverged, columns.len()))
    }
}

fn diverged_row(f: &mut Formatter<'_>, diverged: &DivergedRun, columns: usize) -> Result {
    let place = format!("diverged at step {}", diverged.divergence.step);
    let cells = std::iter::once(place).chain(std::iter::repeat_n("-".to_owned(), columns - 1));
    row(f, &diverged.seed.to_string(), cells)
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
    use adder_train::Divergence;

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
            unseen_both: None,
            tta_both,
            training_seconds: 50.0,
        }
    }

    #[test]
    fn seeds_come_first_and_their_spread_below() {
        let table = Repetition::new(vec![run(1, 99.5, None), run(2, 99.7, None)], Vec::new()).to_string();
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

    fn diverged(seed: u64, teacher: Option<u64>) -> DivergedRun {
        let divergence = Divergence { what: "loss".into(), value: f64::INFINITY, epoch: 2, step: 7 };
        DivergedRun { seed, teacher, divergence }
    }

    #[test]
    fn seeds_that_diverged_stand_in_their_places_and_count_in_no_mean() {
        let runs = vec![run(2, 99.5, None), run(u64::MAX, 99.7, None)];
        let repetition = Repetition::new(runs, vec![diverged(1, None), diverged(3, Some(2))]);
        let table = repetition.to_string();
        let first: Vec<&str> =
            table.lines().map(|line| line.split('|').nth(1).unwrap_or("").trim()).collect();
        let seeds = ["1", "2", "3", "18446744073709551615"];
        assert_eq!(first[2..6], seeds, "{table}");
        assert!(table.contains("\n| 1 | diverged at step 7 | - | - | - | - | - | - |\n"), "{table}");
        assert!(table.contains("\n| mean | 99.30 |"), "{table}");
        let below = "\nseed 1 diverged: the loss is inf in epoch 2, step 7 of the run\n\
                     seed 3 diverged: in teacher 2, the loss is inf in epoch 2, step 7 of the run\n\
                     mean, deviation, min and max are over the other 2 of 4 seeds\n";
        assert!(table.ends_with(below), "{table}");
        let json = serde_json::to_string(&repetition).unwrap();
        assert_eq!(serde_json::from_str::<Repetition>(&json).unwrap(), repetition);
        assert!(
            json.contains(r#""seed":3,"teacher":2,"what":"loss","value":"inf","epoch":2,"step":7}"#),
            "{json}"
        );

        let nothing = Repetition::new(Vec::new(), vec![diverged(1, None)]).to_string();
        assert!(nothing.contains("| 1 | diverged at step 7 | - |"), "{nothing}");
        assert!(nothing.contains("| mean | - |") && nothing.contains("other 0 of 1 seeds"), "{nothing}");
    }

    #[test]
    fn test_time_augmentation_has_a_column_where_it_was_measured() {
        let table = Repetition::new(vec![run(1, 99.5, Some(99.625))], Vec::new()).to_string();
        assert!(table.contains("| with TTA: both, % |") && table.contains("| 99.625 |"), "{table}");
        assert!(table.contains("| deviation | - |"), "{table}");
    }

    #[test]
    fn a_metric_that_a_run_lacks_has_no_spread() {
        let repetition = Repetition::new(vec![run(1, 99.5, Some(99.6)), run(2, 99.5, None)], Vec::new());
        assert_eq!(repetition.summary.tta_both, None);
        assert!(!serde_json::to_string(&repetition.summary).unwrap().contains("tta"));
    }
}
