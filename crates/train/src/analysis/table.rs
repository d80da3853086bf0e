//! The analysis as a person reads it.

use std::fmt::{Display, Formatter, Result};

use adder_model::{argmax, thousands};

use super::{Analysis, ClassScores, Confusion, ErrorCounts, HeadAnalysis, Joint, WorstImage};

/// Mistakes of the sum head that are listed; its matrix of 19 columns would be mostly zeros.
const MISTAKES: usize = 10;

impl Display for Analysis {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let addends =
            if self.exhaustive { "all ten addends of each image" } else { "one addend for each image" };
        writeln!(f, "analysis of {} pairs, {addends}", thousands(self.pairs))?;
        joint(f, &self.joint)?;
        writeln!(f, "\ndigits: rows are true, columns answered")?;
        matrix(f, self.digit.confusion.rows())?;
        most_frequent_mistakes(f, &self.sum.confusion)?;
        for (name, head) in [("digit", &self.digit), ("sum", &self.sum)] {
            scores(f, name, &head.classes)?;
        }
        for (name, head) in [("digit", &self.digit), ("sum", &self.sum)] {
            calibration(f, name, head)?;
        }
        errors(f, "digit", &self.errors.by_digit)?;
        errors(f, "addend", &self.errors.by_addend)?;
        grid(f, &self.errors.by_digit_and_addend)?;
        worst(f, &self.worst)
    }
}

fn joint(f: &mut Formatter<'_>, joint: &Joint) -> Result {
    let mut line = |name: &str, pairs: u64| {
        let share = 100.0 * pairs as f64 / joint.pairs.max(1) as f64;
        writeln!(f, "{name:<34}{:>9}{share:>10.3} %", thousands(pairs))
    };
    line("both right", joint.both_right)?;
    line("digit right, sum wrong", joint.digit_only)?;
    line("sum right, digit wrong", joint.sum_only)?;
    line("both wrong", joint.neither_right)?;
    line("  of them digit + addend = sum", joint.misread)?;
    line("consistent: digit + addend = sum", joint.consistent)?;
    writeln!(f, "{:<43}{:>10} %", "sum right, given a right digit", three_places(joint.sum_given_digit))?;
    writeln!(f, "{:<43}{:>10} %", "digit right, given a right sum", three_places(joint.digit_given_sum))
}

/// Zeros as dots: what is off the diagonal shall stand out.
fn matrix(f: &mut Formatter<'_>, rows: &[Vec<u64>]) -> Result {
    let largest = rows.iter().flatten().max().copied().unwrap_or(0);
    let width = largest.to_string().len().max(3) + 1;
    write!(f, "   ")?;
    for column in 0..rows.len() {
        write!(f, "{column:>width$}")?;
    }
    writeln!(f)?;
    for (place, row) in rows.iter().enumerate() {
        write!(f, "{place:>3}")?;
        for &pairs in row {
            match pairs {
                0 => write!(f, "{:>width$}", ".")?,
                _ => write!(f, "{pairs:>width$}")?,
            }
        }
        writeln!(f)?;
    }
    Ok(())
}

fn most_frequent_mistakes(f: &mut Formatter<'_>, confusion: &Confusion) -> Result {
    let mistakes = confusion.mistakes();
    if mistakes.is_empty() {
        return Ok(());
    }
    writeln!(f, "\nsums most often mistaken: true, answered, pairs")?;
    for (target, answer, pairs) in mistakes.into_iter().take(MISTAKES) {
        writeln!(f, "{target:>3}{answer:>5}{:>9}", thousands(pairs))?;
    }
    Ok(())
}

fn scores(f: &mut Formatter<'_>, name: &str, classes: &[ClassScores]) -> Result {
    writeln!(f, "\n{name:<6}{:>9}{:>12}{:>9}{:>9}", "pairs", "precision", "recall", "F1")?;
    for class in classes {
        let [precision, recall, f1] = [class.precision, class.recall, class.f1].map(two_places);
        let pairs = thousands(class.pairs);
        writeln!(f, "{:<6}{pairs:>9}{precision:>12}{recall:>9}{f1:>9}", class.class)?;
    }
    Ok(())
}

fn calibration(f: &mut Formatter<'_>, name: &str, head: &HeadAnalysis) -> Result {
    let error = three_places(head.calibration.expected_error);
    writeln!(f, "\ncalibration of the {name}: expected error {error} %")?;
    writeln!(f, "{:<16}{:>9}{:>12}{:>10}", "confidence", "pairs", "mean", "accuracy")?;
    for bin in head.calibration.bins.iter().filter(|bin| bin.pairs > 0) {
        let range = format!("{:.1} to {:.1}", bin.from, bin.to);
        let [confidence, accuracy] = [bin.confidence, bin.accuracy].map(two_places);
        writeln!(f, "{range:<16}{:>9}{confidence:>12}{accuracy:>10}", thousands(bin.pairs))?;
    }
    Ok(())
}

fn errors(f: &mut Formatter<'_>, name: &str, counts: &[ErrorCounts]) -> Result {
    writeln!(f, "\n{:<14}{:>9}{:>9}{:>9}", format!("errors by {name}"), "digit", "sum", "either")?;
    for (place, &ErrorCounts { digit, sum, either, .. }) in counts.iter().enumerate() {
        let [digit, sum, either] = [digit, sum, either].map(thousands);
        writeln!(f, "{place:<14}{digit:>9}{sum:>9}{either:>9}")?;
    }
    Ok(())
}

fn grid(f: &mut Formatter<'_>, counts: &[Vec<ErrorCounts>]) -> Result {
    writeln!(f, "\npairs with an error: rows are digits, columns addends")?;
    let either: Vec<Vec<u64>> =
        counts.iter().map(|row| row.iter().map(|counts| counts.either).collect()).collect();
    matrix(f, &either)
}

fn worst(f: &mut Formatter<'_>, worst: &[WorstImage]) -> Result {
    if worst.is_empty() {
        return writeln!(f, "\nno image fails");
    }
    writeln!(
        f,
        "\nworst images\n{:>7}{:>7}{:>8}{:>16}{:>17}{:>9}",
        "index", "digit", "failed", "digit head", "sum head", "loss"
    )?;
    for image in worst {
        let head = |probabilities: &[f64]| {
            let places: Vec<f32> = probabilities.iter().map(|&probability| probability as f32).collect();
            let best = argmax(&places);
            format!("{best} at {:>5.1} %", 100.0 * places[best])
        };
        let (digit, sum) = (head(&image.digit_probabilities), head(&image.sum_probabilities));
        let failed = format!("{}/{}", image.failed_addends.len(), image.pairs);
        writeln!(
            f,
            "{:>7}{:>7}{failed:>8}{digit:>16}{sum:>17}{:>9.3}",
            image.index, image.digit, image.loss
        )?;
    }
    writeln!(f, "(mean probabilities over the addends; the sum head's, of that digit plus the addend)")
}

fn two_places(share: Option<f64>) -> String {
    share.map_or_else(|| "-".into(), |share| format!("{share:.2}"))
}

fn three_places(share: Option<f64>) -> String {
    share.map_or_else(|| "-".into(), |share| format!("{share:.3}"))
}
