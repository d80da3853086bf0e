//! Numbers, metrics and reports as text.

use adder_model::{HeadMetrics, Metrics, counted};
use adder_train::{EvaluationSplit, PairMetrics, PairParts, Report};

/// Seconds as `4.2 s`, `42 s`, `3 min 5 s` or `1 h 2 min`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, _) if seconds < 9.95 => format!("{seconds:.1} s"),
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// Loss and accuracy of the digit, the sum, and both, a line each.
pub fn metrics_table(metrics: &Metrics) -> String {
    let line = |name, HeadMetrics { loss, accuracy }| format!("{name:<6}{loss:>10.4}{accuracy:>10.2} %\n");
    format!(
        "{:<6}{:>10}{:>12}\n{}{}{}",
        "",
        "loss",
        "accuracy",
        line("digit", metrics.digit),
        line("sum", metrics.sum),
        line("both", metrics.both)
    )
}

/// The report as a heading and a table.
pub fn report_text(report: &Report) -> String {
    let set = match report.split {
        EvaluationSplit::Validation => "validation",
        EvaluationSplit::Evaluation => "evaluation",
    };
    let (images, pairs) = (counted(report.images, "image"), counted(report.pairs, "pair"));
    format!("{set}: {images}, {pairs}\n{}{}", metrics_table(&report.metrics), parts_text(&report.parts))
}

/// The pairs that training showed and those that it held out, each as a heading and a table; nothing where it held out none.
pub fn parts_text(parts: &PairParts) -> String {
    let part = |(name, part): (&str, Option<PairMetrics>)| {
        let PairMetrics { pairs, metrics } = part?;
        Some(format!("\n{name}: {}\n{}", counted(pairs, "pair"), metrics_table(&metrics)))
    };
    [(SEEN, parts.seen), (UNSEEN, parts.unseen)].into_iter().filter_map(part).collect()
}

/// The names of the two parts of the pairs.
pub(crate) const SEEN: &str = "seen in training";
pub(crate) const UNSEEN: &str = "held out of training";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_readable() {
        let seconds = [0.25, 9.96, 42.4, 185.0, 3720.0];
        assert_eq!(seconds.map(duration), ["0.2 s", "10 s", "42 s", "3 min 5 s", "1 h 2 min"]);
    }

    #[test]
    fn the_table_shows_all_three() {
        let head = |loss, accuracy| HeadMetrics { loss, accuracy };
        let metrics = Metrics { digit: head(0.03, 99.16), sum: head(0.04, 99.12), both: head(0.07, 99.0) };
        let expected = "            loss    accuracy\n\
                        digit     0.0300     99.16 %\n\
                        sum       0.0400     99.12 %\n\
                        both      0.0700     99.00 %\n";
        assert_eq!(metrics_table(&metrics), expected);
    }
}
