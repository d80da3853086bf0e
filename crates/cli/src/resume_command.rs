//! Commands to type, with every argument quoted for a shell where it has to be.

use std::path::{Path, PathBuf};

use adder_train::ResumeOptions;

use crate::output::is_unprintable;

/// The command that resumes a run, with the options of its last session. What else the session was given, the run remembers.
pub(crate) fn resume_command(run: &Path, options: &ResumeOptions) -> String {
    // A name that begins like an option is none behind a folder.
    let run = if run.as_os_str().as_encoded_bytes().starts_with(b"-") {
        &PathBuf::from(".").join(run)
    } else {
        run
    };
    let words = ["train".into(), "--resume".into(), run.to_string_lossy().into_owned()];
    command(words.into_iter().chain(options.arguments.iter().cloned()))
}

/// The command that this program was started with.
pub(crate) fn this_command() -> String {
    command(std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()))
}

/// A command of this program.
pub(crate) fn command_line<const N: usize>(words: [&str; N]) -> String {
    command(words.into_iter().map(str::to_owned))
}

fn command(words: impl Iterator<Item = String>) -> String {
    std::iter::once("adder".to_owned()).chain(words.map(quoted)).collect::<Vec<_>>().join(" ")
}

/// A word for a shell. What a terminal would obey is written as `$'\012'`, which shells read since POSIX of 2024, most of them long before.
fn quoted(word: String) -> String {
    if word.contains(is_unprintable) {
        let escape = |character: char| match character {
            '\\' | '\'' => format!("\\{character}"),
            _ if is_unprintable(character) => {
                character.to_string().bytes().map(|byte| format!("\\{byte:03o}")).collect()
            }
            _ => character.to_string(),
        };
        return format!("$'{}'", word.chars().map(escape).collect::<String>());
    }
    match shlex::try_quote(&word) {
        Ok(quoted) => quoted.into_owned(),
        // No argument of a program holds the character NUL, which alone cannot be quoted.
        Err(_) => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_what_a_shell_reads() {
        let arguments = ["--threads", "2", "--quiet"].map(str::to_owned).to_vec();
        let options = ResumeOptions { tensorboard: true, arguments: arguments.clone() };
        for run in ["runs/one", "my runs/it's \"one\"", "$HOME/`x`", "a\\b", "über uns", "*", "~"] {
            let printed = resume_command(Path::new(run), &options);
            let words = shlex::split(&printed).unwrap();
            assert_eq!(words[..4], ["adder", "train", "--resume", run], "{printed}");
            assert_eq!(words[4..], arguments, "{printed}");
        }
        let none = ResumeOptions::default();
        let (odd, shown) = ("it's\n\u{1b}[1m \\ \u{202e}", r"$'it\'s\012\033[1m \\ \342\200\256'");
        assert_eq!(resume_command(Path::new(odd), &none), format!("adder train --resume {shown}"));
        assert_eq!(resume_command(Path::new("runs/one"), &none), "adder train --resume runs/one");
        assert_eq!(resume_command(Path::new("-x"), &none), "adder train --resume ./-x");
    }
}
