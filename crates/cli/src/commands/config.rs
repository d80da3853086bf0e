//! `adder config`: the configuration that a training would have, and the keys that there are.

use std::fmt::Write;

use adder_train::config::Key;
use adder_train::{Config, ConfigError, Recipe};
use anyhow::Result;
use serde::Serialize;

use crate::args::ConfigurationArgs;
use crate::configuration;
use crate::output::{print, print_json};

/// A key in the JSON.
#[derive(Serialize)]
struct Documented<V> {
    key: &'static str,
    /// Its value; `null` where other keys take its place.
    value: Option<V>,
    default: V,
    takes: &'static str,
    comment: &'static str,
}

pub(crate) fn run(args: &ConfigurationArgs) -> Result<()> {
    let config = configuration::training_config(&args.training, None)?;
    if args.json {
        let keys = Key::ALL.iter().map(|key| Documented {
            key: key.name,
            value: key.value(&config),
            default: key.default_value(),
            takes: key.takes,
            comment: key.comment,
        });
        print_json(&keys.collect::<Vec<_>>())
    } else if args.keys {
        print(list(&config))
    } else if args.markdown {
        print(page()?)
    } else {
        print(config.to_documented_toml())
    }
}

/// A line for each key: its name, its value, what it takes.
fn list(config: &Config) -> String {
    let rows: Vec<_> = Key::ALL
        .iter()
        .map(|key| (key.name, key.value(config).map_or("-".into(), |value| value.to_string()), key.takes))
        .collect();
    let names = rows.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
    let values = rows.iter().map(|(_, value, _)| value.chars().count().min(24)).max().unwrap_or(0);
    let line =
        |(name, value, takes): &(&str, String, &str)| format!("{name:<names$}  {value:<values$}  {takes}\n");
    rows.iter().map(line).collect()
}

/// All keys as a page of documentation, a table for each section.
fn page() -> Result<String, ConfigError> {
    let mut text = String::from(HEAD);
    let (default, notebook) = (Recipe::ALL[0].config(), Recipe::find("notebook")?.config());
    let value = |key: &Key, config: &Config| {
        key.value(config).map_or_else(|| "none".into(), |value| format!("`{value}`"))
    };
    let mut section = None;
    for key in Key::ALL {
        if section != Some(key.section()) {
            section = Some(key.section());
            let title =
                if key.section().is_empty() { "At the top".into() } else { format!("`[{}]`", key.section()) };
            let _ = write!(
                text,
                "\n## {title}\n\n| key | what it is for | takes | `default` | `notebook` |\n| --- | --- | --- | --- | --- |\n"
            );
        }
        let name = key.name.rsplit('.').next().unwrap_or(key.name);
        let (of_default, of_notebook) = (value(key, &default), value(key, &notebook));
        let takes = key.takes.replace('<', "&lt;");
        let _ = writeln!(text, "| `{name}` | {} | {takes} | {of_default} | {of_notebook} |", key.comment);
    }
    Ok(text)
}

/// The beginning of the page.
const HEAD: &str = "\
# The keys of a configuration

<!-- Written by `adder config --markdown > docs/configuration.md`; a test holds it to that. -->

A configuration is a TOML file of these keys. A training starts from a recipe (`--recipe`, `default` where none is named), and the keys of a
file (`--config FILE`), then single ones (`--set KEY=VALUE`), then flags such as `--epochs` replace the recipe's. What a recipe does not
give is as in `notebook`. A key's full name has its section before it: `--set optimizer.learning_rate=0.03`.

```sh
cargo xtask config --recipe fast --set training.epochs=3               # the resolved file, each key with its comment, default and range
cargo xtask config --keys                                              # a line for each key
cargo xtask config > my.toml && cargo xtask train --config my.toml     # a file to begin with
```
";
