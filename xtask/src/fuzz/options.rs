//! The arguments of `cargo xtask fuzz`.

use std::path::PathBuf;

use crate::process::Failure;

/// The time for each target where none is given, in seconds.
const SECONDS: u64 = 60;

/// What is to be run, and for how long.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Options {
    /// The time for each target, in seconds.
    pub(super) seconds: u64,
    /// The folder that keeps what was found new, another one than `target/fuzz/corpus`.
    pub(super) corpus: Option<PathBuf>,
    /// Whether the address sanitizer is compiled in.
    pub(super) address: bool,
    /// The targets, in the order in which they run.
    pub(super) targets: Vec<String>,
}

impl Options {
    /// Takes the arguments apart; `names` are the targets that there are.
    pub(super) fn parse(arguments: &[String], names: &[String]) -> Result<Self, Failure> {
        let mut options = Self { seconds: SECONDS, corpus: None, address: false, targets: Vec::new() };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("fuzz: {word} needs a value"));
            match word.as_str() {
                "--seconds" => options.seconds = seconds(value()?)?,
                "--corpus" => options.corpus = Some(value()?.into()),
                "--sanitizer" => match value()?.as_str() {
                    "address" => options.address = true,
                    other => return Err(format!("fuzz: --sanitizer: expected address, found {other}")),
                },
                name if names.iter().any(|known| known == name) => options.targets.push(name.to_owned()),
                other => {
                    return Err(format!("fuzz has no target `{other}`; there are {}", names.join(", ")));
                }
            }
        }
        if options.targets.is_empty() {
            options.targets = names.to_vec();
        }
        Ok(options)
    }
}

/// A time in seconds; libFuzzer would take zero as no limit.
fn seconds(text: &str) -> Result<u64, Failure> {
    match text.parse() {
        Ok(seconds) if seconds > 0 => Ok(seconds),
        _ => Err(format!("fuzz: --seconds: expected a whole number from 1, found {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, Failure> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::parse(&words, &["idx", "picture"].map(str::to_owned))
    }

    #[test]
    fn targets_and_times_are_taken_in_any_order() {
        let all = parse("").unwrap();
        assert_eq!((all.seconds, all.targets.len(), all.address), (SECONDS, 2, false));
        let one = parse("picture --seconds 7 --sanitizer address --corpus far/away").unwrap();
        assert_eq!((one.seconds, one.address), (7, true));
        assert_eq!((one.targets, one.corpus), (vec!["picture".to_owned()], Some("far/away".into())));
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for (line, problem) in [
            ("pictures", "fuzz has no target `pictures`; there are idx, picture"),
            ("--seconds", "fuzz: --seconds needs a value"),
            ("--seconds 0", "fuzz: --seconds: expected a whole number from 1, found 0"),
            ("--sanitizer memory", "fuzz: --sanitizer: expected address, found memory"),
        ] {
            assert_eq!(parse(line).unwrap_err(), problem, "{line}");
        }
    }
}
