//! What a shell sees of the program: completions, manual pages, the version, help.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::common::{TINY, Workplace, bytes, json};

#[path = "../../build/commit.rs"]
mod commit;

/// The options of every command.
const GLOBALS: [&str; 4] = ["--quiet", "--threads", "--device", "--backend"];

/// The commands, as the help lists them.
fn commands(place: &Workplace) -> Vec<String> {
    let help = place.done(&["-h"]);
    let list = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

#[test]
fn every_shell_learns_every_command() {
    let place = Workplace::new();
    let commands = commands(&place);
    assert!(commands.len() > 13, "{commands:?}");
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = place.done(&["completions", shell]);
        for word in commands.iter().map(String::as_str).chain(["recipe", "backend"]) {
            assert!(script.contains(word), "{shell}: {word}");
        }
        // What every command takes is completed in each, though its help does not list it.
        assert!(script.matches("backend").count() >= commands.len(), "{shell}");
        // In PowerShell clap completes no values.
        assert_eq!(script.contains("onnx"), shell != "powershell", "{shell}");
    }
    let unknown = place.adder(&["completions", "tcsh"]);
    assert_eq!((unknown.status.code(), unknown.stdout.len()), (Some(2), 0));
    let said = String::from_utf8_lossy(&unknown.stderr);
    assert!(said.contains("tcsh") && said.contains("bash") && said.contains("zsh"), "{said}");
}

/// What bash would offer for the last of some words.
#[cfg(unix)]
fn completed(place: &Workplace, words: &str) -> Option<BTreeSet<String>> {
    let line = format!(
        "source ./adder.bash && COMP_WORDS=({words}) && COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)) && \
         _adder adder \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let output = Command::new("bash").current_dir(place.path(".")).args(["-c", &line]).output().ok()?;
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.stderr.is_empty(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    Some(said.lines().map(str::to_owned).collect())
}

#[cfg(unix)]
#[test]
fn bash_completes_commands_options_and_values() {
    let place = Workplace::new();
    place.write("adder.bash", place.done(&["completions", "bash"]));
    let cases = [
        ("adder lr", &["lr-find"][..]),
        ("adder eval --sp", &["--split"]),
        ("adder eval --split ''", &["val", "eval"]),
        ("adder train --back", &["--backend"]),
        ("adder runs sho", &["show"]),
        ("adder completions f", &["fish"]),
    ];
    for (words, expected) in cases {
        // A machine without bash has nothing to hold this to.
        let Some(found) = completed(&place, words) else { return };
        assert_eq!(found, expected.iter().map(|&word| word.to_owned()).collect(), "{words}");
    }
}

#[test]
fn a_manual_page_is_written_for_every_command() {
    let place = Workplace::new();
    place.done(&["man", "pages/man1"]);
    let folder = std::fs::read_dir(place.path("pages/man1")).unwrap();
    let found: BTreeSet<_> = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let mut expected: BTreeSet<_> =
        ["adder.1", "adder-runs-show.1", "adder-runs-rm.1", "adder-runs-mv.1"].map(str::to_owned).into();
    let commands = commands(&place).into_iter().filter(|name| name != "help");
    expected.extend(commands.map(|name| format!("adder-{name}.1")));
    assert_eq!(found, expected);

    let page = |name: &str| String::from_utf8(bytes(&place.path("pages/man1").join(name))).unwrap();
    assert_eq!(place.done(&["man"]), page("adder.1"));
    let evaluation = page("adder-eval.1");
    let head = r#".TH adder-eval 1 " " "adder 0.1.0"#;
    assert!(evaluation.contains(head) && evaluation.contains("exhaustive"), "{evaluation}");
    assert!(!evaluation.contains("BACKEND") && page("adder.1").contains("BACKEND"), "{evaluation}");

    place.write("file", "not a folder");
    let refused = place.adder(&["man", "file"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("file: cannot be made"));
    assert_eq!(bytes(&place.path("file")), b"not a folder");
}

#[test]
fn options_of_every_command_are_explained_once_and_taken_everywhere() {
    let place = Workplace::new();
    let top = place.done(&["--help"]);
    assert!(GLOBALS.iter().all(|option| top.contains(option)), "{top}");
    for command in [&["train"][..], &["predict"], &["runs", "show"], &["help", "eval"]] {
        let args = if command[0] == "help" { command.to_vec() } else { [command, &["--help"]].concat() };
        let help = place.done(&args);
        for option in GLOBALS {
            assert_eq!(help.matches(option).count(), 1, "{option}: {help}");
        }
        assert!(help.contains("--threads, --device, --backend; see `adder --help`"), "{help}");
    }
    // What stood at the end of a command's own help stands there still.
    assert!(place.done(&["predict", "--help"]).contains("Exit codes: 0 every picture was answered"));

    let usual = place.done(&["summary"]);
    assert_eq!(place.done(&["summary", "-q", "--threads", "1", "--device", "cpu"]), usual);
    assert_eq!(place.done(&["--threads=1", "summary", "--backend", "fused"]), usual);
    let refused = place.adder(&["runs", "show", "x", "--thread", "2"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(2) && said.contains("'--threads'"), "{said}");
}

#[test]
fn the_version_is_the_packages_and_may_name_a_commit() {
    let said = Workplace::new().done(&["--version"]);
    let rest = said.strip_prefix(concat!("adder ", env!("CARGO_PKG_VERSION"))).unwrap().trim_end();
    let commit = rest.strip_prefix(" (").and_then(|rest| rest.strip_suffix(')'));
    assert!(rest.is_empty() || commit.is_some_and(commit::is_commit), "{said}");
}

#[test]
fn the_commit_is_read_from_every_form_of_a_working_tree() {
    let (place, commits) = (Workplace::new(), ["a", "b", "c"].map(|digit| digit.repeat(40)));
    let found = |folder: &str| commit::of_working_tree(&place.path(folder)).map(|found| found.commit);
    // A branch in a file of its own, then among the packed ones, then none but a commit.
    place.write("tree/.git/HEAD", "ref: refs/heads/topic/one\n");
    assert_eq!(found("tree"), None);
    place.write(
        "tree/.git/packed-refs",
        format!("# pack-refs\n{} refs/heads/one\n{} refs/heads/topic/one\n", commits[2], commits[1]),
    );
    assert_eq!(found("tree"), Some(commits[1].clone()));
    place.write("tree/.git/refs/heads/topic/one", format!("{}\n", commits[0]));
    assert_eq!(found("tree"), Some(commits[0].clone()));
    let watched = commit::of_working_tree(&place.path("tree")).unwrap().files;
    assert!(watched.len() == 3 && watched.iter().all(|file| file.is_file()), "{watched:?}");
    // A tree that `git worktree` added.
    place.write("second/.git", "gitdir: ../tree/.git/worktrees/second\n");
    place.write("tree/.git/worktrees/second/commondir", "../..\n");
    place.write("tree/.git/worktrees/second/HEAD", "ref: refs/heads/one\n");
    assert_eq!(found("second"), Some(commits[2].clone()));
    place.write("tree/.git/worktrees/second/HEAD", format!("{}\n", commits[1]));
    assert_eq!(found("second"), Some(commits[1].clone()));
    // Not that of a tree around, nor what is no commit.
    place.write("tree/inner/file", "");
    assert_eq!(found("tree/inner"), None);
    place.write("odd/.git/HEAD", "\u{1b}[31m and other words\n");
    assert_eq!(found("odd"), None);
}

#[test]
fn a_package_says_its_commit() {
    let place = Workplace::new();
    let found = || commit::of_package(&place.path("package")).map(|found| found.commit);
    assert_eq!(found(), None);
    let commit = "0123456789abcdef0123456789abcdef01234567";
    place.write(
        "package/.cargo_vcs_info.json",
        format!("{{\n  \"git\": {{\n    \"sha1\": \"{commit}\"\n  }}\n}}"),
    );
    assert_eq!(found().as_deref(), Some(commit));
    place.write("package/.cargo_vcs_info.json", r#"{"git":{"sha1":"no"}}"#);
    assert_eq!(found(), None);
}

/// Against git itself, where it is there and this is a working tree.
#[test]
fn the_commit_is_gits() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let said = Command::new("git").arg("-C").arg(&top).args(["rev-parse", "HEAD"]).output();
    let Some(said) = said.ok().filter(|said| said.status.success() && top.join(".git").exists()) else {
        return;
    };
    let found = commit::of_working_tree(&top).unwrap();
    assert_eq!(found.commit, String::from_utf8(said.stdout).unwrap().trim_end());
}

#[test]
fn the_test_set_has_two_names() {
    let place = Workplace::new();
    place.train("run", &[]);
    let report = |split| json(&place.done(&["eval", "run", "--json", "--split", split]));
    assert_eq!(report("test"), report("eval"));
    assert_ne!(report("test"), report("val"));
}

#[test]
fn the_range_test_says_what_it_leaves_aside() {
    let place = Workplace::new();
    let said = |recipe: &str, more: &[&str]| {
        let args = ["lr-find", "--recipe", recipe, "--steps", "2", "--batch-size", "16"];
        let output = place.adder(&[&args[..], &TINY, more].concat());
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let note = "note: the range test leaves aside what the configuration says of";
    let more = ["--set", "schedule.kind=cosine", "--set", "training.ema_decay=0.9"];
    let words = said("notebook", &more);
    assert!(words.contains(&format!("{note} schedule, averaged weights\n")), "{words}");
    assert!(!said("notebook", &[&more[..], &["--quiet"]].concat()).contains("note:"));
    assert!(!said("notebook", &[]).contains("note:"));
}
