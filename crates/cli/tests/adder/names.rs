//! Names that others chose: characters that command a terminal, names like options, names of nothing.

use crate::common::{Workplace, json};

/// The two streams of a command as text.
fn said(place: &Workplace, args: &[&str]) -> (Option<i32>, String, String) {
    let output = place.adder(args);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Nothing but lines of printable characters.
#[track_caller]
fn is_plain(text: &str) {
    let commands = |character: char| (character.is_control() && character != '\n') || character == '\u{202e}';
    assert!(!text.contains(commands), "{text:?}");
}

#[cfg(unix)]
#[test]
fn names_reach_a_terminal_without_control_characters() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::process::Command;

    let place = Workplace::new();
    let (name, shown) = ("a\u{1b}[31m\n\u{202e}b", "a\\u{1b}[31m\\n\\u{202e}b");
    place.train(&format!("runs/{name}"), &[]);
    let commands: &[&[&str]] = &[
        &["runs"],
        &["runs", "show", name],
        &["report", name],
        &["eval", &format!("runs/{name}")],
        &["export", &format!("runs/{name}"), "--format", "onnx", "--out", name],
        &["predict", name, "--add", "1"],
        &["data", "--data", name],
        &["train", "--config", name],
        &["train", "--set", name],
        &["train", "--recipe", name],
        &["summary", &format!("--{name}")],
        &[name],
        &["predict", "x", "--add", name],
    ];
    for args in commands {
        let (_, stdout, stderr) = said(&place, args);
        is_plain(&stdout);
        is_plain(&stderr);
        assert!((stdout + &stderr).contains(shown), "{args:?}");
    }
    // JSON has escapes of its own.
    assert_eq!(json(&place.done(&["runs", "--json"]))[0]["name"], name);

    let mut command = Command::new(assert_cmd::cargo::cargo_bin("adder"));
    command
        .current_dir(place.path(""))
        .args(["predict", "--add", "1"])
        .arg(OsStr::from_bytes(b"\xff\x1b.png"));
    let output = command.output().unwrap();
    is_plain(&String::from_utf8(output.stderr).unwrap());
}

#[cfg(unix)]
#[test]
fn bytes_that_are_no_text_are_shown() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::process::Command;

    let place = Workplace::new();
    place.train("run", &[]);
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("adder"));
    command.current_dir(place.path("")).args(["export", "run", "--format", "onnx", "--out"]);
    let output = command.arg(OsStr::from_bytes(b"na\xffme")).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("written: na\\xFFme ("), "{said}");
}

#[test]
fn a_name_like_an_option_gets_a_tip_that_is_right() {
    let place = Workplace::new();
    place.train("run", &[]);
    place.done(&["export", "run", "--format", "torch-safetensors", "--out=-file"]);
    let weights = place.path("-file");
    for (args, tip) in [
        (&["eval", "-file"][..], "'./-file' or, at the end, '-- -file'"),
        (&["eval", "-qfile"], "'./-qfile' or, at the end, '-- -qfile'"),
        (&["predict", "--file", "--add", "1"], "'./--file' or, at the end, '-- --file'"),
        (&["eval", "--limit", "3", "-file"], "'./-file' or"),
        (&["export", "run", "--format", "onnx", "--out", "-file"], "'--out=./-file'"),
    ] {
        let (code, _, stderr) = said(&place, args);
        assert!(code == Some(2) && stderr.contains(tip), "{args:?}: {stderr}");
    }
    // What the tips say works.
    assert!(weights.exists());
    place.done(&["eval", "--limit", "32", "./-file"]);
    place.done(&["eval", "--limit", "32", "--", "-file"]);
    place.done(&["export", "run", "--format", "torch-safetensors", "--out=./-other"]);
}

#[test]
fn the_name_that_was_meant_is_said() {
    let place = Workplace::new();
    place.train("runs/first", &[]);
    place.write("digits.safetensors", "");
    for (args, meant) in [
        (&["eval", "pretraind"][..], "pretrained"),
        (&["eval", "digit.safetensors"], "digits.safetensors"),
        (&["eval", "runs/frist"], "runs/first"),
        (&["eval", "frist"], "runs/first"),
        (&["runs", "show", "frist"], "runs/first"),
        (&["report", "fist"], "runs/first"),
    ] {
        let (code, _, stderr) = said(&place, args);
        let expected = format!("hint: did you mean `{meant}`?");
        assert!(code == Some(1) && stderr.contains(&expected), "{args:?}: {stderr}");
    }
    let (_, _, stderr) = said(&place, &["eval", "something-else"]);
    assert!(!stderr.contains("hint"), "{stderr}");
}

#[test]
fn one_is_not_said_as_many() {
    let place = Workplace::new();
    let args = ["train", "--out", "run", "--epochs", "1", "--batch-size", "96"];
    let (code, stdout, stderr) = said(&place, &[&args[..], &crate::common::TINY].concat());
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("1 epoch of 1 step into run"), "{stderr}");
    let (_, _, again) = said(&place, &["train", "--resume", "run"]);
    assert!(again.contains("finished, after 1 epoch\n"), "{again}");
    let page = String::from_utf8(crate::common::bytes(&place.path("run/report.html"))).unwrap();
    assert!(page.contains("1 of 1 epoch in batches"));
    for text in [stdout, stderr, again, page] {
        assert!(!text.contains("1 epochs") && !text.contains("1 steps"), "{text}");
    }
}
