//! Counts of answers, and the table of them.

use std::fmt;

use adder_photo::cases::Expected;

use crate::answer::Judgment;

/// The answers to the pictures of one kind, or of several.
#[derive(Clone, Debug, Default)]
pub(crate) struct Total {
    pub(crate) pictures: usize,
    /// By [`Judgment`], in its order.
    counts: [usize; 6],
    pub(crate) wrong_undoubted: usize,
    /// Pictures of one digit that nobody would doubt, how many of them were read, how many of those with a doubt, and how many
    /// were refused as none or as several.
    pub(crate) clear: usize,
    pub(crate) clear_right: usize,
    pub(crate) clear_doubted: usize,
    pub(crate) clear_refused: usize,
    /// Pictures of several digits, and how many of them were read digit by digit.
    several: usize,
    several_read: usize,
}

impl Total {
    pub(crate) fn add(&mut self, expected: &Expected, judgment: Judgment) {
        self.pictures += 1;
        self.counts[judgment as usize] += 1;
        self.wrong_undoubted += usize::from(judgment == Judgment::Wrong);
        if matches!(expected, Expected::Digit(_)) {
            let is = |wanted: &[Judgment]| usize::from(wanted.contains(&judgment));
            self.clear += 1;
            self.clear_right += is(&[Judgment::Right, Judgment::RightDoubted]);
            self.clear_doubted += is(&[Judgment::RightDoubted]);
            self.clear_refused += is(&[Judgment::Several, Judgment::Nothing]);
        }
    }

    /// Counts a picture of several digits that were read one by one, or not.
    pub(crate) fn add_each(&mut self, read: bool) {
        self.several += 1;
        self.several_read += usize::from(read);
    }

    fn join(&mut self, other: &Self) {
        self.pictures += other.pictures;
        self.counts.iter_mut().zip(other.counts).for_each(|(sum, count)| *sum += count);
        self.wrong_undoubted += other.wrong_undoubted;
        self.clear += other.clear;
        self.clear_right += other.clear_right;
        self.clear_doubted += other.clear_doubted;
        self.clear_refused += other.clear_refused;
        self.several += other.several;
        self.several_read += other.several_read;
    }

    /// The share of wrong answers without a doubt among all, in percent.
    pub(crate) fn wrong_share(&self) -> f64 {
        percent(self.wrong_undoubted, self.pictures)
    }

    /// The share of right answers among all, doubted or not, in percent.
    pub(crate) fn right_share(&self) -> f64 {
        percent(
            self.counts[Judgment::Right as usize] + self.counts[Judgment::RightDoubted as usize],
            self.pictures,
        )
    }

    /// The share of those with a doubt among the right answers to clear pictures, in percent.
    pub(crate) fn doubted_share(&self) -> f64 {
        percent(self.clear_doubted, self.clear_right)
    }
}

fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

/// The answers kind by kind, with their sum.
pub(crate) struct Table {
    pub(crate) title: String,
    rows: Vec<(String, Total)>,
    pub(crate) sum: Total,
}

impl Table {
    pub(crate) fn new(title: &str, rows: Vec<(String, Total)>) -> Self {
        let mut sum = Total::default();
        rows.iter().for_each(|(_, row)| sum.join(row));
        Self { title: title.into(), rows, sum }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{}\n", self.title)?;
        writeln!(
            f,
            "| kind | n | right | right, doubted | wrong, doubted | wrong, no doubt | several | nothing |"
        )?;
        writeln!(f, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
        let all = ("all".to_string(), self.sum.clone());
        for (name, row) in self.rows.iter().chain([&all]) {
            write!(f, "| {name} | {}", row.pictures)?;
            for &count in &row.counts {
                match count {
                    0 => write!(f, " |")?,
                    count => write!(f, " | {count}")?,
                }
            }
            writeln!(f, " |")?;
        }
        let Total { pictures, wrong_undoubted, several, several_read, .. } = self.sum;
        let Total { clear, clear_right, clear_doubted, clear_refused, .. } = self.sum;
        let refused = percent(clear_refused, clear);
        writeln!(
            f,
            "\nwrong and undoubted: {wrong_undoubted} of {pictures} ({:.2} %)",
            self.sum.wrong_share()
        )?;
        writeln!(
            f,
            "right but doubted: {clear_doubted} of {clear_right} ({:.2} %)",
            self.sum.doubted_share()
        )?;
        writeln!(f, "clear but refused: {clear_refused} of {clear} ({refused:.2} %)")?;
        if several > 0 {
            let read = percent(several_read, several);
            writeln!(f, "several, each of them read: {several_read} of {several} ({read:.2} %)")?;
        }
        Ok(())
    }
}
