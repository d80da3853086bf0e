//! Places to write to: links, pipes, devices, folders. What is written is whole or absent, and what can't be is said of the name that
//! was given.

use crate::common::{Workplace, bytes};

/// Commands that write one file, without its name, and the flag of the name.
const WRITERS: [(&[&str], &str); 2] =
    [(&["export", "run", "--format", "onnx"], "--out"), (&["report", "run"], "--out")];

/// A command that must fail; what it says.
#[track_caller]
fn failed(place: &Workplace, args: &[&str]) -> String {
    let output = place.adder(args);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
    assert!(!said.contains("unfinished"), "{args:?} names a file of its own: {said}");
    said
}

#[test]
fn what_is_no_file_is_refused_in_words() {
    let place = Workplace::new();
    place.train("run", &[]);
    place.write("file", "old");
    for (command, flag) in WRITERS {
        for name in [".", "run", "new/"] {
            let said = failed(&place, &[command, &[flag, name]].concat());
            assert!(said.contains(name) && said.contains("expected a file, found a folder"), "{said}");
        }
        let said = failed(&place, &[command, &[flag, "file/inside"]].concat());
        assert!(said.contains("file/inside") && said.contains("expected a folder, found a file"), "{said}");
    }
    for command in [&["data", "--out", "file"][..], &["lr-find", "--out", "file"]] {
        let said = failed(&place, command);
        assert!(said.contains("file: cannot be made: expected a folder, found a file"), "{said}");
    }
    assert_eq!(bytes(&place.path("file")), b"old");
}

#[cfg(unix)]
mod unix {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::process::{Command, Stdio};

    use super::*;

    fn names(place: &Workplace) -> Vec<String> {
        let entries = fs::read_dir(place.path("")).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_link_stays_and_its_file_is_written() {
        let place = Workplace::new();
        place.train("run", &[]);
        place.write("store/old", "old");
        symlink("store/old", place.path("link")).unwrap();
        symlink("store/new", place.path("dangling")).unwrap();
        for (link, file) in [("link", "store/old"), ("dangling", "store/new")] {
            place.done(&["export", "run", "--format", "torch-safetensors", "--out", link]);
            assert!(place.path(link).is_symlink(), "{link}");
            assert!(bytes(&place.path(file)).len() > 1000, "{file}");
        }
        assert_eq!(names(&place), ["dangling", "link", "run", "store"]);
    }

    #[test]
    fn pipes_take_the_bytes_and_stay() {
        let place = Workplace::new();
        place.train("run", &[]);
        let export = ["export", "run", "--format", "onnx", "--out"];
        place.done(&[&export[..], &["file"]].concat());
        let expected = bytes(&place.path("file"));
        // Standard output as a pipe, and as a file.
        let output = place.adder(&[&export[..], &["/dev/stdout"]].concat());
        assert!(output.status.success() && output.stdout == expected);
        let shell = |script: &str| {
            let mut command = Command::new("sh");
            command.current_dir(place.path("")).env("ADDER", assert_cmd::cargo::cargo_bin("adder"));
            command.args(["-c", script]).stdin(Stdio::null());
            let output = command.output().unwrap();
            assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        };
        let export = export.join(" ");
        shell(&format!("\"$ADDER\" {export} /dev/stdout > redirected"));
        assert_eq!(bytes(&place.path("redirected")), expected);
        shell(&format!("mkfifo pipe && cat pipe > piped & sleep 0.1; \"$ADDER\" {export} pipe && wait"));
        assert_eq!(bytes(&place.path("piped")), expected);
        shell("test -p pipe");
        assert_eq!(names(&place), ["file", "pipe", "piped", "redirected", "run"]);
    }

    #[test]
    fn a_socket_is_refused() {
        let place = Workplace::new();
        place.train("run", &[]);
        let _socket = UnixListener::bind(place.path("socket")).unwrap();
        let said = failed(&place, &["export", "run", "--format", "onnx", "--out", "socket"]);
        let expected =
            "socket: cannot be written: expected a file, a pipe or a character device, found a socket";
        assert!(said.contains(expected), "{said}");
        assert_eq!(names(&place), ["run", "socket"]);
    }

    /// Where the folder takes nothing, the name that was given is said.
    #[test]
    fn a_folder_that_takes_nothing() {
        let place = Workplace::new();
        place.train("run", &[]);
        // No folder that is made for a test refuses the superuser; this one refuses everybody.
        let name = "/proc/adder.onnx";
        let said = failed(&place, &["export", "run", "--format", "onnx", "--out", name]);
        assert!(
            said.contains("/proc/adder.onnx: cannot be written: its folder /proc takes no new file"),
            "{said}"
        );
    }
}
