//! Runs that go on from others: `train --init` and `train --resume RUN --epochs N`.

use crate::common::{TINY, Workplace, bytes, json};

#[test]
fn a_finished_run_is_prolonged_and_says_what_its_schedule_does() {
    let place = Workplace::new();
    place.train("short", &["--set", "schedule.kind=cosine"]);
    let output = place.adder(&["train", "--resume", "short", "--epochs", "2", "--json"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("the run has 2 epochs now, before 1"), "{said}");
    assert!(said.contains("follows cosine over all 2 from here on, so it jumps"), "{said}");
    assert_eq!(json(&String::from_utf8(output.stdout).unwrap())["split"], "eval");
    let shown = json(&place.done(&["runs", "show", "short", "--json"]));
    assert_eq!((&shown["epochs"], &shown["config"]["training"]["epochs"]), (&2.into(), &2.into()));
    assert!(place.path("short/report.html").is_file());

    // A rate that knows no end: the files of a run that was as long from the start.
    place.train(
        "flat",
        &["--set", "data.clean_epochs=0", "--set", "schedule.kind=constant", "--set", "schedule.warmup=0"],
    );
    place.done(&["train", "--resume", "flat", "--epochs", "2"]);
    let whole =
        ["train", "--out", "whole", "--epochs", "2", "--batch-size", "32", "--set", "data.clean_epochs=0"];
    let flat = ["--set", "schedule.kind=constant", "--set", "schedule.warmup=0"];
    place.done(&[&whole[..], &flat, &TINY].concat());
    for file in ["config.toml", "evaluation.json", "last/model.safetensors", "last/optimizer.safetensors"] {
        assert!(bytes(&place.path("flat").join(file)) == bytes(&place.path("whole").join(file)), "{file}");
    }

    let finished = String::from_utf8(place.adder(&["train", "--resume", "flat"]).stderr).unwrap();
    assert!(
        finished.contains("adder train --resume flat --epochs N` goes on to N epochs in all"),
        "{finished}"
    );
    let refused = place.adder(&["train", "--resume", "flat", "--epochs", "1"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said.contains("training.epochs: expected more than 2, which are done or begun, found 1"),
        "{said}"
    );
}

#[test]
fn a_run_begins_with_the_weights_of_another_or_of_a_file() {
    let place = Workplace::new();
    place.train("first", &[]);
    place.done(&["export", "first", "--format", "torch-safetensors", "--out", "torch.safetensors"]);
    // The network is that of the weights, whatever the recipe's is.
    let begin = |init: &str, out: &str, more: &[&str]| {
        let args = ["train", "--init", init, "--out", out, "--epochs", "1", "--limit", "96", "--json"];
        place.adder(&[&args[..], more].concat())
    };
    for (init, out) in [("first", "of-run"), ("torch.safetensors", "of-file")] {
        let output = begin(init, out, &["--set", "model.dropout=0.0"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let shown = json(&place.done(&["runs", "show", out, "--json"]));
        assert_eq!(shown["config"]["model"]["channels"], serde_json::json!([4, 4]));
        assert_eq!(shown["config"]["model"]["dropout"], 0.0);
        assert!(shown["origin"]["weights"].as_str().unwrap().contains(init), "{shown}");
        assert!(place.done(&["runs", "show", out]).contains("began with the weights of"));
    }
    assert!(
        bytes(&place.path("of-run/last/model.safetensors"))
            != bytes(&place.path("first/last/model.safetensors"))
    );

    let refused = begin("first", "wide", &["--set", "model.hidden=9"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(said.contains("hidden.linear.weight") && !place.path("wide").exists(), "{said}");
    let both = place.adder(&["train", "--init", "first", "--resume", "first"]);
    assert_eq!(both.status.code(), Some(2));
}
