//! Commands that train more than one network.

use crate::common::{TINY, Workplace, bytes, json};
use serde_json::Value;

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
fn an_interrupted_repetition_resumes_and_a_foreign_run_is_left_alone() {
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

#[test]
fn a_learning_rate_is_looked_for_and_nothing_else_is_touched() {
    let place = Workplace::new();
    let args = [&["lr-find", "--steps", "60", "--from", "1e-4", "--batch-size", "16", "--json"], &TINY[..]];
    let curve = json(&place.done(&args.concat()));
    let points = curve["points"].as_array().unwrap();
    assert!(points.len() > 20 && points.len() <= 60, "{}", points.len());
    assert_eq!(points[0]["rate"], 1e-4);
    for name in ["valley", "steepest"] {
        let rate = curve["suggestions"][name].as_f64().unwrap();
        assert!(rate > 1e-4 && rate < 10.0, "{name} {rate}");
    }
    let written = String::from_utf8(bytes(&place.path("lr-find/lr-find.json"))).unwrap();
    assert_eq!(json(&written), curve);
    assert!(String::from_utf8(bytes(&place.path("lr-find/lr-find.svg"))).unwrap().contains("<svg"));
    assert_eq!(bytes(&place.path("lr-find/lr-find.png"))[1..4], *b"PNG");
    let left: Vec<_> =
        std::fs::read_dir(place.path(".")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["lr-find"]);

    let again = json(&place.done(&args.concat()));
    assert_eq!(again, curve, "a range test is a function of its configuration");
    let refused = place.adder(&["lr-find", "--from", "1", "--to", "0.1"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--to: expected a rate above"));
}

#[test]
fn a_grid_is_swept_and_ranked_by_validation() {
    let place = Workplace::new();
    let sweep = |more: &[&str]| {
        let rates = ["--set-grid", "optimizer.learning_rate=0.0001,0.05,1000"];
        place.done(
            &[&["sweep", "--out", "search", "--quiet"], &rates[..], &SHORT[..], &TINY[..], more].concat(),
        )
    };
    let first = json(&sweep(&["--trials", "1", "--json"]));
    assert_eq!(first.as_array().unwrap().len(), 1);
    let events = place.path("search/trial1/events.jsonl");
    let before = events.metadata().unwrap().modified().unwrap();

    let trials = json(&sweep(&["--json"]));
    assert_eq!(events.metadata().unwrap().modified().unwrap(), before, "trial 1 was trained again");
    let trials = trials.as_array().unwrap();
    assert_eq!(trials.len(), 3);
    let both = |trial: &Value| trial["outcome"]["finished"]["validation_both"].as_f64();
    assert!(trials.windows(2).all(|pair| both(&pair[0]) >= both(&pair[1])), "{trials:?}");
    let second = trials.iter().find(|trial| trial["trial"] == 2).unwrap();
    assert_eq!(second["values"]["optimizer.learning_rate"], 0.05);

    // Each trial is a run like any other, but for the evaluation set, which a search has not seen.
    assert!(!place.path("search/trial2/evaluation.json").exists());
    assert!(place.done(&["runs", "--in", "search"]).contains("trained"));
    place.train("alone", &["--learning-rate", "0.05"]);
    let weights = "last/model.safetensors";
    assert_eq!(bytes(&place.path("search/trial2").join(weights)), bytes(&place.path("alone").join(weights)));
    let journal = String::from_utf8(bytes(&place.path("search/journal.jsonl"))).unwrap();
    assert_eq!(journal.lines().count(), 4);
    let table = sweep(&[]);
    assert!(table.starts_with("| trial | optimizer.learning_rate | validation both, % |"), "{table}");
    assert_eq!(table.lines().count(), 5);
}

#[test]
fn a_trial_that_ended_early_is_over_wherever_it_is_shown() {
    let place = Workplace::new();
    // A rate so small that no epoch after the first is better.
    let patient = ["--epochs", "12", "--set", "training.patience=1", "--batch-size", "32"];
    let tried = ["--set-grid", "optimizer.learning_rate=1e-12", "--out", "search", "--quiet"];
    place.done(&[&["sweep"], &patient[..], &tried[..], &TINY[..]].concat());
    let shown = json(&place.done(&["runs", "show", "search/trial1", "--json"]));
    let epochs = shown["epochs"].as_u64().unwrap();
    assert!(shown["state"] == "trained" && epochs < 12, "{shown}");
    for command in [&["runs", "--in", "search"][..], &["runs", "show", "search/trial1"]] {
        let table = place.done(command);
        let trial = table.lines().find(|line| line.starts_with("trial1")).unwrap();
        assert!(trial.contains(&format!("{epochs}/12")) && trial.ends_with("trained"), "{table}");
    }
    let page = |run: &str| {
        place.done(&["report", run]);
        String::from_utf8(bytes(&place.path(run).join("report.html"))).unwrap()
    };
    assert!(page("search/trial1").contains(", not evaluated yet"));

    // The same, evaluated.
    let train = ["train", "--out", "alone", "--learning-rate", "1e-12", "--no-report"];
    place.done(&[&train[..], &patient[..], &TINY[..]].concat());
    assert_eq!(json(&place.done(&["runs", "show", "alone", "--json"]))["state"], "finished");
    let page = page("alone");
    assert!(!page.contains(", not evaluated yet") && !page.contains(", not finished"));
}

#[test]
fn an_estimating_search_resumes_as_if_it_had_not_stopped() {
    let place = Workplace::new();
    let sweep = |out: &str, trials: &str| {
        let space = [
            "--random",
            "optimizer.learning_rate=0.001..0.3:log",
            "--set-grid",
            "training.batch_size=16,32",
            "--method",
            "tpe",
            "--json",
            "--quiet",
        ];
        let short = ["--epochs", "1", "--out", out, "--trials", trials];
        json(&place.done(&[&["sweep"], &space[..], &short[..], &TINY[..]].concat()))
    };
    sweep("one", "5");
    let values = |found: &Value| -> Vec<Value> {
        found.as_array().unwrap().iter().map(|trial| trial["values"].clone()).collect()
    };
    assert_eq!(values(&sweep("one", "10")), values(&sweep("two", "10")));
}

#[test]
fn sweeps_that_cannot_be_are_refused() {
    let place = Workplace::new();
    let refused = |args: &[&str], code: i32, words: &str| {
        let output = place.adder(&[&["sweep"], args].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(code) && said.contains(words), "{args:?}: {said}");
    };
    refused(&[], 2, "at least one key");
    refused(&["--set-grid", "training.epochs"], 2, "KEY=A,B");
    refused(&["--random", "optimizer.learning_rate=0.1..0.01"], 2, "below its second");
    refused(&["--random", "optimizer.momentum=0..0.9", "--method", "grid"], 2, "no grid");
    refused(&["--set-grid", "training.epochz=1,2"], 2, "training.epochs");
    let short = [&["--set-grid", "optimizer.momentum=0.5"], &SHORT[..], &TINY[..]].concat();
    place.done(&[&["sweep"], &short[..]].concat());
    refused(&[&short[..], &["--seed", "4"]].concat(), 1, "hint: --out");
}

#[test]
fn a_network_learns_from_others_and_their_time_counts() {
    let place = Workplace::new();
    let taught = ["--set", "distillation.teachers=2", "--set", "distillation.teacher_channels=[2, 3]"];
    let train = [&["train", "--out", "run", "--tensorboard"], &SHORT[..], &TINY[..], &taught[..]].concat();
    let output = place.adder(&train);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let at = |words: &str| said.find(words).unwrap_or_else(|| panic!("{words}: {said}"));
    assert!(
        at("teacher 1 of 2: ") < at("teacher 2 of 2: ")
            && at("teacher 2 of 2: ") < at("1 epoch of 3 steps into run\n")
    );

    // They are whole runs, but for the evaluation.
    for teacher in ["run/teachers/1", "run/teachers/2"] {
        assert!(place.path(teacher).join("last/model.safetensors").is_file());
        assert!(!place.path(teacher).join("evaluation.json").exists());
    }
    let report = String::from_utf8(bytes(&place.path("run/report.html"))).unwrap();
    assert!(report.contains("its teachers (2)"));

    // Repeated: the same bits, and the time of all three networks.
    let repeat =
        [&["repeat", "--seeds", "1", "--out", "many", "--json"], &SHORT[..], &TINY[..], &taught[..]].concat();
    let repeated = json(&place.done(&repeat));
    assert_eq!(
        bytes(&place.path("many/seed1/last/model.safetensors")),
        bytes(&place.path("run/last/model.safetensors"))
    );
    let seconds = |run: &str| -> f64 {
        let events = String::from_utf8(bytes(&place.path(run).join("events.jsonl"))).unwrap();
        let events = events.lines().map(json);
        events.filter_map(|event| event["training_seconds"].as_f64()).sum()
    };
    let all = ["many/seed1", "many/seed1/teachers/1", "many/seed1/teachers/2"].map(seconds);
    assert!(all.iter().all(|&seconds| seconds > 0.0), "{all:?}");
    let told = repeated["runs"][0]["training_seconds"].as_f64().unwrap();
    assert!((told - all.iter().sum::<f64>()).abs() < 1e-9, "{told} of {all:?}");

    let own =
        ["--out", "own", "--set", "distillation.teachers=1", "--set", "distillation.teacher_channels=[2]"];
    let refused = place.adder(&[&["train"], &SHORT[..], &TINY[..], &own[..]].concat());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2));
    assert!(said.contains("distillation.teacher_channels") && said.contains("2 blocks"), "{said}");
    assert!(!place.path("own").exists());
}

/// What was found until Ctrl-C is written, and the exit code says that it is not all.
#[cfg(unix)]
#[test]
fn a_range_test_that_is_stopped_says_so() {
    use std::process::{Command, Stdio};

    let place = Workplace::new();
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("adder"));
    command
        .current_dir(place.path(""))
        .args(["lr-find", "--steps", "100000", "--from", "1e-9", "--to", "1e-8"]);
    let mut child = command.args(TINY).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !place.path("lr-find").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let curve = json(&String::from_utf8(bytes(&place.path("lr-find/lr-find.json"))).unwrap());
    assert_eq!(curve["end"], "stopped");
}
