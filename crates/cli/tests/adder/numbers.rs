//! Numbers on the command line and in files: the same text means the same everywhere, or is refused everywhere, in words that say
//! what is taken.

use crate::common::{TINY, Workplace, json};

const USAGE: i32 = 2;

/// What a command says that the command line is wrong about.
#[track_caller]
fn refused(place: &Workplace, args: &[&str]) -> String {
    let output = place.adder(args);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(USAGE), "{args:?}: {said}");
    said
}

/// The three ways to give a seed.
fn ways(place: &Workplace, seed: &str) -> [Vec<String>; 3] {
    place.write("seed.toml", format!("seed = {seed}\n"));
    [
        ["--seed".into(), seed.into()],
        ["--set".into(), format!("seed={seed}")],
        ["--config".into(), "seed.toml".into()],
    ]
    .map(Vec::from)
}

#[test]
fn a_seed_means_the_same_wherever_it_stands() {
    let place = Workplace::new();
    for (text, seed) in [("0x1F", 31), ("1_000", 1000), ("+7", 7), ("0b11", 3)] {
        for (at, way) in ways(&place, text).iter().enumerate() {
            let run = format!("{text}-{at}");
            let given: Vec<&str> = way.iter().map(String::as_str).collect();
            place.train(&run, &[&given[..], &["--no-report"]].concat());
            assert_eq!(json(&place.done(&["runs", "show", &run, "--json"]))["seed"], seed, "{way:?}");
        }
    }
    for text in ["007", "-1", "1e3", "0x", "1__0", "18446744073709551616"] {
        for way in ways(&place, text) {
            let given: Vec<&str> = way.iter().map(String::as_str).collect();
            refused(&place, &[&["train"], &given[..], &TINY].concat());
        }
    }
}

#[test]
fn quotes_are_advised_where_they_are_needed() {
    let place = Workplace::new();
    let large = "18446744073709551616";
    let [flag, set, file] = ways(&place, large).map(|way| refused(&place, &["train", &way[0], &way[1]]));
    for said in [&flag, &set] {
        assert!(said.contains("a whole number from 0 to 18446744073709551615"), "{said}");
        assert!(said.contains(large) && !said.contains("in quotes"), "{said}");
    }
    for word in ["seed.toml", "line 1, column 8", "in quotes up to 18446744073709551615", large] {
        assert!(file.contains(word), "{word}: {file}");
    }
    // Both kinds of quotes are none of the shell's here.
    place.write("run.toml", "seed = '0xffff_ffff_ffff_ffff'\n");
    place.train("run", &["--config", "run.toml", "--no-report"]);
    assert_eq!(json(&place.done(&["runs", "show", "run", "--json"]))["seed"], u64::MAX);
}

#[test]
fn numbers_out_of_their_range_are_said_with_it() {
    let place = Workplace::new();
    let add: &[&str] = &["predict", "a.png", "--add"];
    let batch: &[&str] = &["export", "--format", "onnx", "--out", "x", "--batch"];
    let cases = [
        (add, "-1", "'--add <N>': expected a whole number from 0 to 9"),
        (add, "10", "'--add <N>': expected a whole number from 0 to 9"),
        (add, "x", "'--add <N>': expected a whole number from 0 to 9"),
        (add, "07", "'--add <N>': expected a whole number from 0 to 9 without leading zeros"),
        (batch, "-1", "'--batch <N>': expected a whole number from 1 to 4294967295"),
        (batch, "0", "'--batch <N>': expected a whole number from 1 to 4294967295"),
        (batch, "99999999999", "'--batch <N>': expected a whole number from 1 to 4294967295"),
        (batch, "1.5", "'--batch <N>': expected a whole number from 1 to 4294967295"),
        (&["eval", "--limit"], "-1", "'--limit <N>': expected a whole number from 0 to 4294967295"),
        (&["train", "--epochs"], "-1", "'--epochs <N>': expected a whole number from 1 to 1000000"),
        (&["train", "--batch-size"], "1", "'--batch-size <N>': expected a whole number from 2 to 65536"),
        (&["train", "--learning-rate"], "fast", "'--learning-rate <X>': expected a number"),
        (&["lr-find", "--steps"], "1", "'--steps <N>': expected a whole number from 2 to 100000"),
        (&["summary", "--threads"], "-1", "'--threads <N>': expected a whole number from 1 to 1024"),
    ];
    for (command, value, expected) in cases {
        let said = refused(&place, &[command, &[value]].concat());
        assert!(
            said.contains(expected) && said.contains(&format!("'{value}'")),
            "{command:?} {value}: {said}"
        );
    }
}
