//! Interleaved rounds and their statistics.

use anyhow::Result;

use super::competitor::Competitor;

/// The length of a measurement.
#[derive(Clone, Copy, Debug)]
pub struct Length {
    /// Rounds, in each of which everyone runs once.
    pub rounds: usize,
    /// Seconds that a competitor runs in a round, about.
    pub seconds: f64,
}

/// The seconds a step took a competitor, in each round.
#[derive(Clone, Debug, PartialEq)]
pub struct Times(Vec<f64>);

impl Times {
    /// The seconds of at least one round, one value for each.
    ///
    /// # Panics
    /// If there is none.
    pub fn new(mut seconds: Vec<f64>) -> Self {
        assert!(!seconds.is_empty(), "times of no round");
        seconds.sort_by(f64::total_cmp);
        Self(seconds)
    }

    /// The shortest.
    pub fn best(&self) -> f64 {
        self.0[0]
    }

    /// As many are shorter as are longer.
    pub fn median(&self) -> f64 {
        let (low, high) = ((self.0.len() - 1) / 2, self.0.len() / 2);
        (self.0[low] + self.0[high]) / 2.0
    }
}

/// Times everyone: `rounds` rounds, each beginning with another competitor.
///
/// # Errors
/// Where one of them ends or breaks the protocol.
pub fn interleaved(competitors: &mut [Competitor], length: Length) -> Result<Vec<Times>> {
    let mut steps = Vec::with_capacity(competitors.len());
    for competitor in &mut *competitors {
        steps.push(steps_in(competitor, length.seconds)?);
    }
    let mut seconds = vec![Vec::with_capacity(length.rounds); competitors.len()];
    for round in 0..length.rounds {
        for turn in 0..competitors.len() {
            let place = (round + turn) % competitors.len();
            let all = competitors[place].run(steps[place])?;
            seconds[place].push(all / steps[place] as f64);
        }
    }
    Ok(seconds.into_iter().map(Times::new).collect())
}

/// The number of steps that fill about `seconds`.
fn steps_in(competitor: &mut Competitor, seconds: f64) -> Result<u64> {
    let mut steps = 1;
    loop {
        let taken = competitor.run(steps)?;
        // A fifth of the time tells enough of it.
        if taken >= seconds / 5.0 {
            return Ok(((steps as f64 * seconds / taken).round() as u64).max(1));
        }
        steps *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_of_the_sorted_times() {
        assert_eq!(Times::new(vec![3.0, 1.0, 2.0]).median(), 2.0);
        assert_eq!(Times::new(vec![4.0, 1.0, 2.0, 3.0]).median(), 2.5);
        assert_eq!(Times::new(vec![4.0, 1.0, 2.0]).best(), 1.0);
    }

    #[cfg(unix)]
    #[test]
    fn everyone_runs_once_a_round_for_about_the_time() {
        // It takes a hundredth of a second a step, and says so without waiting.
        let script =
            r#"echo READY x; while read _ n; do echo "SECONDS $n" | awk '{ print $1, $2 / 100 }'; done"#;
        let log = std::env::temp_dir().join(format!("adder-rounds-{}.log", std::process::id()));
        let start = |name| {
            let mut command = std::process::Command::new("sh");
            command.args(["-c", script]);
            Competitor::start(name, command, &log).unwrap()
        };
        let mut competitors = [start("a"), start("b")];
        assert_eq!(steps_in(&mut competitors[0], 0.8).unwrap(), 80);
        let times = interleaved(&mut competitors, Length { rounds: 3, seconds: 0.1 }).unwrap();
        assert_eq!(times, vec![Times::new(vec![0.01; 3]); 2]);
    }
}
