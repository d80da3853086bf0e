//! `adder export --format onnx`: what its arguments do to the file, and which are refused.

use crate::common::{Workplace, bytes};

/// The built-in network.
fn exported(place: &Workplace, name: &str, options: &[&str]) -> Vec<u8> {
    let command = ["export", "pretrained", "--format", "onnx", "--out", name];
    place.done(&[&command[..], options].concat());
    bytes(&place.path(name))
}

fn has(file: &[u8], text: &str) -> bool {
    file.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn batch_and_addend_change_the_inputs() {
    let place = Workplace::new();
    let default = exported(&place, "default.onnx", &[]);
    // The size of a batch of any size has a name.
    assert!(has(&default, "\x12\x05batch"));
    for operator in ["Unsqueeze", "Equal", "AveragePool"] {
        assert!(has(&default, operator), "{operator}");
    }
    for operator in ["OneHot", "GlobalAveragePool"] {
        assert!(!has(&default, operator), "{operator}");
    }
    assert_eq!(exported(&place, "index.onnx", &["--addend", "index"]), default);

    let one = exported(&place, "one.onnx", &["--batch", "1"]);
    assert!(!has(&one, "\x12\x05batch") && has(&one, "Equal"));
    let one_hot = exported(&place, "one_hot.onnx", &["--addend", "one-hot"]);
    assert!(has(&one_hot, "\x12\x05batch") && !has(&one_hot, "Equal"));
    let both = exported(&place, "both.onnx", &["--batch", "1", "--addend", "one-hot"]);
    assert!(!has(&both, "\x12\x05batch") && !has(&both, "Equal"));
}

#[test]
fn what_cannot_be_exported_is_a_usage_error_and_writes_nothing() {
    let place = Workplace::new();
    let onnx = ["export", "pretrained", "--format", "onnx", "--out", "file"];
    let torch = ["export", "pretrained", "--format", "torch-safetensors", "--out", "file"];
    let cases = [
        (onnx, ["--batch", "0"], "--batch"),
        (onnx, ["--batch", "-1"], "'-1'"),
        (onnx, ["--batch", "4294967296"], "--batch"),
        (onnx, ["--addend", "onehot"], "[possible values: index, one-hot]"),
        (onnx, ["--opset", "12"], "'12' for '--opset <N>': expected a whole number from 13 to 21"),
        (onnx, ["--opset", "22"], "'22' for '--opset <N>': expected a whole number from 13 to 21"),
        (torch, ["--batch", "1"], "are for --format onnx"),
        (torch, ["--addend", "one-hot"], "are for --format onnx"),
        (torch, ["--addend", "index"], "are for --format onnx"),
        (torch, ["--opset", "17"], "are for --format onnx"),
    ];
    for (command, options, expected) in cases {
        let output = place.adder(&[&command[..], &options[..]].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{options:?}: {said}");
        assert!(said.contains(expected), "{options:?}: {said}");
        assert!(!place.path("file").exists(), "{options:?}");
    }
}
