//! Configurations: a TOML file, and assignments as the command line has them.

use std::fs;

use adder_train::ConfigSources;

use crate::scratch;
use crate::sections::{join, split};
use crate::target::{Seed, Target};

/// The target.
pub const TARGET: Target = Target {
    run,
    seeds,
    words: &[
        b"[model]\n",
        b"[[model.layers]]\n",
        b"inf",
        b"nan",
        b"-1",
        b"1e308",
        b"9223372036854775807",
        b"true",
        b"[]",
        b"{}",
        b"= ",
    ],
};

/// The first part is a file, each other an assignment. What is taken can be written and read again, and is the same.
pub fn run(data: &[u8]) -> bool {
    let parts = split(data);
    let path = scratch::empty_folder().join("config.toml");
    let mut sources = ConfigSources::default();
    fs::write(&path, parts.first().copied().unwrap_or_default()).expect("a file in our own folder");
    if sources.add_file(&path).is_err() {
        return false;
    }
    for assignment in parts.iter().skip(1).filter_map(|part| std::str::from_utf8(part).ok()) {
        if sources.add_assignment(assignment).is_err() {
            return false;
        }
    }
    let Ok(config) = sources.resolve() else { return false };
    let network = config.model.network().expect("a configuration that was taken has a network");
    assert!(network.parameter_count() > 0);
    fs::write(&path, config.to_toml()).expect("a file in our own folder");
    let mut written = ConfigSources::default();
    written.add_file(&path).expect("what was written is TOML");
    assert_eq!(written.resolve().expect("what was written is taken"), config);
    true
}

fn seeds() -> Vec<Seed> {
    let recipes =
        adder_train::Recipe::ALL.iter().map(|recipe| (recipe.name, recipe.toml.as_bytes().to_vec()));
    let whole = adder_train::Config::default().to_toml();
    let mut layered = adder_train::Config::default();
    layered.model.layers = crate::networks::layered().config().layers.clone();
    let assignments: [&[u8]; 5] = [
        b"seed = 3",
        b"training.epochs=2",
        b"model.channels=[1, 2, 1, 2, 1, 2]",
        b"optimizer.kind=adamw",
        b"data={ source = \"embedded\", limit = 7 }",
    ];
    let own = [
        ("whole", whole.into_bytes()),
        ("layered", layered.to_toml().into_bytes()),
        ("assignments", join(&assignments)),
    ];
    recipes.chain(own).collect()
}
