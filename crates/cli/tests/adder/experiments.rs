//! Commands that train more than one network.

use crate::common::{TINY, Workplace, bytes, json};

const SHORT: [&str; 4] = ["--epochs", "1", "--batch-size", "32"];

#[test]
fn a_recipe_is_repeated_with_every_seed_once() {
    let place = Workplace::new();
    let repeat = |more: &[&str]| {
        let args = [&["repeat", "--out", "many", "--quiet"], &SHORT[..], &TINY[..], more].concat();
        place.done(&args)
    };
    let two = json(&repeat(&["--seeds", "2", "--json"]));
    assert_eq!((&two["recipe"], &two["folder"]), (&"default".into(), &"many".into()));
    assert_eq!([&two["runs"][0]["seed"], &two["runs"][1]["seed"]], [1, 2]);
    let both = |run: usize| two["runs"][run]["exhaustive_both"].as_f64().unwrap();
    let mean = two["summary"]["exhaustive_both"]["mean"].as_f64().unwrap();
    assert!((mean - (both(0) + both(1)) / 2.0).abs() < 1e-9);
    assert!(two["summary"].get("tta_both").is_none());

    // Each run is one that `train` makes and `eval` reads.
    place.train("alone", &["--seed", "2"]);
    let weights = "last/model.safetensors";
    assert_eq!(bytes(&place.path("many/seed2").join(weights)), bytes(&place.path("alone").join(weights)));
    let measured = json(&place.done(&["eval", "alone", "--exhaustive", "--tta", "--json"]));
    assert_eq!(measured["both"]["accuracy"], two["runs"][1]["exhaustive_both"]);

    // A third seed leaves the first two as they are.
    let events = place.path("many/seed1/events.jsonl");
    let before = events.metadata().unwrap().modified().unwrap();
    let three = json(&repeat(&["--seeds", "3", "--tta", "--json"]));
    assert_eq!(events.metadata().unwrap().modified().unwrap(), before);
    assert_eq!(three["runs"][1]["training_seconds"], two["runs"][1]["training_seconds"]);
    assert_eq!(three["runs"][1]["tta_both"], measured["tta"]["both"]["accuracy"]);

    let table = repeat(&["--seeds", "3"]);
    let first_cells: Vec<&str> = table.lines().map(|line| line.split('|').nth(1).unwrap().trim()).collect();
    assert_eq!(first_cells, ["seed", "---", "1", "2", "3", "mean", "deviation", "min", "max"]);
    assert!(!table.contains("TTA"), "{table}");
}

#[test]
fn an_interrupted_repetition_goes_on_and_a_foreign_run_is_left_alone() {
    let place = Workplace::new();
    // A run that was stopped after its last epoch, before the evaluation.
    place.train("many/seed7", &["--seed", "7"]);
    std::fs::remove_file(place.path("many/seed7/evaluation.json")).unwrap();
    let args = [&["repeat", "--seeds", "1", "--out", "many"], &SHORT[..], &TINY[..]].concat();
    place.done(&[&args[..], &["--first-seed", "7"]].concat());
    assert!(place.path("many/seed7/evaluation.json").exists());

    let other = place.adder(&[&args[..], &["--seed", "7", "--set", "optimizer.momentum=0.5"]].concat());
    let said = String::from_utf8_lossy(&other.stderr);
    assert_eq!(other.status.code(), Some(1));
    assert!(said.contains("another configuration") && said.contains("hint: --out"), "{said}");
}
