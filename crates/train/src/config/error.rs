//! Errors of a configuration, and the source that each comes from.

use std::fmt;
use std::path::PathBuf;

use crate::files::FileError;

/// The source of a part of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A recipe that is built in.
    Recipe(String),
    /// A TOML file.
    File(PathBuf),
    /// `key=value` as given to `--set`.
    Assignment(String),
    /// The flag of a common key, such as `--epochs`.
    Flag(String),
    /// [`Config::default`](super::Config::default).
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recipe(name) => write!(f, "recipe {name}"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Assignment(text) => write!(f, "--set {text}"),
            Self::Flag(name) => f.write_str(name),
            Self::Default => f.write_str("default configuration"),
        }
    }
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The text is not TOML.
    #[error("{origin}: {message}")]
    Syntax {
        /// The file.
        origin: Origin,
        /// Line, column and reason.
        message: String,
    },
    /// An assignment is not of the form `key=value`.
    #[error("--set {text}: expected KEY=VALUE, such as optimizer.momentum=0.9")]
    Assignment {
        /// The text as given.
        text: String,
    },
    /// No recipe has this name.
    #[error("unknown recipe `{name}`; {}", hint(suggestion, known))]
    UnknownRecipe {
        /// The name as given.
        name: String,
        /// The known name that is nearest to it.
        suggestion: Option<String>,
        /// All recipes.
        known: Vec<String>,
    },
    /// No such key exists.
    #[error("{origin}: unknown key `{key}`; {}", hint(suggestion, known))]
    UnknownKey {
        /// The source that has it.
        origin: Origin,
        /// The dotted key.
        key: String,
        /// The known dotted key that is nearest to it.
        suggestion: Option<String>,
        /// The keys of that section.
        known: Vec<String>,
    },
    /// A value has the wrong type or is out of its range.
    #[error("{origin}: {key}: expected {expected}, found {found}")]
    Value {
        /// The source of the value.
        origin: Origin,
        /// The dotted key.
        key: String,
        /// The values that the key takes.
        expected: String,
        /// The value that it was given.
        found: String,
    },
    /// A value was refused for another reason.
    #[error("{origin}: {key}: {message}")]
    Other {
        /// The source of the value.
        origin: Origin,
        /// The dotted key.
        key: String,
        /// The reason.
        message: String,
    },
}

fn hint(suggestion: &Option<String>, known: &[String]) -> String {
    match suggestion {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("known are {}", known.join(", ")),
    }
}
