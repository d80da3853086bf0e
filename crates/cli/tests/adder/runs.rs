//! Runs that are stopped, moved or broken, through the real binary: what they remember, and the commands that resume them.

use std::path::Path;
use std::process::{Command, Output};

use crate::common::{IMAGES, LABELS, TINY, Workplace, bytes, idx, json};
use serde_json::Value;

const LARGEST: &str = "18446744073709551615";
/// Rates at which the first weights are the last ones that are finite.
const DIVERGE: [&str; 6] = [
    "--set",
    "optimizer.learning_rate=1000",
    "--set",
    "optimizer.momentum=0.99",
    "--set",
    "optimizer.weight_decay=0.9",
];

#[track_caller]
fn refused(place: &Workplace, args: &[&str], code: i32) -> String {
    let output = place.adder(args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    said
}

/// A data set of 20 images in a folder; another `shade` is another set.
fn write_set(place: &Workplace, folder: &str, shade: usize) {
    let images: Vec<u8> = (0..20 * 784).map(|at| ((at * 7 + shade) % 251) as u8).collect();
    let labels: Vec<u8> = (0..20).map(|at| at % 10).collect();
    for set in ["train", "t10k"] {
        place.write(&format!("{folder}/{set}-images-idx3-ubyte"), idx(IMAGES, &[20, 28, 28], &images));
        place.write(&format!("{folder}/{set}-labels-idx1-ubyte"), idx(LABELS, &[20], &labels));
    }
}

#[test]
fn a_seed_of_64_bits_goes_everywhere_and_comes_back_exactly() {
    let place = Workplace::new();
    place.train("run", &["--seed", LARGEST, "--no-report"]);
    let config = String::from_utf8(bytes(&place.path("run/config.toml"))).unwrap();
    assert!(config.contains(&format!("seed = \"{LARGEST}\"")), "{config}");
    let shown = place.done(&["runs", "show", "run", "--json"]);
    assert_eq!(shown.matches(&format!("\"seed\":{LARGEST}")).count(), 2, "{shown}");
    assert_eq!(json(&shown)["seed"].as_u64(), Some(u64::MAX));
    assert!(place.done(&["runs", "--in", "."]).contains(LARGEST));
    place.done(&["report", "run"]);
    assert!(String::from_utf8(bytes(&place.path("run/report.html"))).unwrap().contains(LARGEST));

    // The same run by every other way to say its seed.
    place.write("seed.toml", format!("seed = \"{LARGEST}\"\n"));
    let assignment = format!("seed={LARGEST}");
    for given in [["--set", &assignment], ["--config", "seed.toml"], ["--config", "run/config.toml"]] {
        place.train("again", &[&given[..], &["--overwrite", "--no-report"]].concat());
        for file in ["config.toml", "last/model.safetensors"] {
            assert_eq!(
                bytes(&place.path("again").join(file)),
                bytes(&place.path("run").join(file)),
                "{given:?}"
            );
        }
    }

    let short = ["--epochs", "1", "--batch-size", "32", "--json"];
    let many = ["repeat", "--first-seed", "18446744073709551614", "--seeds", "2", "--out", "many"];
    let repeated = place.done(&[&many[..], &short[..], &TINY[..]].concat());
    for seed in ["18446744073709551614", LARGEST] {
        assert!(repeated.contains(&format!("\"seed\":{seed},")), "{seed}: {repeated}");
        assert!(place.path(&format!("many/seed{seed}/evaluation.json")).exists(), "{seed}");
    }
    assert_eq!(
        bytes(&place.path(&format!("many/seed{LARGEST}/last/model.safetensors"))),
        bytes(&place.path("run/last/model.safetensors"))
    );
    let grid = format!("seed=3,{LARGEST}");
    let swept = ["sweep", "--set-grid", &grid, "--out", "search", "--seed", LARGEST];
    let sweep = || place.done(&[&swept[..], &short[..], &TINY[..]].concat());
    let trials = json(&sweep());
    let mut seeds: Vec<&Value> =
        trials.as_array().unwrap().iter().map(|trial| &trial["values"]["seed"]).collect();
    seeds.sort_by_key(|seed| seed.is_string());
    assert_eq!(seeds, [&Value::from(3), &LARGEST.into()]);
    // Resumed, it is the same sweep.
    assert_eq!(json(&sweep()), trials);
}

#[test]
fn a_seed_that_is_refused_says_the_range() {
    let place = Workplace::new();
    let above = "18446744073709551616";
    for args in [
        &["train", "--seed", above][..],
        &["train", "--seed", "-1"],
        &["train", "--set", "seed=18446744073709551616"],
        &["train", "--set", "seed=-1"],
        &["train", "--set", "seed=half"],
        &["repeat", "--first-seed", above],
        &["sweep", "--seed", "1.5", "--set-grid", "training.epochs=1"],
        &["lr-find", "--seed", above],
        &["data", "--seed", "x"],
        &["repeat", "--first-seed", LARGEST],
    ] {
        let said = refused(&place, args, 2);
        assert!(said.contains(LARGEST), "{args:?}: {said}");
    }
    place.write("bare.toml", format!("seed = {LARGEST}\n"));
    let said = refused(&place, &["train", "--config", "bare.toml"], 2);
    assert!(said.contains("bare.toml") && said.contains("in quotes up to"), "{said}");
    assert!(!place.path("runs").exists());
}

#[test]
fn a_seed_that_diverges_is_recorded_and_the_others_are_trained() {
    let place = Workplace::new();
    let repeat = |more: &[&str]| {
        let args =
            ["repeat", "--seeds", "3", "--out", "many", "--epochs", "1", "--batch-size", "32", "--quiet"];
        place.adder(&[&args[..], &TINY[..], more].concat())
    };
    // One seed of three, as if it had diverged at its second step.
    assert!(repeat(&[]).status.success());
    let record = r#"{"what":"loss","value":"NaN","epoch":1,"step":2}"#;
    std::fs::remove_file(place.path("many/seed2/evaluation.json")).unwrap();
    place.write("many/seed2/diverged.json", record);
    let before = bytes(&place.path("many/seed2/environment.json"));
    let output = repeat(&["--json"]);
    assert_eq!(output.status.code(), Some(1));
    let found = json(&String::from_utf8(output.stdout).unwrap());
    let seeds: Vec<&Value> = found["runs"].as_array().unwrap().iter().map(|run| &run["seed"]).collect();
    assert_eq!(seeds, [1, 3]);
    let recorded = serde_json::json!([{ "seed": 2, "what": "loss", "value": "NaN", "epoch": 1, "step": 2 }]);
    assert_eq!(found["diverged"], recorded);
    let both = |run: usize| found["runs"][run]["evaluation_both"].as_f64().unwrap();
    let mean = found["summary"]["evaluation_both"]["mean"].as_f64().unwrap();
    assert!((mean - (both(0) + both(1)) / 2.0).abs() < 1e-9);
    assert_eq!(bytes(&place.path("many/seed2/environment.json")), before, "the seed was trained again");
    assert!(!place.path("many/seed2/evaluation.json").exists());
    let output = repeat(&[]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.code() == Some(1) && table.contains("\n| 2 | diverged at step 2 | - |"), "{table}");
    assert!(table.ends_with("mean, deviation, min and max are over the other 2 of 3 seeds\n"), "{table}");
    let shown = place.done(&["runs", "show", "many/seed2"]);
    assert!(shown.contains("diverged: the loss is NaN") && !shown.contains("to resume"), "{shown}");
    // Whoever resumes it tries again; a run in runs/ goes by its name.
    place.done(&["runs", "mv", "many/seed2", "runs/second"]);
    place.done(&["train", "--resume", "second", "--quiet"]);
    place.done(&["runs", "mv", "second", "many/seed2"]);
    assert!(repeat(&[]).status.success());
}

#[test]
fn every_seed_may_diverge_and_none_is_trained_twice() {
    let place = Workplace::new();
    let repeat = |out: &str, more: &[&str]| {
        let args = ["repeat", "--seeds", "2", "--out", out, "--epochs", "8", "--batch-size", "8", "--quiet"];
        let output = place.adder(&[&args[..], &TINY[..], &DIVERGE[..], more].concat());
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let found = json(&repeat("many", &["--json"]));
    assert_eq!(
        (found["runs"].as_array().unwrap().len(), found["diverged"].as_array().unwrap().len()),
        (0, 2)
    );
    assert!(found["diverged"][1]["step"].as_u64().unwrap() > 0, "{found}");
    assert_eq!(found["summary"]["evaluation_both"], Value::Null);
    let events = place.path("many/seed1/events.jsonl");
    let before = events.metadata().unwrap().modified().unwrap();
    assert_eq!(json(&repeat("many", &["--json"])), found);
    assert_eq!(events.metadata().unwrap().modified().unwrap(), before);
    let table = repeat("many", &[]);
    assert!(table.contains("\n| 1 | diverged at step "), "{table}");
    let runs = json(&place.done(&["runs", "--in", "many", "--json"]));
    assert!(runs.as_array().unwrap().iter().all(|run| run["state"] == "diverged"), "{runs}");

    // A teacher that diverges ends its run too; a sweep goes on as ever.
    let taught = ["--set", "distillation.teachers=1", "--json"];
    let found = json(&repeat("taught", &taught));
    assert_eq!(found["diverged"][0]["teacher"], 1, "{found}");
    let sweep = ["sweep", "--out", "search", "--set-grid", "optimizer.learning_rate=0.01,1000", "--json"];
    let more = ["--epochs", "8", "--batch-size", "8", "--quiet"];
    let trials = json(&place.done(&[&sweep[..], &more, &TINY[..], &DIVERGE[2..]].concat()));
    let reason = trials[1]["outcome"]["failed"]["reason"].as_str().unwrap_or_else(|| panic!("{trials}"));
    assert!(reason.contains("step"), "{reason}");
}

#[test]
fn a_run_whose_data_were_moved_is_resumed_and_shown_with_them() {
    let place = Workplace::new();
    write_set(&place, "own", 0);
    write_set(&place, "other", 1);
    place.train("run", &["--data", "own", "--no-report"]);
    std::fs::remove_file(place.path("run/evaluation.json")).unwrap();
    std::fs::rename(place.path("own"), place.path("new place")).unwrap();

    for args in [&["train", "--resume", "run"][..], &["eval", "run"]] {
        let said = refused(&place, args, 1);
        assert!(
            said.contains("\"own\"") && said.contains("hint: --data names the place"),
            "{args:?}: {said}"
        );
    }
    for args in [&["train", "--resume", "run", "--data", "other"][..], &["report", "run", "--data", "other"]]
    {
        let said = refused(&place, args, 1);
        let both = said.contains("as in own when") && said.contains("in other:");
        assert!(both && said.contains("run/data.json: train: expected 20 images"), "{args:?}: {said}");
    }
    let config = || String::from_utf8(bytes(&place.path("run/config.toml"))).unwrap();
    // Who measures may do so on any images; the run stays with its own.
    place.done(&["eval", "run", "--data", "other"]);
    assert!(config().contains("source = \"own\""));

    place.done(&["train", "--resume", "run", "--data", "new place", "--quiet"]);
    assert!(config().contains("source = \"new place\""));
    let measured = place.done(&["eval", "run", "--json"]);
    let page = || String::from_utf8(bytes(&place.path("run/report.html"))).unwrap();
    assert!(page().contains("samples-training") && !page().contains("left out"));

    // Other images in the place of the run's own are not measured without a word.
    std::fs::rename(place.path("new place"), place.path("aside")).unwrap();
    std::fs::rename(place.path("other"), place.path("new place")).unwrap();
    let said = refused(&place, &["eval", "run"], 1);
    assert!(said.contains("run/data.json: train: expected 20 images"), "{said}");
    std::fs::rename(place.path("new place"), place.path("other")).unwrap();
    std::fs::rename(place.path("aside"), place.path("new place")).unwrap();

    // Moved again: a finished run learns of it from `eval` or `report`.
    std::fs::rename(place.path("new place"), place.path("third")).unwrap();
    assert_eq!(place.done(&["eval", "run", "--data", "third", "--json"]), measured);
    assert_eq!(place.done(&["eval", "run", "--json"]), measured);
    std::fs::rename(place.path("third"), place.path("fourth")).unwrap();
    place.done(&["report", "run", "--data", "fourth"]);
    assert!(config().contains("source = \"fourth\"") && page().contains("samples-training"));

    // A repetition and a sweep take up runs whose data were moved, and no others.
    let short = ["--epochs", "1", "--batch-size", "32", "--quiet"];
    for command in [
        &["repeat", "--seeds", "1", "--out", "many"][..],
        &["sweep", "--set-grid", "seed=1,2", "--out", "search"],
    ] {
        let with = |data: &str| place.adder(&[command, &short[..], &TINY[..], &["--data", data]].concat());
        assert!(with("fourth").status.success());
        write_set(&place, "copy", 0);
        assert!(with("copy").status.success(), "{command:?}");
        let said = String::from_utf8(with("other").stderr).unwrap();
        assert!(said.contains("as in copy when") && said.contains("in other:"), "{command:?}: {said}");
    }
}

#[cfg(unix)]
mod stopped {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Stdio};
    use std::time::{Duration, Instant};

    use super::*;

    /// Starts a training in `run`, sends it a signal once it has gone some way, and waits for its end.
    fn train_and_signal(place: &Workplace, run: &str, signal: &str, args: &[&str]) -> Output {
        let child = Command::new(assert_cmd::cargo::cargo_bin!("adder"))
            .current_dir(place.path("."))
            .args(args)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        signal_in_training(place, run, signal, child)
    }

    /// Sends a signal to a training in `run` that was started, once it has gone some way, and waits for its end.
    fn signal_in_training(place: &Workplace, run: &str, signal: &str, child: Child) -> Output {
        let events = place.path(run).join("events.jsonl");
        let deadline = Instant::now() + Duration::from_secs(60);
        let before = std::fs::read_to_string(&events).map_or(0, |text| text.lines().count());
        while std::fs::read_to_string(&events).map_or(0, |text| text.lines().count()) < before + 60 {
            assert!(Instant::now() < deadline, "no event before the end");
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        child.wait_with_output().unwrap()
    }

    /// Many small steps, so that a signal comes in the middle of an epoch.
    const LONG: [&str; 4] = ["--batch-size", "2", "--no-report", "--tensorboard"];
    const EPOCHS: [&str; 2] = ["--epochs", "30"];

    /// The command between backquotes, as a shell reads it: run.
    fn run_printed(place: &Workplace, said: &str) -> Output {
        let command = said.split('`').nth(1).unwrap_or_else(|| panic!("no command: {said}"));
        let command = command.strip_prefix("adder ").unwrap_or_else(|| panic!("{command}"));
        let adder = assert_cmd::cargo::cargo_bin!("adder");
        let script = format!("exec \"$ADDER\" {command}");
        Command::new("sh")
            .current_dir(place.path("."))
            .env("ADDER", adder)
            .args(["-c", &script])
            .output()
            .unwrap()
    }

    /// Steps of the run's record, and of its one event file by its length: each record of a step is of the same length.
    fn event_file(place: &Workplace, run: &str) -> Vec<u8> {
        let files = std::fs::read_dir(place.path(run)).unwrap();
        let is_one = |path: &Path| path.to_string_lossy().contains("tfevents");
        let files: Vec<_> = files.map(|entry| entry.unwrap().path()).filter(|path| is_one(path)).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        bytes(&files[0])
    }

    #[test]
    fn the_printed_command_resumes_with_all_that_was_given() {
        let place = Workplace::new();
        let run = "my runs/it's one";
        let machine = ["--threads", "1", "--device", "cpu", "--backend", "reference", "--epochs", "6"];
        let args = [&["train", "--out", run][..], &LONG, &machine, &TINY[..]].concat();
        let output = train_and_signal(&place, run, "-INT", &args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(130), "{said}");
        let last = said.lines().last().unwrap();
        assert!(last.contains("--threads 1 --device cpu --backend reference --no-report"), "{last}");
        let shown = place.done(&["runs", "show", run]);
        let printed = last.split('`').nth(1).unwrap();
        assert!(shown.contains(&format!("to resume: {printed}\n")), "{shown}");
        assert_eq!(json(&place.done(&["runs", "show", run, "--json"]))["resume"], printed);

        let resumed = run_printed(&place, last);
        assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
        assert!(!place.path(run).join("report.html").exists(), "--no-report is forgotten");
        // TensorBoard's file goes on: that of a run which was never stopped has the same length.
        place.done(&[&["train", "--out", "whole"][..], &LONG, &machine, &TINY[..]].concat());
        assert_eq!(event_file(&place, run).len(), event_file(&place, "whole").len());
        assert_eq!(json(&place.done(&["runs", "show", run, "--json"]))["resume"], Value::Null);
    }

    /// What a scheduler sends before it kills, and a terminal that is closed.
    #[test]
    fn other_signals_save_as_well() {
        let place = Workplace::new();
        for (run, signal, code) in [("terminated", "-TERM", 143), ("left", "-HUP", 129)] {
            let args = [&["train", "--out", run][..], &LONG, &EPOCHS, &TINY[..]].concat();
            let output = train_and_signal(&place, run, signal, &args);
            let said = String::from_utf8(output.stderr).unwrap();
            if signal == "-HUP" && hangups_are_ignored() {
                assert_eq!(output.status.code(), Some(0), "{said}");
                continue;
            }
            assert_eq!(output.status.code(), Some(code), "{said}");
            assert!(said.contains("stopped and saved"), "{said}");
            place.done(&["train", "--resume", run, "--quiet"]);
        }
    }

    /// Whether the tests were started so that they outlive their terminal, which programs that they start inherit.
    fn hangups_are_ignored() -> bool {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() & 1 != 0)
    }

    /// `nohup` starts a program with this signal ignored.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_training_that_is_to_outlive_its_terminal_does() {
        let place = Workplace::new();
        let args = [&["train", "--out", "run", "--epochs", "3"][..], &LONG, &TINY[..]].concat();
        let child = Command::new("sh")
            .current_dir(place.path("."))
            .args(["-c", "trap '' HUP; exec \"$0\" \"$@\""])
            .arg(assert_cmd::cargo::cargo_bin!("adder"))
            .args(args)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = signal_in_training(&place, "run", "-HUP", child);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }

    #[test]
    fn a_killed_run_resumes_without_a_gap_in_its_event_file() {
        let place = Workplace::new();
        let args = [&["train", "--out", "run"][..], &LONG, &EPOCHS, &TINY[..]].concat();
        let output = train_and_signal(&place, "run", "-KILL", &args);
        assert_eq!(output.status.signal(), Some(9));
        // Twice, the second time by Ctrl-C.
        let output = train_and_signal(&place, "run", "-INT", &["train", "--resume", "run", "--no-report"]);
        assert_eq!(output.status.code(), Some(130));
        place.done(&["train", "--resume", "run", "--quiet", "--no-report"]);
        place.done(&[&["train", "--out", "whole"][..], &LONG, &EPOCHS, &TINY[..]].concat());
        assert_eq!(event_file(&place, "run").len(), event_file(&place, "whole").len());
        // A run that replaces it is asked anew.
        place.train("run", &["--overwrite", "--no-report"]);
        let files = std::fs::read_dir(place.path("run")).unwrap();
        let names: Vec<_> = files.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert!(names.iter().all(|name| !name.contains("tfevents")), "{names:?}");
        assert_eq!(
            json(&String::from_utf8(bytes(&place.path("run/resume.json"))).unwrap())["tensorboard"],
            false
        );
    }

    #[test]
    fn an_error_on_the_way_says_how_to_go_on() {
        let place = Workplace::new();
        let args = [&["train", "--out", "a run"][..], &LONG, &EPOCHS, &TINY[..]].concat();
        train_and_signal(&place, "a run", "-INT", &args);
        // No file may be as long as the events will be.
        let output = Command::new("sh")
            .current_dir(place.path("."))
            .args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\""])
            .arg(assert_cmd::cargo::cargo_bin!("adder"))
            .args(["train", "--resume", "a run", "--threads", "2", "--no-report"])
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("a run/events.jsonl: cannot write"), "{said}");
        let hint =
            "hint: `adder train --resume 'a run' --threads 2 --no-report` resumes from the last checkpoint\n";
        assert!(said.ends_with(hint), "{said}");
        let hint = said.lines().last().unwrap();
        assert!(run_printed(&place, hint).status.success());
        // So does a refusal to replace it.
        let said = refused(&place, &[&["train", "--out", "a run"][..], &TINY[..]].concat(), 1);
        assert!(said.contains("`adder train --resume 'a run'` resumes it"), "{said}");
    }
}
