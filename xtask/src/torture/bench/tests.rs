//! Every verdict, from a shell script in place of the binary.

use super::*;
use crate::torture::scenario::PLAIN;
use std::os::unix::fs::PermissionsExt as _;

/// Files in the folder let it refuse or crash.
const SCRIPT: &str = "#!/bin/sh
if [ $1 = again ] && [ -e refuse ]; then echo 'error: refused' >&2; exit 1; fi
if [ $1 = again ] && [ -e crash ]; then exit 101; fi
printf '{}' > out.json; printf new > result
";

const SCENARIO: Scenario = Scenario {
    name: "script",
    command: "whole",
    outputs: &["result"],
    continuations: &[Continuation { name: "again", commands: &["again"], need: Need::Always }],
    ..PLAIN
};

fn ended(code: Option<i32>) -> Ended {
    Ended { code, signal: code.is_none().then_some(9), words: "words".into() }
}

#[test]
fn every_verdict_is_given_for_its_reason() {
    let mut bench = Bench::new("unknown".into()).unwrap();
    let script = bench.folder("script");
    fs::write(&script, SCRIPT).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    bench.program.adder = script;
    let prepared = bench.prepare(&SCENARIO, None).unwrap();

    let killed = None;
    for (files, code, verdict, words) in [
        (&[][..], killed, Verdict::Fine, ""),
        (&[], Some(1), Verdict::Fine, ""),
        (&[("out.json", "{}"), ("result", "new")], Some(0), Verdict::Fine, ""),
        (&[("out.json", "{")], killed, Verdict::Torn, "out.json is not whole"),
        (&[("result", "n")], killed, Verdict::Torn, "result is neither the old nor the new one"),
        (&[("refuse", "")], killed, Verdict::Lost, "again: exit code 1: error: refused"),
        (&[("crash", "")], killed, Verdict::Panicked, "again: exit code 101: "),
        (&[("rest", "")], killed, Verdict::Differing, "again: rest is left over"),
        (&[], Some(0), Verdict::WrongCode, "exit code 0, but out.json is missing"),
        (&[], Some(3), Verdict::WrongCode, "exit code 3: words"),
        (&[], Some(134), Verdict::Panicked, "exit code 134: words"),
    ] {
        let work = bench.work(&prepared).unwrap();
        for (name, content) in files {
            fs::write(work.join(name), content).unwrap();
        }
        let judgment = bench.judge(&prepared, &ended(code), &work, &[1]).unwrap();
        assert_eq!((judgment.verdict, &*judgment.words), (verdict, words), "{files:?}");
    }
}

#[test]
fn numbers_are_found_in_json_on_one_line_and_on_many() {
    let folder = std::env::temp_dir().join(format!("adder-torture-number-{}", std::process::id()));
    for text in ["{\"steps\": 3, \"steps\":12}", "{\n  \"steps\": 12\n}"] {
        fs::write(&folder, text).unwrap();
        assert_eq!(number(&folder, "steps"), Some(12), "{text}");
    }
    assert_eq!(number(&folder, "epochs"), None);
    fs::remove_file(folder).unwrap();
}

#[test]
fn a_run_that_is_being_replaced_counts_until_the_new_one_is_whole() {
    let folder = std::env::temp_dir().join(format!("adder-torture-next-{}", std::process::id()));
    let write = |path: &str, steps: u64| {
        fs::create_dir_all(folder.join(path)).unwrap();
        fs::write(folder.join(path).join("state.json"), format!("{{\"steps\":{steps}}}")).unwrap();
    };
    write("run/last", 6);
    write("run/.new/last", 0);
    assert_eq!(steps(&folder), Some(6));
    let left = without_beginnings(&folder::snapshot(&folder).unwrap());
    assert_eq!(left.keys().collect::<Vec<_>>(), ["run/", "run/last/", "run/last/state.json"]);
    fs::rename(folder.join("run/.new"), folder.join("run/.next")).unwrap();
    assert_eq!(steps(&folder), Some(0));
    fs::remove_dir_all(folder).unwrap();
}
