//! The options of `cargo xtask torture`.

use crate::process::Failure;
use std::path::PathBuf;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Kills in all: at calls of the system, and at random moments for the rest.
    pub(crate) kills: usize,
    /// A few cases of every kind.
    pub(crate) short: bool,
    /// What the random moments are drawn from.
    pub(crate) seed: u64,
    /// The one case to try, by its name, or all whose names begin with it.
    pub(crate) only: Option<String>,
    /// The binary, else it is built.
    pub(crate) adder: Option<PathBuf>,
    /// Random kills alone, which need no strace.
    pub(crate) without_strace: bool,
}

pub(crate) const HELP: &str = "\
Usage: cargo xtask torture [OPTIONS]

Disturbs short trainings, exports and other commands that write, lets every next command go on from what is left, and
compares the result bit by bit with the undisturbed one. Runs on Linux, with strace.

Options:
  --kills N          kills in all: at every call by which files change, and at random moments for the rest [default: 1000]
  --short            a few cases of every kind, under a minute
  --seed N           what random moments are drawn from [default: 1]; a scheduler has its share in them
  --only NAME        the case of this name, or all whose names begin with it; a case that fails is printed with it
  --adder PATH       the binary to disturb [default: it is built, as for the tests]
  --without-strace   leave out what needs strace
  --help             print this
";

impl Options {
    /// Takes the words behind `torture` apart.
    pub(crate) fn parse(words: &[String]) -> Result<Self, Failure> {
        let mut options =
            Self { kills: 1000, short: false, seed: 1, only: None, adder: None, without_strace: false };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--kills" => options.kills = number(word, value()?)?,
                "--seed" => options.seed = number(word, value()?)?,
                "--only" => options.only = Some(value()?.clone()),
                "--adder" => options.adder = Some(value()?.into()),
                "--short" => options.short = true,
                "--without-strace" => options.without_strace = true,
                other => return Err(format!("torture has no option `{other}`\n\n{HELP}")),
            }
        }
        Ok(options)
    }
}

fn number<N: std::str::FromStr>(name: &str, word: &str) -> Result<N, Failure> {
    word.parse().map_err(|_| format!("{name} needs a number, found `{word}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, Failure> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_are_read_and_others_refused() {
        let options = parse("--short --kills 50 --seed 7 --only train:kill --adder a/b").unwrap();
        assert!(options.short && !options.without_strace);
        assert_eq!((options.kills, options.seed), (50, 7));
        assert_eq!(options.only.as_deref(), Some("train:kill"));
        assert_eq!(parse("--kills many").unwrap_err(), "--kills needs a number, found `many`");
        assert_eq!(parse("--seed").unwrap_err(), "--seed needs a value");
        assert!(parse("--long").unwrap_err().starts_with("torture has no option `--long`"));
    }
}
