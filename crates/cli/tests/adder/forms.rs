//! What people type and give in forms that other programs take.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::common::{TINY, Workplace};

/// What a command that fails with this code says.
#[track_caller]
fn refused(place: &Workplace, args: &[&str], code: i32) -> String {
    let output = place.adder(args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    said
}

#[test]
fn a_configuration_of_another_language_is_told_to_be_toml() {
    let place = Workplace::new();
    place.write("c.json", "{\"training\": {\"epochs\": 3}}");
    place.write("c.yaml", "training:\n  epochs: 3\n");
    for (file, language) in [("c.json", "JSON"), ("c.yaml", "YAML")] {
        let said = refused(&place, &["train", "--config", file], 2);
        let words = "expected TOML, such as `[training]` with `epochs = 3` in the line below it; found";
        assert!(said.contains(&format!("{file}: {words} {language}")), "{said}");
    }
}

#[test]
fn the_choices_of_a_sweep_may_be_a_list() {
    let place = Workplace::new();
    let sweep = |grid: &str| {
        let words = ["sweep", "--out", "sweep", "--epochs", "1", "--json", "--set-grid", grid];
        crate::common::json(&place.done(&[&words, &TINY[..]].concat()))
    };
    assert_eq!(sweep("training.batch_size=[32, 48]").as_array().unwrap().len(), 2);
    let said = refused(&place, &["sweep", "--set-grid", "training.batch_size=[]"], 2);
    assert!(said.contains("KEY=A,B,..."), "{said}");
}

#[test]
fn a_run_that_is_moved_to_a_name_stays_among_the_runs() {
    let place = Workplace::new();
    place.train("runs/one", &[]);
    let moved = |from: &str, to: &str| {
        let output = place.adder(&["runs", "mv", from, to]);
        assert!(output.status.success(), "{from} to {to}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(moved("one", "two"), "moved runs/one to runs/two\n");
    assert!(place.path("runs/two/config.toml").exists());
    // What names a folder means it, on either side.
    assert_eq!(moved("two", "./three"), "moved runs/two to ./three\n");
    assert_eq!(moved("three", "four"), "moved three to four\n");
    assert!(place.path("four/config.toml").exists());
    assert!(place.adder(&["runs", "mv", "four", "runs/five", "--quiet"]).stderr.is_empty());
}

#[test]
fn a_server_listens_on_names_and_on_a_port_alone() {
    let place = Workplace::new();
    for (address, listens) in
        [("localhost:0", "http://"), ("0", "http://127.0.0.1:"), (":0", "http://127.0.0.1:")]
    {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("adder"));
        command.current_dir(place.path("")).args(["serve", "--addr", address]).stderr(Stdio::piped());
        let mut server = command.spawn().unwrap();
        let mut lines = BufReader::new(server.stderr.take().unwrap()).lines().map_while(Result::ok);
        let said = lines.find(|line| line.contains("listening") || line.contains("error"));
        server.kill().unwrap();
        server.wait().unwrap();
        let said = said.unwrap_or_default();
        assert!(said.contains(&format!("listening on {listens}")), "{address}: {said}");
    }
    let said = refused(&place, &["serve", "--addr", "localhost"], 2);
    assert!(said.contains("expected ADDRESS:PORT, NAME:PORT or PORT, such as"), "{said}");
    let said = refused(&place, &["serve", "--addr", "no-such-host.invalid:80"], 1);
    assert!(said.contains("--addr no-such-host.invalid:80: "), "{said}");
}
