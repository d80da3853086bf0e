//! Standard output and standard error that fail: a reader that is gone, a disk that is full.
#![cfg(target_os = "linux")]

use std::fs::{File, OpenOptions};
use std::process::{Command, Stdio};

use crate::common::{TINY, Workplace};

/// Makes a stream.
type Make = fn() -> Stdio;

/// Streams that fail at the first byte.
const FAILING: [(&str, Make); 2] = [("full", full), ("gone", gone)];

/// A disk without room.
fn full() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

/// A pipe that nobody reads.
fn gone() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// A run of the binary; its exit code.
fn code(place: &Workplace, args: &[&str], stdout: Stdio, stderr: Stdio) -> Option<i32> {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("adder"));
    command.current_dir(place.path("")).args(args).stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    command.status().unwrap().code()
}

/// A training into `run`, in words of its own.
fn training<'a>(run: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["train", "--out", run, "--epochs", "1", "--batch-size", "32"], &TINY[..], more].concat()
}

#[test]
fn no_command_fails_because_standard_error_does() {
    let place = Workplace::new();
    place.train("run", &[]);
    place.write("no-picture.png", "words");
    place.write("no-weights.safetensors", "words");
    place.write("config.toml", "epochs = -1");
    let commands: &[(&[&str], i32)] = &[
        (&["eval", "run"], 0),
        (&["eval", "missing"], 1),
        (&["eval", "no-weights.safetensors"], 1),
        (&["eval", "--no-such-flag"], 2),
        (&["export", "run", "--format", "onnx", "--out", "run.onnx"], 0),
        (&["export", "run", "--format", "onnx", "--out", "config.toml/run.onnx"], 1),
        (&["import", "no-weights.safetensors", "--out", "out.safetensors"], 1),
        (&["lr-find", "--config", "config.toml"], 2),
        (&["predict", "no-picture.png", "--add", "1", "--weights", "run"], 1),
        (&["report", "run"], 0),
        (&["report", "missing"], 1),
        (&["runs"], 0),
        (&["runs", "show", "missing"], 1),
        (&["summary"], 0),
        (&["data", "--data", "missing"], 1),
        (&["serve", "--addr", "nowhere"], 2),
        (&["--help"], 0),
        (&["--version"], 0),
    ];
    for (args, expected) in commands {
        let healthy = code(&place, args, Stdio::null(), Stdio::null());
        assert_eq!(healthy, Some(*expected), "{args:?} with a standard error that works");
        for (name, stderr) in FAILING {
            let found = code(&place, args, Stdio::null(), stderr());
            assert_eq!(found, healthy, "{args:?} with a standard error that is {name}");
        }
    }
}

#[test]
fn trainings_go_on_where_standard_error_fails() {
    let place = Workplace::new();
    place.train("healthy", &[]);
    let weights = |run: &str| crate::common::bytes(&place.path(&format!("{run}/last/model.safetensors")));
    for (name, stderr) in FAILING {
        assert_eq!(code(&place, &training(name, &[]), Stdio::null(), stderr()), Some(0), "{name}");
        assert_eq!(weights(name), weights("healthy"), "{name}");
        assert!(place.path(&format!("{name}/report.html")).exists(), "{name}");
        let folder = format!("repeat-{name}");
        let repeat: Vec<&str> = ["repeat", "--out", &folder, "--seeds", "2", "--epochs", "1"].into();
        let repeat = [repeat, TINY.into()].concat();
        assert_eq!(code(&place, &repeat, Stdio::null(), stderr()), Some(0), "{name}");
        let folder = format!("sweep-{name}");
        let sweep: Vec<&str> = ["sweep", "--out", &folder, "--set-grid", "seed=1,2", "--epochs", "1"].into();
        let sweep = [sweep, TINY.into()].concat();
        assert_eq!(code(&place, &sweep, Stdio::null(), stderr()), Some(0), "{name}");
    }
}

/// What is made before the results are printed and after it is there, whatever becomes of the printing.
#[test]
fn a_standard_output_that_fails_loses_nothing_but_the_words() {
    let place = Workplace::new();
    for (name, stdout, expected) in [("full", full as Make, 1), ("gone", gone, 0)] {
        let errors = File::create(place.path("errors")).unwrap();
        assert_eq!(code(&place, &training(name, &[]), stdout(), errors.into()), Some(expected), "{name}");
        for file in ["evaluation.json", "report.html", "last/model.safetensors"] {
            assert!(place.path(&format!("{name}/{file}")).exists(), "{name}: {file}");
        }
        let said = std::fs::read_to_string(place.path("errors")).unwrap();
        assert_eq!(said.contains("error: standard output: cannot write"), expected == 1, "{said}");
        assert_eq!(code(&place, &["eval", name], stdout(), Stdio::null()), Some(expected), "{name}");
        assert_eq!(code(&place, &["runs", "show", name], stdout(), Stdio::null()), Some(expected), "{name}");
    }
}

/// A limit on the length of files is an error in words, not a signal that kills.
#[test]
fn files_that_may_not_be_so_long_are_named() {
    let place = Workplace::new();
    let adder = assert_cmd::cargo::cargo_bin("adder");
    let mut command = Command::new("sh");
    // Blocks of 512 bytes, or of 1024 where the shell is bash: less than a file of weights has.
    command.args(["-c", "ulimit -f 4; exec \"$@\"", "sh"]).arg(adder).args(training("run", &[]));
    let output = command.current_dir(place.path("")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("error: ") && said.contains("File too large"), "{said}");
    assert!(!place.path("run").exists(), "half a run");
}
