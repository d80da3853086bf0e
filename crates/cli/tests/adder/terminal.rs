//! Trainings on a terminal: keys, a terminal that is closed, and one that cannot draw.
#![cfg(target_os = "linux")]

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::common::{TINY, Workplace};

/// A program that goes on for so long after it was to stop never does.
const PATIENCE: Duration = Duration::from_secs(120);

/// A terminal of 80 columns and 24 rows: what the window has, and the name that programs open.
fn terminal() -> (File, String) {
    // A program that inherits the window would keep it open.
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    tcsetwinsize(&terminal, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    (File::from(terminal), name)
}

fn open(name: &str) -> File {
    use std::os::unix::fs::OpenOptionsExt;

    // Without O_NOCTTY it would become the terminal of the tests themselves where these have none.
    OpenOptions::new().read(true).write(true).custom_flags(0o400).open(name).unwrap()
}

/// A training of the tiny network on the dashboard.
fn training(run: &str, epochs: &str) -> Vec<String> {
    let words = ["train", "--tui", "--out", run, "--batch-size", "32", "--epochs", epochs];
    words.iter().chain(&TINY).map(|&word| word.to_owned()).collect()
}

/// What a training says on a terminal, with the variable `TERM` set so or unset.
fn said(place: &Workplace, run: &str, term: Option<&str>) -> String {
    let (mut window, name) = terminal();
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("adder"));
    command.current_dir(place.path("")).args(training(run, "1")).env_remove("TERM");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(open(&name));
    command.envs(term.map(|term| ("TERM", term)));
    // The terminal stays open until it is read.
    let held = open(&name);
    assert!(command.status().unwrap().success());
    let mut said = vec![0; 1 << 16];
    let length = window.read(&mut said).unwrap();
    drop(held);
    said.truncate(length);
    String::from_utf8(said).unwrap()
}

#[test]
fn a_terminal_that_cannot_draw_shows_plain_lines() {
    let place = Workplace::new();
    for (run, term) in [("dumb", Some("dumb")), ("unset", None)] {
        let said = said(&place, run, term);
        assert!(said.contains("epoch  1/1  loss") && said.contains(&format!("into {run}")), "{said}");
        assert!(!said.contains('\x1b'), "{said:?}");
    }
    let said = said(&place, "drawn", Some("xterm"));
    assert!(said.contains("epoch  1/1  loss") && said.contains('\x1b'), "{said:?}");
}

/// A long training on the dashboard of a terminal, and its window. Standard error goes where it is said, or to the terminal.
/// `program` starts it: the binary itself, or something before it.
fn begun(place: &Workplace, program: &[&str], stderr: Option<File>) -> (Child, File) {
    let (mut window, name) = terminal();
    let adder = assert_cmd::cargo::cargo_bin("adder");
    let words: Vec<&str> = program.iter().copied().chain(adder.to_str()).collect();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).args(training("run", "20000")).env("TERM", "xterm-256color");
    command.current_dir(place.path("")).stdin(open(&name)).stdout(open(&name));
    command.stderr(stderr.unwrap_or_else(|| open(&name)));
    let child = command.spawn().unwrap();
    drop(command);
    // Something is drawn ten times a second.
    let mut bytes = [0; 4096];
    while !place.path("run/last/model.safetensors").exists() {
        assert!(window.read(&mut bytes).unwrap() > 0);
    }
    (child, window)
}

/// The exit code of a program that ends soon.
#[track_caller]
fn code(mut child: Child) -> Option<i32> {
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    panic!("it goes on");
}

const RESUMES: &str = "stopped and saved; `adder train --resume run --tui` resumes here";

#[test]
fn a_closed_terminal_stops_the_training_and_saves() {
    // The end of the terminal's input alone, and the signal of the kernel to the program whose terminal it is.
    for program in [&[][..], &["setsid", "--ctty"]] {
        let place = Workplace::new();
        let errors = File::create(place.path("errors")).unwrap();
        let (child, window) = begun(&place, program, Some(errors));
        drop(window);
        assert_eq!(code(child), Some(129), "{program:?}");
        let said = std::fs::read_to_string(place.path("errors")).unwrap();
        assert!(said.contains(RESUMES) && !said.contains("panicked"), "{program:?}: {said}");
        assert!(place.done(&["runs", "show", "run"]).contains("stopped"), "{program:?}");

        // Where standard error went with it.
        let place = Workplace::new();
        let (child, window) = begun(&place, program, None);
        drop(window);
        assert_eq!(code(child), Some(129), "{program:?} without a standard error");
    }
}

#[test]
fn keys_that_leave_save_and_give_the_cursor_back() {
    for key in [b"q", b"s", b"\x03"] {
        let place = Workplace::new();
        let (child, mut window) = begun(&place, &[], None);
        window.write_all(key).unwrap();
        let (mut said, mut bytes) = (Vec::new(), [0; 4096]);
        // Linux has an error where the last one closed the terminal.
        while let Ok(length @ 1..) = window.read(&mut bytes) {
            said.extend_from_slice(&bytes[..length]);
        }
        assert_eq!(code(child), Some(130), "{key:?}");
        let said = String::from_utf8_lossy(&said);
        let [shown, left, resumes] =
            ["\x1b[?25h", "\x1b[?1049l", RESUMES].map(|words| said.rfind(words).unwrap_or_default());
        assert!(shown > 0 && left > 0 && resumes > left, "{key:?}: {said:?}");
    }
}
