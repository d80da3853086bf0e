//! The life of a run through the real binary: train, evaluate, predict, look at the data, stop and resume.

use crate::common::{TINY, Workplace, bytes, json};
use serde_json::Value;

#[test]
fn a_run_is_trained_evaluated_and_used() {
    let place = Workplace::new();
    let said = place.train("run", &["--json"]);
    let evaluation = json(&said);
    assert_eq!(evaluation["split"], "eval");
    assert_eq!((&evaluation["images"], &evaluation["pairs"]), (&96.into(), &96.into()));
    for file in ["config.toml", "split.json", "events.jsonl", "environment.json", "evaluation.json"] {
        assert!(place.path("run").join(file).is_file(), "{file}");
    }
    // Evaluating again gives the same numbers, by the run and by the weights file alone.
    assert_eq!(json(&place.done(&["eval", "run", "--json"])), evaluation);
    let by_file = place.done(&["eval", "run/last/model.safetensors", "--limit", "96", "--json"]);
    assert_eq!(json(&by_file), evaluation);

    let all = json(&place.done(&["eval", "run", "--exhaustive", "--json"]));
    assert_eq!((&all["images"], &all["pairs"]), (&96.into(), &960.into()));
    let validation = json(&place.done(&["eval", "run", "--split", "val", "--json"]));
    assert_eq!((&validation["split"], &validation["images"]), (&"val".into(), &96.into()));
    let table = place.done(&["eval", "run"]);
    for word in ["evaluation: 96 images", "digit", "sum", "both", "%"] {
        assert!(table.contains(word), "{table}");
    }

    place.done(&["data", "--limit", "96", "--out", "samples"]);
    let picture = place.path("samples/evaluation.png");
    let picture = picture.to_str().unwrap();
    let answer =
        json(&place.done(&["predict", picture, "--raw", "--add", "7", "--weights", "run", "--json"]));
    assert_eq!((&answer[0]["addend"], &answer[0]["image"]), (&7.into(), &picture.into()));
    let total: f64 =
        answer[0]["sum_probabilities"].as_array().unwrap().iter().map(|p| p.as_f64().unwrap()).sum();
    assert!((total - 1.0).abs() < 1e-5);
    let words = place.done(&["predict", picture, picture, "--raw", "--add", "7", "--weights", "run"]);
    assert_eq!(words.lines().filter(|line| line.contains(" + 7 = ")).count(), 2);
    // A folder is its pictures, in order; what the network saw is drawn and written.
    let words = place.done(&[
        "predict",
        "samples",
        "--add",
        "0",
        "--weights",
        "run",
        "--raw",
        "--show",
        "--saw",
        "saw.png",
    ]);
    assert_eq!(words.lines().filter(|line| line.contains(" + 0 = ")).count(), 3);
    assert_eq!(image::open(place.path("saw.png")).unwrap().to_luma8().dimensions(), (28, 3 * 28));
    assert!(words.contains('▀'), "{words}");
}

#[test]
fn a_network_goes_to_other_programs_and_comes_back() {
    let place = Workplace::new();
    place.train("run", &[]);
    place.done(&["export", "run", "--format", "torch-safetensors", "--out", "torch.safetensors"]);
    place.done(&["import", "torch.safetensors", "--out", "back.safetensors"]);
    assert_eq!(bytes(&place.path("back.safetensors")), bytes(&place.path("run/last/model.safetensors")));
    place.done(&["export", "run", "--format", "onnx", "--out", "adder.onnx", "--fold", "--opset", "19"]);
    assert!(bytes(&place.path("adder.onnx")).len() > 1000);
}

#[test]
fn the_newest_run_is_the_default() {
    let place = Workplace::new();
    for seed in ["1", "2"] {
        place.done(&[&["train", "--epochs", "1", "--batch-size", "32", "--seed", seed], &TINY[..]].concat());
        // Runs are told apart by the second in which they start.
        std::thread::sleep(std::time::Duration::from_millis(1100));
    }
    let output = place.adder(&["eval"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("seed2"), "{said}");
}

#[test]
fn summary_totals_what_the_notebook_says() {
    let place = Workplace::new();
    let table = place.done(&["summary"]);
    assert!(table.contains("13,136"), "{table}");
    let summary = json(&place.done(&["summary", "--json"]));
    assert_eq!(summary["parameters"], 13_136);
    let wide = json(&place.done(&["summary", "--json", "--set", "model.channels=[16, 16, 32, 32, 32, 32]"]));
    assert!(wide["parameters"].as_u64().unwrap() > 30_000);
}

#[test]
fn the_data_is_mnist_split_as_in_the_notebook() {
    let place = Workplace::new();
    let sets = json(&place.done(&["data", "--json"]));
    let images: Vec<u64> =
        sets.as_array().unwrap().iter().map(|set| set["images"].as_u64().unwrap()).collect();
    assert_eq!(images, [48_000, 12_000, 10_000]);
    let counts: Vec<u64> =
        sets[2]["class_counts"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect();
    assert_eq!(counts, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    for set in ["train", "validation", "evaluation"] {
        assert_eq!(bytes(&place.path(&format!("samples/{set}.png")))[1..4], *b"PNG");
    }
}

/// The events without what a clock says.
fn events(place: &Workplace, run: &str) -> Vec<Value> {
    let text = String::from_utf8(bytes(&place.path(run).join("events.jsonl"))).unwrap();
    let timeless = |line: &str| {
        let mut event = json(line);
        for fields in event.as_object_mut().unwrap().values_mut().filter_map(Value::as_object_mut) {
            fields.retain(|name, _| !name.contains("seconds"));
        }
        event.as_object_mut().unwrap().retain(|name, _| !name.contains("seconds"));
        event
    };
    text.lines().map(timeless).collect()
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let place = Workplace::new();
    place.train("one", &["--threads", "1"]);
    place.train("two", &["--threads", "2"]);
    let weights = "last/model.safetensors";
    assert_eq!(bytes(&place.path("one").join(weights)), bytes(&place.path("two").join(weights)));
    assert_eq!(events(&place, "one"), events(&place, "two"));
}

#[cfg(unix)]
#[test]
fn a_stopped_run_resumes_to_the_same_bits() {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    let place = Workplace::new();
    // Small steps and many of them, so that the signal comes in the middle of an epoch.
    let arguments =
        |run| [&["train", "--out", run, "--epochs", "30", "--batch-size", "2"], &TINY[..]].concat();
    place.done(&arguments("whole"));

    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("adder"))
        .current_dir(place.path("."))
        .args(arguments("stopped"))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let events_file = place.path("stopped/events.jsonl");
    let deadline = Instant::now() + Duration::from_secs(60);
    while std::fs::read_to_string(&events_file).map_or(0, |text| text.lines().count()) < 5 {
        assert!(Instant::now() < deadline && child.try_wait().unwrap().is_none(), "no event before the end");
        std::thread::sleep(Duration::from_millis(1));
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("--resume stopped"), "{said}");
    let before = events(&place, "stopped").len();
    assert!(before < events(&place, "whole").len(), "the signal came too late to stop anything");

    place.done(&["train", "--resume", "stopped", "--quiet"]);
    assert_eq!(events(&place, "stopped"), events(&place, "whole"));
    for file in
        ["last/model.safetensors", "last/optimizer.safetensors", "best/model.safetensors", "evaluation.json"]
    {
        assert_eq!(
            bytes(&place.path("stopped").join(file)),
            bytes(&place.path("whole").join(file)),
            "{file}"
        );
    }
}
