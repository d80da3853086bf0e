//! The weights inside the program, held to their record.

use serde_json::Value;

use crate::common::{Workplace, json};

fn record() -> Value {
    json(include_str!("../../../model/assets/pretrained.json"))
}

#[test]
fn the_built_in_weights_are_as_good_as_their_record_says() {
    let place = Workplace::new();
    let found = json(&place.done(&["eval", "--exhaustive", "--json"]));
    let expected = &record()["evaluation"];
    assert_eq!((&found["images"], &found["pairs"]), (&10_000.into(), &100_000.into()));
    for head in ["digit", "sum", "both"] {
        assert_eq!(found[head]["accuracy"], expected[head]["accuracy"], "{head}");
        let [found, expected] = [&found, expected].map(|report| report[head]["loss"].as_f64().unwrap());
        assert!((found - expected).abs() < 1e-6, "{head}: {found} is not {expected}");
    }
}

#[test]
fn without_a_run_the_built_in_weights_are_used_and_named() {
    let place = Workplace::new();
    for arguments in [&["eval", "--limit", "100"][..], &["eval", "pretrained", "--limit", "100"]] {
        let output = place.adder(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("weights: pretrained"), "{said}");
    }
}
