//! Pairs that training never shows, through the real binary.

use serde_json::Value;

use crate::common::{Workplace, bytes, json};

const SHARE: [&str; 2] = ["--set", "data.held_out_pairs={ share = 0.3, seed = 2 }"];

#[test]
fn pairs_that_training_held_out_are_reported_apart_everywhere() {
    let place = Workplace::new();
    place.train("plain", &["--no-report"]);
    let trained = place.train("run", &SHARE);
    assert!(
        trained.contains("\nheld out of training: ") && trained.contains("\nseen in training: "),
        "{trained}"
    );

    let found = json(&place.done(&["eval", "run", "--exhaustive", "--json"]));
    let pairs = |part: &str| found[part]["pairs"].as_u64().unwrap();
    assert_eq!(pairs("seen") + pairs("unseen"), 960);
    assert!((192..384).contains(&pairs("unseen")), "30 of 100 pairs of 96 images are {}", pairs("unseen"));
    let right = |part: &Value, pairs: f64| part["both"]["accuracy"].as_f64().unwrap() * pairs;
    let parts = ["seen", "unseen"].map(|part| right(&found[part], pairs(part) as f64));
    assert!((parts[0] + parts[1] - right(&found, 960.0)).abs() < 1e-6);
    let with_tta = json(&place.done(&["eval", "run", "--exhaustive", "--tta", "--json"]));
    assert_eq!(with_tta["tta"]["unseen"]["pairs"], found["unseen"]["pairs"]);

    let kept = json(&String::from_utf8(bytes(&place.path("run/evaluation.json"))).unwrap());
    let shown = json(&place.done(&["runs", "show", "run", "--json"]));
    assert_eq!(shown["report"], kept);
    assert_eq!(shown["unseen"], kept["unseen"]["both"]["accuracy"]);
    assert!(place.done(&["runs", "show", "run"]).contains("\nheld out of training: "));
    let table = place.done(&["runs", "--in", "."]);
    assert!(table.lines().next().unwrap().contains("  unseen  "), "{table}");
    let page = String::from_utf8(bytes(&place.path("run/report.html"))).unwrap();
    assert!(page.contains("both right, pairs held out of training"));

    // Where nothing is held out, nothing is said of it.
    let plain = json(&place.done(&["eval", "plain", "--exhaustive", "--json"]));
    assert!(plain.get("seen").is_none() && plain.get("unseen").is_none(), "{plain}");
    std::fs::remove_dir_all(place.path("run")).unwrap();
    let table = place.done(&["runs", "--in", "."]);
    assert!(!table.contains("unseen"), "{table}");
}

#[test]
fn every_way_to_hold_pairs_out_is_taken_or_refused_with_its_key() {
    let place = Workplace::new();
    for (value, pairs) in [("[[3, 4], [7, 2]]", 2), ("digit < addend", 45), ("sum = 9 and digit < 5", 5)] {
        let given = format!("data.held_out_pairs={value}");
        let one = "data.addends_per_image=1";
        place.train("run", &["--overwrite", "--no-report", "--set", one, "--set", &given]);
        let config = String::from_utf8(bytes(&place.path("run/config.toml"))).unwrap();
        assert!(config.contains("held_out_pairs = "), "{config}");
        let found = json(&place.done(&["eval", "run", "--exhaustive", "--limit", "10000", "--json"]));
        let unseen = found["unseen"]["pairs"].as_f64().unwrap();
        assert!((unseen / 1000.0 - f64::from(pairs)).abs() < 0.1 * f64::from(pairs), "{value}: {unseen}");
    }
    let nested = ["--overwrite", "--no-report", "--set", "data.held_out_pairs.share=0.3"];
    place.train("run", &nested);

    for (given, words) in [
        (
            "data.held_out_pairs=sum = 9",
            "data.held_out_pairs: expected pairs beside which each digit, each addend and each sum still occurs, \
             found none left with the sum 9",
        ),
        (
            "data.held_out_pairs=[[3, 14]]",
            "data.held_out_pairs: expected digits and addends from 0 to 9, found [3, 14]",
        ),
        (
            "data.held_out_pairs.share=0.7",
            "data.held_out_pairs.share: expected a number above 0 and at most 0.6",
        ),
        ("data.held_out_pairs=nine", "data.held_out_pairs: expected a list such as [[3, 4], [7, 2]]"),
        ("data.held_out_pairs={ share = 0.3, sed = 1 }", "data.held_out_pairs.sed"),
        (
            "data.held_out_pairs=digit = 4 and addend > 2",
            "data.addends_per_image: expected at most 3, as many addends as data.held_out_pairs leaves",
        ),
    ] {
        let many = "data.addends_per_image=4";
        let output = place.adder(&["train", "--out", "no", "--set", many, "--set", given]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{given}: {said}");
        assert!(said.contains(words), "{given}: {said}");
        assert!(!place.path("no").exists());
    }
}
