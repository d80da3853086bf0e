//! A run is named the same way in every command: by path, by its name in `runs/`, as `newest` or as `best`.

use crate::common::{Workplace, json};

/// Two runs, of which the older is the better: the newer one learns nothing.
fn two_runs() -> Workplace {
    let place = Workplace::new();
    for (run, epochs, rate) in [("runs/good", "8", "0.05"), ("runs/late", "1", "1e-9")] {
        let course = ["--epochs", epochs, "--learning-rate", rate, "--batch-size", "16", "--no-report"];
        place.done(&[&["train", "--out", run], &course[..], &crate::common::TINY].concat());
    }
    place
}

#[test]
fn a_word_or_a_name_is_a_run_in_every_command() {
    let place = two_runs();
    let runs = json(&place.done(&["runs", "--json", "--sort", "validation"]));
    let (best, newest) = (runs[1]["name"].as_str().unwrap(), "late");
    assert_ne!(runs[0]["best_validation"], runs[1]["best_validation"], "{runs}");
    for (word, name) in [("newest", newest), ("best", best), ("good", "good")] {
        let shown = json(&place.done(&["runs", "show", word, "--json"]));
        assert_eq!(shown["name"], name);
        let evaluated = |run: &str| place.done(&["eval", run, "--limit", "32", "--json"]);
        assert_eq!(evaluated(word), evaluated(&format!("runs/{name}")));
        let exported = |run: &str, out: &str| {
            place.done(&["export", run, "--format", "torch-safetensors", "--out", out]);
            crate::common::bytes(&place.path(out))
        };
        assert_eq!(exported(word, "a"), exported(&format!("runs/{name}"), "b"));
        assert_eq!(place.done(&["summary", word]), place.done(&["summary", &format!("runs/{name}")]));
        let page = place.done(&["report", word]);
        assert_eq!(page, format!("runs/{name}/report.html\n"));
    }
    let finished = place.adder(&["train", "--resume", "newest"]);
    assert!(String::from_utf8(finished.stderr).unwrap().contains("runs/late"));
    place.done(&["runs", "rm", "newest"]);
    assert!(!place.path("runs/late").exists() && place.path("runs/good").exists());
}

#[test]
fn a_word_without_runs_is_an_error() {
    let place = Workplace::new();
    for (word, said) in [("newest", "runs"), ("best", "best: no run in runs was validated")] {
        for command in
            [&["eval", word][..], &["runs", "show", word], &["runs", "rm", word], &["report", word]]
        {
            let output = place.adder(command);
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.code() == Some(1) && stderr.contains(said), "{command:?}: {stderr}");
        }
    }
}

#[test]
fn a_file_or_a_run_of_that_name_comes_before_the_word() {
    let place = two_runs();
    place.done(&["runs", "mv", "good", "runs/newest"]);
    assert_eq!(json(&place.done(&["runs", "show", "newest", "--json"]))["name"], "newest");
}

#[test]
fn the_table_says_how_many_keys_were_changed() {
    let place = Workplace::new();
    place.train("runs/tiny", &["--no-report"]);
    let table = place.done(&["runs"]);
    // Epochs, the size of batches, the limit and four keys of the network.
    assert!(table.contains("tiny  default, 7 keys changed  "), "{table}");
    let runs = json(&place.done(&["runs", "--json"]));
    assert_eq!(
        (&runs[0]["recipe"], &runs[0]["nearest_recipe"]),
        (&serde_json::Value::Null, &"default".into())
    );
    let changed: Vec<_> =
        runs[0]["changed_keys"].as_array().unwrap().iter().map(|key| key.as_str().unwrap()).collect();
    assert!(changed.contains(&"training.batch_size") && !changed.contains(&"seed"), "{changed:?}");
}

#[test]
fn two_runs_of_one_second_are_two() {
    let place = Workplace::new();
    let train =
        [&["train", "--epochs", "1", "--batch-size", "32", "--no-report"], &crate::common::TINY[..]].concat();
    for _ in 0..4 {
        place.done(&train);
    }
    assert_eq!(json(&place.done(&["runs", "--json"])).as_array().unwrap().len(), 4);
}

#[cfg(feature = "pretrained")]
#[test]
fn the_weights_that_answer_are_said_with_their_accuracy_and_data() {
    let place = Workplace::new();
    place.train("runs/tiny", &["--no-report"]);
    let digit = crate::common::bytes(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/images/mistakes.png").as_path(),
    );
    place.write("digit.png", digit);
    let told = |weights: &[&str]| {
        let output = place.adder(&[&["predict", "digit.png", "--add", "1"], weights].concat());
        String::from_utf8(output.stderr).unwrap()
    };
    let reached = json(&place.done(&["runs", "--json"]))[0]["best_validation"].as_f64().unwrap();
    let images = json(&place.done(&["eval", "tiny", "--split", "val", "--json"]))["images"].clone();
    let expected = format!(
        "weights: runs/tiny/last/model.safetensors: validation both {reached:.2} %, {images} images of embedded; \
         `pretrained` has 99.43 %\n"
    );
    let newest = told(&[]);
    assert!(newest.contains(&expected), "{expected}: {newest}");
    let built_in = told(&["--weights", "pretrained"]);
    assert!(built_in.contains("weights: pretrained: validation both 99.43 %\n"), "{built_in}");
}
