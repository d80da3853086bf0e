//! The recipes that are built into the program.

use super::error::ConfigError;
use super::suggest::nearest;

/// A named, documented configuration: a TOML file whose header says the command, the expected accuracy and the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// The name that `--recipe` takes.
    pub name: &'static str,
    /// The file, comments and all.
    pub toml: &'static str,
}

impl Recipe {
    /// All recipes; the first is the default.
    pub const ALL: [Self; 5] = [
        Self { name: "default", toml: include_str!("../../recipes/default.toml") },
        Self { name: "notebook", toml: include_str!("../../recipes/notebook.toml") },
        Self { name: "fast", toml: include_str!("../../recipes/fast.toml") },
        Self { name: "best", toml: include_str!("../../recipes/best.toml") },
        Self { name: "accurate", toml: include_str!("../../recipes/accurate.toml") },
    ];

    /// The recipe of that name.
    ///
    /// # Errors
    /// [`ConfigError::UnknownRecipe`] with the nearest name.
    pub fn find(name: &str) -> Result<Self, ConfigError> {
        Self::ALL.into_iter().find(|recipe| recipe.name == name).ok_or_else(|| ConfigError::UnknownRecipe {
            name: name.into(),
            suggestion: nearest(name, Self::ALL.iter().map(|recipe| recipe.name)),
            known: Self::ALL.iter().map(|recipe| recipe.name.into()).collect(),
        })
    }
}
