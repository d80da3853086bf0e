//! Merging what the recipe, a file and the command line say into one configuration.

use std::num::IntErrorKind;
use std::path::Path;

use adder_model::ModelConfig;
use toml::{Table, Value};

use super::Config;
use super::deserializer::{Problem, ProblemKind, from_table};
use super::error::{ConfigError, Origin};
use super::recipe::Recipe;
use super::seed::read_whole_number;
use super::suggest::nearest_key;
use crate::files;
use crate::range::Invalid;

/// Keys that had another name: their section, the old name and the new one.
const RENAMED: [(&str, &str, &str); 2] =
    [("training", "average_decay", "ema_decay"), ("distillation", "consistent", "marginalize")];

/// The section that describes the network.
const MODEL: &str = "model";
/// Its key that takes the place of all others, but for the other.
const LAYERS: &str = "layers";
const BESIDE_LAYERS: [&str; 2] = [LAYERS, "sum_head"];

/// The sources of a configuration in increasing order of precedence: of two that give the same key, the later one counts. A
/// table is merged key by key; any other value, arrays too, is replaced.
///
/// A program adds them in this order: recipe, file, `--set` as given, flags. A key that none of them gives is as in
/// [`Config::default`]. Keys that were renamed are read under their old names too.
///
/// ```
/// # fn main() -> Result<(), adder_train::config::ConfigError> {
/// use adder_train::config::ConfigSources;
///
/// let mut sources = ConfigSources::default();
/// sources.add_recipe("notebook")?;
/// sources.add_assignment("optimizer.momentum=0.8")?;
/// sources.add_flag("--epochs", "training.epochs", 3);
/// let config = sources.resolve()?;
/// assert_eq!((config.optimizer.momentum, config.training.epochs), (0.8, 3));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct ConfigSources(Vec<(Origin, Table)>);

impl ConfigSources {
    /// Adds a recipe that is built in.
    ///
    /// # Errors
    /// [`ConfigError::UnknownRecipe`] where there is none of that name.
    pub fn add_recipe(&mut self, name: &str) -> Result<(), ConfigError> {
        let recipe = Recipe::find(name)?;
        self.add_toml(Origin::Recipe(name.into()), recipe.toml)
    }

    /// Adds a TOML file, which may hold any part of a configuration.
    ///
    /// # Errors
    /// [`ConfigError::File`] and [`ConfigError::Syntax`]; what the keys hold is checked by [`resolve`](Self::resolve).
    pub fn add_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = files::read_text(path)?;
        self.add_toml(Origin::File(path.into()), &text)
    }

    /// Adds one `key=value`, the key dotted and the value written as in TOML. What is no TOML value is taken as text, so
    /// that a shell's user need not quote twice: `training.evaluate=best`.
    ///
    /// # Errors
    /// [`ConfigError::Assignment`] where there is no `=` or the key has an empty part.
    pub fn add_assignment(&mut self, text: &str) -> Result<(), ConfigError> {
        let malformed = || ConfigError::Assignment { text: text.into() };
        let (key, value) = text.split_once('=').ok_or_else(malformed)?;
        let (key, value) = (key.trim(), value.trim());
        if key.split('.').any(str::is_empty) {
            return Err(malformed());
        }
        let origin = Origin::Assignment(text.into());
        let value = match value.parse() {
            Ok(value) => value,
            // No word begins like a list or a table.
            Err(error) if value.starts_with(['[', '{']) => {
                return Err(ConfigError::Syntax { origin, message: in_one_line(value, &error) });
            }
            Err(_) => Value::String(value.into()),
        };
        self.add(origin, nested(key, value))
    }

    /// Adds the value of a flag that stands for the dotted `key`.
    pub fn add_flag(&mut self, flag: &str, key: &str, value: impl Into<Value>) {
        self.0.push((Origin::Flag(flag.into()), nested(key, value.into())));
    }

    /// Adds the network of the weights in `path`, in place of the recipes'; what files, assignments and flags say counts more.
    pub fn add_network(&mut self, path: &Path, model: &ModelConfig) {
        let written = Config { model: model.clone(), ..Config::default() }.to_table();
        let table = written.into_iter().filter(|(key, _)| key == MODEL).collect();
        let behind = self.0.iter().rposition(|(origin, _)| matches!(origin, Origin::Recipe(_)));
        self.0.insert(behind.map_or(0, |index| index + 1), (Origin::File(path.into()), table));
    }

    /// The sources, the one of the highest precedence last.
    pub fn origins(&self) -> impl Iterator<Item = &Origin> {
        self.0.iter().map(|(origin, _)| origin)
    }

    /// The configuration that all of them make, checked.
    ///
    /// # Errors
    /// [`ConfigError::UnknownKey`], [`ConfigError::Value`] or [`ConfigError::Other`], naming the key and who gave it.
    pub fn resolve(&self) -> Result<Config, ConfigError> {
        let mut merged = Config::default().to_table();
        let layers = self.0.iter().rposition(|(_, table)| gives_layers(table));
        for (index, (origin, table)) in self.0.iter().enumerate() {
            let mut table = table.clone();
            if let (Some(Value::Table(model)), Some(layers)) = (table.get_mut(MODEL), layers) {
                let replaced = model.keys().find(|key| !BESIDE_LAYERS.contains(&key.as_str())).cloned();
                if let (Some(key), true) = (replaced, index >= layers) {
                    let message = "has no effect where model.layers is given".into();
                    return Err(ConfigError::Other {
                        origin: origin.clone(),
                        key: format!("{MODEL}.{key}"),
                        message,
                    });
                }
                model.retain(|key, _| BESIDE_LAYERS.contains(&key));
            }
            merge(&mut merged, table);
        }
        let config: Config = from_table(merged).map_err(|problem| self.explain(problem))?;
        config.validate().map_err(|Invalid { key, expected, found }| {
            let origin = self.origin_of(&key);
            ConfigError::Value { origin, key, expected, found }
        })?;
        Ok(config)
    }

    fn add(&mut self, origin: Origin, mut table: Table) -> Result<(), ConfigError> {
        for (name, old, new) in RENAMED {
            if let Some(Value::Table(section)) = table.get_mut(name)
                && let Some(value) = section.remove(old)
                && section.insert(new.into(), value).is_some()
            {
                let message = format!("is the old name of {name}.{new}, which is given too");
                return Err(ConfigError::Other { origin, key: format!("{name}.{old}"), message });
            }
        }
        self.0.push((origin, table));
        Ok(())
    }

    pub(super) fn add_toml(&mut self, origin: Origin, text: &str) -> Result<(), ConfigError> {
        match text.parse() {
            Ok(table) => self.add(origin, table),
            Err(error) => {
                let message = match other_language(text) {
                    Some(language) => format!(
                        "expected TOML, such as `[training]` with `epochs = 3` in the line below it; found {language}"
                    ),
                    None => in_one_line(text, &error),
                };
                Err(ConfigError::Syntax { origin, message })
            }
        }
    }

    fn explain(&self, problem: Problem) -> ConfigError {
        let Problem { key, kind } = problem;
        let origin = self.origin_of(&key);
        match kind {
            ProblemKind::UnknownKey { known } => {
                let suggestion = nearest_key(&key, &Config::keys());
                ConfigError::UnknownKey {
                    origin,
                    key,
                    suggestion,
                    known: known.iter().map(|&k| k.into()).collect(),
                }
            }
            ProblemKind::Value { expected, found } => ConfigError::Value { origin, key, expected, found },
            ProblemKind::Other(message) => ConfigError::Other { origin, key, message },
        }
    }

    /// The source of the highest precedence that gives `key` or, where none does, the most of it.
    fn origin_of(&self, key: &str) -> Origin {
        // `max_by_key` returns the last of equals.
        let deepest = self.0.iter().max_by_key(|(_, table)| depth(table, key));
        match deepest {
            Some((origin, table)) if depth(table, key) > 0 => origin.clone(),
            _ => Origin::Default,
        }
    }
}

/// The language of a text that is no TOML, where its first line tells: an object of JSON, or a key and its value in YAML.
fn other_language(text: &str) -> Option<&'static str> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with('{') {
        return Some("JSON");
    }
    let is_said = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let first = text.lines().map(str::trim).find(is_said)?;
    let is_word = |key: &str| key.chars().all(|letter| letter.is_alphanumeric() || "_-.".contains(letter));
    let is_pair = |(key, value): (&str, &str)| {
        !key.is_empty() && is_word(key) && (value.is_empty() || value.starts_with(' '))
    };
    (first == "---" || first.split_once(':').is_some_and(is_pair)).then_some("YAML")
}

impl Recipe {
    /// The configuration that it makes alone.
    pub fn config(&self) -> Config {
        let mut sources = ConfigSources::default();
        let added = sources.add_recipe(self.name);
        added.and_then(|()| sources.resolve()).expect("every recipe is a configuration, as a test asks")
    }
}

/// The place of an error in a text, and the reason. `toml` draws both below each other.
fn in_one_line(text: &str, error: &toml::de::Error) -> String {
    let reason = error.message().trim_end().replace('\n', ", ");
    let Some(span) = error.span() else { return reason };
    let before = text.get(..span.start).unwrap_or(text);
    let (line, column) =
        (before.split('\n').count(), before.chars().rev().take_while(|&c| c != '\n').count() + 1);
    let reason = match text.get(span) {
        Some(found) if is_too_large(found) => {
            let (most, seed) = (i64::MAX, u64::MAX);
            format!("expected a whole number up to {most}, or a seed in quotes up to {seed}, found {found}")
        }
        _ => reason,
    };
    format!("line {line}, column {column}: {reason}")
}

/// Whether a text is a whole number above TOML's largest.
fn is_too_large(text: &str) -> bool {
    read_whole_number(text).is_some_and(|number| i64::try_from(number).is_err())
        || text.replace('_', "").parse::<i64>().is_err_and(|error| *error.kind() == IntErrorKind::PosOverflow)
}

/// Whether a source gives the network layer by layer.
fn gives_layers(table: &Table) -> bool {
    let layers = table.get(MODEL).and_then(|model| model.get(LAYERS));
    layers.is_some_and(|layers| layers.as_array().is_none_or(|layers| !layers.is_empty()))
}

/// The number of parts of the dotted `key` that lead into `table`.
fn depth(table: &Table, key: &str) -> usize {
    let mut table = Some(table);
    let mut depth = 0;
    for part in key.split('.') {
        let Some(value) = table.and_then(|table| table.get(part)) else { break };
        table = value.as_table();
        depth += 1;
    }
    depth
}

/// The table that holds `value` under the dotted `key`.
fn nested(key: &str, value: Value) -> Table {
    let (first, rest) = match key.split_once('.') {
        Some((first, rest)) => (first, Value::Table(nested(rest, value))),
        None => (key, value),
    };
    Table::from_iter([(first.to_owned(), rest)])
}

fn merge(base: &mut Table, stronger: Table) {
    for (key, value) in stronger {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}
