//! Codes of the addend and kinds of sum heads, through every command that reads a network.

use crate::common::{Workplace, bytes, json};

/// A code of the addend, a kind of sum head, and the shapes of the weights that follow.
const CASES: [(&str, &str, [usize; 2]); 4] = [
    ("scalar", "regression", [21, 1]),
    ("thermometer", "ordinal", [29, 18]),
    ("one-hot", "regression", [30, 1]),
    ("scalar", "softmax", [21, 19]),
];

#[test]
fn a_network_of_any_code_and_head_goes_everywhere() {
    let place = Workplace::new();
    for (addend, head, [inputs, outputs]) in CASES {
        let set = [format!("model.addend={addend}"), format!("model.sum_head={head}")];
        let given = ["--overwrite", "--no-report", "--set", &set[0], "--set", &set[1]];
        place.train("run", &given);
        let weights = bytes(&place.path("run/last/model.safetensors"));
        let has = |text: &str| weights.windows(text.len()).any(|window| window == text.as_bytes());
        for shape in [format!("[64,{inputs}]"), format!("[{outputs},64]")] {
            assert!(has(&shape), "{addend}, {head}: {shape}");
        }
        assert_eq!(has("sum.bias"), head != "softmax");
        let summary = place.done(&["summary", "run"]);
        assert!(summary.contains(&format!("concat {addend} addend")), "{summary}");

        let evaluation = json(&place.done(&["eval", "run", "--exhaustive", "--json"]));
        place.done(&["export", "run", "--format", "onnx", "--out", "net.onnx"]);
        place.done(&["export", "run", "--format", "torch-safetensors", "--out", "torch.safetensors"]);
        place.done(&["import", "torch.safetensors", "--out", "back.safetensors"]);
        let others: [&[&str]; 3] = [
            &["eval", "run", "--exhaustive", "--json", "--backend", "reference"],
            &["eval", "run/last/model.safetensors", "--exhaustive", "--limit", "96", "--json"],
            &["eval", "back.safetensors", "--exhaustive", "--limit", "96", "--json"],
        ];
        for args in others {
            let other = json(&place.done(args));
            let loss = |report: &serde_json::Value| report["both"]["loss"].as_f64().unwrap();
            let allowed = 1e-5 * loss(&evaluation);
            assert!(
                (loss(&other) - loss(&evaluation)).abs() < allowed,
                "{args:?}: {other} beside {evaluation}"
            );
            assert_eq!(other["both"]["accuracy"], evaluation["both"]["accuracy"]);
        }
    }
}

#[test]
fn a_run_without_the_keys_has_files_that_do_not_mention_them() {
    let place = Workplace::new();
    place.train("run", &["--no-report", "--set", "model.addend=one-hot", "--set", "model.sum_head=softmax"]);
    place.train("plain", &["--no-report"]);
    for file in ["config.toml", "last/model.safetensors"] {
        let found = bytes(&place.path("run").join(file));
        assert_eq!(found, bytes(&place.path("plain").join(file)), "{file}");
        for key in ["sum_head", "one-hot"] {
            assert!(!found.windows(key.len()).any(|window| window == key.as_bytes()), "{file}: {key}");
        }
    }
}

#[test]
fn what_is_no_code_and_no_head_is_refused_with_its_key() {
    let place = Workplace::new();
    for (given, words) in [
        ("model.addend=binary", "model.addend: expected \"one-hot\" or \"scalar\" or \"thermometer\""),
        ("model.sum_head=hinge", "model.sum_head: expected \"softmax\" or \"ordinal\" or \"regression\""),
        ("model.sum_heads=ordinal", "did you mean `model.sum_head`?"),
    ] {
        let output = place.adder(&["train", "--out", "no", "--set", given]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{given}: {said}");
        assert!(said.contains(words), "{given}: {said}");
    }
}
