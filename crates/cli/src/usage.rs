//! Errors of the command line: clap's words, with tips that are right for names of files and without characters that command a
//! terminal.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::builder::{StyledStr, ValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory, Error, FromArgMatches, Id};

use crate::args::Cli;
use crate::output::{escaped, shown};

/// The parts of an error that hold what was typed.
const TYPED: [ContextKind; 3] =
    [ContextKind::InvalidArg, ContextKind::InvalidValue, ContextKind::InvalidSubcommand];

/// The command line of this process. Where it cannot be, or asks for help, the process ends.
pub(crate) fn parse() -> Cli {
    let mut command = command();
    let matches = command.try_get_matches_from_mut(std::env::args_os());
    let parsed = matches.and_then(|mut matches| {
        Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    });
    parsed.unwrap_or_else(|error| explained(error, std::env::args_os().skip(1).collect()).exit())
}

/// The command line as help and manual pages show it: what every command takes is explained once, at the top, and the others lead there.
pub(crate) fn command() -> Command {
    let mut cli = Cli::command();
    // The options of every command are given to the others when it is built.
    cli.build();
    let globals: Vec<&Arg> = cli.get_arguments().filter(|option| option.is_global_set()).collect();
    let names: Vec<_> =
        globals.iter().filter_map(|option| Some(format!("--{}", option.get_long()?))).collect();
    let pointer = format!("Options of every command: {}; see `adder --help`", names.join(", "));
    let globals: Vec<Id> = globals.iter().map(|option| option.get_id().clone()).collect();
    without(cli, &globals, &pointer)
}

/// The same with `options` hidden in the commands below, and a pointer to them in place.
fn without(command: Command, options: &[Id], pointer: &str) -> Command {
    command.mut_subcommands(|command| {
        if command.get_name() == "help" {
            return command;
        }
        let command = command.mut_args(|option| {
            let hidden = options.contains(option.get_id());
            if hidden { option.hide(true) } else { option }
        });
        let end = match command.get_after_help() {
            Some(own) => format!("{own}\n\n{pointer}"),
            None => pointer.to_owned(),
        };
        without(command.after_help(end), options, pointer)
    })
}

/// The error with its tip and its names set right; `words` were typed.
fn explained(mut error: Error, words: Vec<OsString>) -> Error {
    // What is similar to an option was meant as one.
    if error.kind() == ErrorKind::UnknownArgument && error.get(ContextKind::SuggestedArg).is_none() {
        let tips = tip(&error, &words).map(StyledStr::from).into_iter().collect();
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    }
    for kind in TYPED {
        if let Some(ContextValue::String(text)) = error.get(kind) {
            let text = escaped(text).into_owned();
            error.insert(kind, ContextValue::String(text));
        }
    }
    error
}

/// How a name that begins like an option is given. clap knows the letter that it took for an option, and not the word.
fn tip(error: &Error, words: &[OsString]) -> Option<String> {
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else { return None };
    let at = words.iter().position(|word| is_meant(word, argument))?;
    let name = shown(Path::new(&words[at]));
    let cli = Cli::command();
    let command = words.iter().find_map(|word| cli.find_subcommand(word))?;
    let before = at.checked_sub(1).and_then(|before| words[before].to_str());
    let flag = before.and_then(|word| word.strip_prefix("--"));
    let option = cli
        .get_arguments()
        .chain(command.get_arguments())
        .find(|option| flag.is_some() && option.get_long() == flag && option.get_action().takes_values());
    match option {
        Some(option) if is_name(option) => {
            Some(format!("to pass '{name}' as a name, use '--{}=./{name}'", flag.unwrap_or_default()))
        }
        Some(_) => None,
        None => command
            .get_positionals()
            .next()
            .map(|_| format!("to pass '{name}' as a name, use './{name}' or, at the end, '-- {name}'")),
    }
}

/// Whether an option takes the name of a file.
fn is_name(option: &Arg) -> bool {
    let names = [ValueParser::path_buf().type_id(), ValueParser::string().type_id()];
    names.contains(&option.get_value_parser().type_id())
}

/// Whether a word is the one of which clap names `argument`: an option, or the letter of one.
fn is_meant(word: &OsStr, argument: &str) -> bool {
    let word = word.to_string_lossy();
    match argument.strip_prefix('-') {
        Some(letter) if !argument.starts_with("--") => {
            word.starts_with('-') && !word.starts_with("--") && word.contains(letter)
        }
        _ => word.split('=').next() == Some(argument),
    }
}
