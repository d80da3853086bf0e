//! `adder config`: a configuration that one can read, and the keys that there are.

use std::path::Path;

use crate::common::{Workplace, bytes, json};

#[test]
fn the_resolved_configuration_is_printed_with_its_comments_and_is_one() {
    let place = Workplace::new();
    let set = [
        "--recipe",
        "fast",
        "--set",
        "optimizer.momentum=0.5",
        "--epochs",
        "7",
        "--seed",
        "9223372036854775808",
    ];
    let text = place.done(&[&["config"][..], &set].concat());
    for line in [
        "seed = \"9223372036854775808\"",
        "[data.augmentation]",
        "# Of SGD and Muon: how much of the last step's velocity stays.\n# (a number from 0 to below 1; default 0.95)\nmomentum = 0.5",
        "# (1 to 1,000,000 epochs; default 15)\nepochs = 7",
        "# layers = []",
        // An f32 is written as it was given.
        "brightness = 0.2",
        "scale = [0.9, 1.1]",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    // Read again it gives itself, also over another recipe.
    place.write("my.toml", &text);
    assert_eq!(place.done(&["config", "--recipe", "accurate", "--config", "my.toml"]), text);
}

#[test]
fn keys_are_listed_with_values_and_ranges() {
    let place = Workplace::new();
    let list = place.done(&["config", "--keys", "--set", "training.epochs=7"]);
    let line = list.lines().find(|line| line.starts_with("training.epochs ")).unwrap();
    let words: Vec<_> = line.split_whitespace().collect();
    assert_eq!(words, ["training.epochs", "7", "1", "to", "1,000,000", "epochs"]);

    let keys = json(&place.done(&["config", "--json", "--set", "training.epochs=7"]));
    let keys = keys.as_array().unwrap();
    assert_eq!(keys.len(), list.lines().count());
    let epochs = keys.iter().find(|key| key["key"] == "training.epochs").unwrap();
    assert_eq!((&epochs["value"], &epochs["default"]), (&7.into(), &15.into()));
    assert!(epochs["takes"] == "1 to 1,000,000 epochs" && epochs["comment"].as_str().unwrap().ends_with('.'));
}

#[test]
fn the_page_of_all_keys_is_what_the_command_writes() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let written = Workplace::new().done(&["config", "--markdown"]);
    let hint = "`adder config --markdown > docs/configuration.md` writes it anew";
    assert!(String::from_utf8(bytes(&page)).unwrap() == written, "{hint}");
}

#[test]
fn a_shortened_key_gets_its_full_name() {
    let place = Workplace::new();
    for (given, meant) in [
        ("optimizer.lr", "optimizer.learning_rate"),
        ("lr", "optimizer.learning_rate"),
        ("training.batch", "training.batch_size"),
        ("data.augmentation.rotation", "data.augmentation.rotation_degrees"),
        ("training.dropout", "model.dropout"),
    ] {
        for command in ["config", "train"] {
            let output = place.adder(&[command, "--set", &format!("{given}=0.1")]);
            let said = String::from_utf8(output.stderr).unwrap();
            let expected = format!("unknown key `{given}`; did you mean `{meant}`?");
            assert!(output.status.code() == Some(2) && said.contains(&expected), "{given}: {said}");
        }
    }
}

#[test]
fn the_help_names_the_recipes() {
    let place = Workplace::new();
    for command in ["config", "train", "repeat", "summary"] {
        let help = place.done(&[command, "--help"]);
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains("default, notebook, fast, best, accurate"), "{command}: {help}");
    }
}

#[test]
fn one_form_at_a_time() {
    let place = Workplace::new();
    for pair in [["--keys", "--json"], ["--keys", "--markdown"], ["--json", "--markdown"]] {
        let output = place.adder(&["config", pair[0], pair[1]]);
        assert!(output.status.code() == Some(2) && output.stdout.is_empty(), "{pair:?}");
    }
    // A page of all keys is of no one configuration.
    assert_eq!(place.adder(&["config", "--markdown", "--recipe", "fast"]).status.code(), Some(2));
}
