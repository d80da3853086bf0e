//! Errors as messages and exit codes.

use std::process::ExitCode;

use adder_experiment::SeriesError;
use adder_experiment::sweep::SweepError;
use adder_export::FileProblem;
use adder_train::ConfigError;

use crate::output::say;
use crate::run_problem;

/// Something failed.
pub(crate) const FAILED: u8 = 1;
/// The command line or the configuration cannot be.
const USAGE: u8 = 2;
/// Everything was read, and of something there is no answer.
pub(crate) const UNANSWERED: u8 = 3;

/// A command line whose parts do not fit together.
#[derive(Debug)]
pub(crate) struct UsageError(pub(crate) String);

impl std::fmt::Display for UsageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// An error after which something can be done.
#[derive(Debug)]
pub(crate) struct Hinted {
    pub(crate) error: anyhow::Error,
    pub(crate) hint: String,
}

impl std::fmt::Display for Hinted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Hinted {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.error.as_ref())
    }
}

/// Says on standard error what went wrong and what might help.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    // A reader that has seen enough, such as `head`, is no failure.
    let broken_pipe = |cause: &(dyn std::error::Error + 'static)| {
        let io = cause.downcast_ref::<std::io::Error>();
        io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(broken_pipe) {
        return ExitCode::SUCCESS;
    }
    say(format_args!("error: {}", message(error)));
    if let Some(hint) = hint(error) {
        say(format_args!("hint: {hint}"));
    }
    ExitCode::from(if is_usage(error) { USAGE } else { FAILED })
}

/// The error and its causes. Libraries differ in whether an error's words hold its cause's; each is said once.
pub(crate) fn message(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.ends_with(&cause) {
            text += ": ";
            text += &cause;
        }
    }
    text
}

fn is_usage(error: &anyhow::Error) -> bool {
    let of_sweep = matches!(
        error.downcast_ref(),
        Some(SweepError::Dimension { .. } | SweepError::Plan(_) | SweepError::Config(_))
    );
    let key = match error.downcast_ref() {
        Some(adder_export::Error::File { problem, .. }) => {
            matches!(**problem, FileProblem::Key { .. } | FileProblem::NoKey(_))
        }
        _ => false,
    };
    of_sweep || key || error.is::<UsageError>() || error.is::<ConfigError>()
}

/// The thing to do after an error, where there is one.
pub(crate) fn hint(error: &anyhow::Error) -> Option<String> {
    if let Some(Hinted { hint, .. }) = error.downcast_ref() {
        return Some(hint.clone());
    }
    let other_run = matches!(error.downcast_ref(), Some(SeriesError::OtherRun(_)));
    if other_run || matches!(error.downcast_ref(), Some(SweepError::OtherSweep(_))) {
        return Some("--out names another folder".into());
    }
    run_problem::hint(error)
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_hint_changes_no_word_of_the_error() {
        let error = anyhow!("no such file").context("a.png: cannot be read");
        let words = message(&error);
        let hinted = anyhow::Error::new(Hinted { error, hint: "look elsewhere".into() });
        assert_eq!(message(&hinted), words);
        assert_eq!(hint(&hinted).as_deref(), Some("look elsewhere"));
    }

    #[test]
    fn a_cause_is_said_once() {
        let told = anyhow!("no such file").context("a.png: cannot be read: no such file");
        assert_eq!(message(&told), "a.png: cannot be read: no such file");
        let apart = anyhow!("no such file").context("a.png: cannot be read");
        assert_eq!(message(&apart), "a.png: cannot be read: no such file");
    }
}
