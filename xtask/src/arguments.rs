//! The command line: `cargo xtask [--features LIST] [--no-default-features] COMMAND [ARGS]`.

use crate::help;
use crate::process::Failure;

/// The commands of `adder` that xtask passes on, with what its help says of each.
const ADDER: &[(&str, &str)] = &[
    ("train", "train on the full MNIST and evaluate"),
    ("repeat", "train with several seeds and show the spread"),
    ("lr-find", "find a learning rate by a range test"),
    ("sweep", "search over values of the configuration"),
    ("eval", "evaluate a run or a weights file"),
    ("predict", "digit and sum of images"),
    ("serve", "answer over HTTP, with a page to draw on"),
    ("export", "a trained network for ONNX runtimes or PyTorch"),
    ("import", "a network that PyTorch trained"),
    ("summary", "the network, layer by layer"),
    ("data", "what the data sets hold, with samples"),
    ("report", "a run as a page to look at, or a comparison of several"),
    ("runs", "the runs that there are"),
    ("completions", "what a shell needs to complete adder's commands"),
    ("man", "the manual pages of adder"),
];

/// A command of xtask.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The command of `adder` by this name.
    Adder(&'static str),
    /// The criterion benches.
    Bench,
    /// The comparison with PyTorch and ONNX Runtime.
    Peers,
    /// The page as a folder.
    Page,
    /// The page in a browser.
    E2e,
    /// The fuzz targets.
    Fuzz,
    /// Tests under the address sanitizer.
    Sanitize,
    /// The search for files of a crate that need each other.
    Circles,
    /// Kills and errors at every moment.
    Torture,
    /// The checks of a submission.
    Ci,
    /// The help on standard output.
    Help,
    /// The help of one command on standard output.
    HelpOf(String),
}

/// A command line, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Invocation {
    /// Cargo's options for what to compile in, as cargo takes them.
    pub(crate) selection: Vec<String>,
    /// The command.
    pub(crate) action: Action,
    /// The arguments that are passed on as they stand.
    pub(crate) arguments: Vec<String>,
}

impl Invocation {
    /// Takes the command line apart, without the program's own name.
    pub(crate) fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, Failure> {
        let mut words = words.into_iter();
        let mut selection = Vec::new();
        let command = loop {
            let word = words.next().ok_or("no command given")?;
            match word.as_str() {
                "--features" => {
                    let list =
                        words.next().ok_or("--features needs a list, as in `--features cuda,cudnn`")?;
                    selection.extend([word, list]);
                }
                "--no-default-features" => selection.push(word),
                other if other.starts_with("--features=") => selection.push(word),
                "-h" | "--help" => break "help".to_owned(),
                other if other.starts_with('-') => return Err(format!("unknown option `{other}`")),
                _ => break word,
            }
        };
        let mut arguments: Vec<String> = words.collect();
        let action = match command.as_str() {
            "bench" if arguments.first().is_some_and(|first| first == "--peers") => {
                arguments.remove(0);
                Action::Peers
            }
            "bench" => Action::Bench,
            "page" => Action::Page,
            "e2e" => Action::E2e,
            "fuzz" => Action::Fuzz,
            "sanitize" => Action::Sanitize,
            "circles" => Action::Circles,
            "torture" => Action::Torture,
            "ci" => Action::Ci,
            "help" => match arguments.first() {
                None => Action::Help,
                // `help train` is `train --help`.
                Some(_) => {
                    arguments.push("--help".to_owned());
                    return Self::parse(selection.into_iter().chain(arguments));
                }
            },
            other => match ADDER.iter().find(|(name, _)| *name == other) {
                Some((name, _)) => Action::Adder(name),
                None => return Err(format!("unknown command `{other}`")),
            },
        };
        let action = match help::of(&command) {
            Some(help) if action != Action::Peers && arguments.iter().any(|word| is_help(word)) => {
                Action::HelpOf(help)
            }
            _ => action,
        };
        check(&action, &arguments)?;
        Ok(Self { selection, action, arguments })
    }
}

fn is_help(word: &str) -> bool {
    word == "-h" || word == "--help"
}

/// Refuses arguments that a command would not look at, before it builds for minutes.
fn check(action: &Action, arguments: &[String]) -> Result<(), Failure> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match (action, &words[..]) {
        (Action::Circles, [first, ..]) => Err(format!("circles takes no arguments, found `{first}`")),
        (Action::Page, [option, ..]) if option.starts_with('-') => {
            Err(format!("page has no option `{option}`"))
        }
        (Action::Page, [_, second, ..]) => {
            Err(format!("page takes one run or file, found `{second}` as well"))
        }
        (Action::E2e, [] | ["--shots", _]) => Ok(()),
        (Action::E2e, [first, ..]) => Err(format!("e2e takes `--shots DIR` alone, found `{first}`")),
        _ => Ok(()),
    }
}

/// The help text, with a line for each command.
pub(crate) fn help() -> String {
    let adder: String = ADDER.iter().map(|(name, what)| format!("  {name:<11} {what}\n")).collect();
    format!(
        "\
Usage: cargo xtask [OPTIONS] COMMAND [ARGS]

Commands of adder, built in release; ARGS are passed on, see `cargo xtask train --help`:
{adder}
Commands of the workspace, each with a --help of its own:
{own}
Options, before the command:
  --features LIST          compile in cuda, cudnn, metal, accelerate, mkl or hub
  --no-default-features    leave out what is compiled in by default
",
        own = help::lines()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Invocation, Failure> {
        Invocation::parse(line.split_whitespace().map(str::to_owned))
    }

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn everything_behind_a_command_is_passed_on() {
        let parsed = parse("train --features x --help -- --epochs 2").unwrap();
        assert_eq!(parsed.action, Action::Adder("train"));
        assert_eq!(parsed.arguments, words("--features x --help -- --epochs 2"));
        assert!(parsed.selection.is_empty());
    }

    #[test]
    fn what_to_compile_in_stands_before_the_command() {
        let parsed = parse("--features cuda,cudnn --no-default-features --features=hub eval --json").unwrap();
        assert_eq!(parsed.selection, words("--features cuda,cudnn --no-default-features --features=hub"));
        assert_eq!((parsed.action, parsed.arguments), (Action::Adder("eval"), words("--json")));
    }

    #[test]
    fn peers_is_a_bench_of_its_own() {
        assert_eq!(parse("bench conv --quick").unwrap().action, Action::Bench);
        let parsed = parse("bench --peers --rounds 3").unwrap();
        assert_eq!((parsed.action, parsed.arguments), (Action::Peers, words("--rounds 3")));
    }

    #[test]
    fn help_is_asked_for_in_three_ways_and_names_every_command() {
        for line in ["help", "--help", "-h", "--features cuda --help"] {
            assert_eq!(parse(line).unwrap().action, Action::Help, "{line}");
        }
        let help = help();
        for name in ADDER
            .iter()
            .map(|(name, _)| *name)
            .chain(["bench", "page", "e2e", "fuzz", "sanitize", "circles", "torture", "ci", "help"])
        {
            assert!(help.contains(&format!("\n  {name} ")), "{name}");
            assert!(parse(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn every_command_of_the_workspace_explains_itself_before_it_builds() {
        for name in ["bench", "page", "e2e", "fuzz", "sanitize", "circles", "torture", "ci"] {
            for line in [format!("{name} --help"), format!("{name} -h"), format!("help {name}")] {
                let Action::HelpOf(help) = parse(&line).unwrap().action else { panic!("{line}") };
                assert!(help.starts_with(&format!("Usage: cargo xtask {name}")), "{help}");
            }
        }
        // Programs that have a help of their own give it.
        assert_eq!(parse("bench --peers --help").unwrap().action, Action::Peers);
        let parsed = parse("help train").unwrap();
        assert_eq!((parsed.action, parsed.arguments), (Action::Adder("train"), words("--help")));
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for (line, problem) in [
            ("circles cli", "circles takes no arguments, found `cli`"),
            ("page --out x", "page has no option `--out`"),
            ("page runs/a runs/b", "page takes one run or file, found `runs/b` as well"),
            ("e2e --shot x", "e2e takes `--shots DIR` alone, found `--shot`"),
            ("help trian", "unknown command `trian`"),
            ("", "no command given"),
            ("--features cuda", "no command given"),
            ("trian", "unknown command `trian`"),
            ("--release train", "unknown option `--release`"),
            ("--features", "--features needs a list, as in `--features cuda,cudnn`"),
        ] {
            assert_eq!(parse(line).unwrap_err(), problem, "{line}");
        }
    }
}
