//! `adder serve` as a process: it says where it listens, answers, logs, and ends well.
#![cfg(all(unix, feature = "pretrained"))]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::common::{Workplace, json};

/// A server that is killed, where it still runs, when this is dropped.
struct Server {
    child: Child,
    lines: BufReader<Box<dyn Read>>,
    addr: String,
}

impl Server {
    fn start(place: &Workplace, more: &[&str]) -> Self {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin("adder"))
            .args([&["serve", "--addr", "127.0.0.1:0"], more].concat())
            .current_dir(place.path(""))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(Box::new(child.stderr.take().unwrap()) as Box<dyn Read>);
        let mut line = String::new();
        while !line.contains("http://") {
            line.clear();
            assert!(lines.read_line(&mut line).unwrap() > 0, "it ended before it listened");
        }
        let addr = line.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
        Self { child, lines, addr }
    }

    /// The whole answer to a request.
    fn ask(&self, head: &str, body: &str) -> String {
        let mut socket = TcpStream::connect(&self.addr).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let length = body.len();
        write!(
            socket,
            "{head}host: {}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}",
            self.addr
        )
        .unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Ends it by a signal: its exit code, and what it still said.
    fn end(mut self, signal: &str) -> (Option<i32>, String) {
        let killed = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        let mut said = String::new();
        self.lines.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_answers_until_it_is_told_to_end() {
    let place = Workplace::new();
    for signal in ["-TERM", "-INT"] {
        let server = Server::start(&place, &["pretrained", "--log"]);
        let pixels = format!("{{\"pixels\": {:?}, \"addend\": 7}}", [0; 784]);
        let head = "POST /v1/predict HTTP/1.1\r\ncontent-type: application/json\r\n";
        let answer = server.ask(head, &pixels);
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"addend\":7"), "{answer}");
        assert!(server.ask("GET / HTTP/1.1\r\n", "").contains("<canvas"));
        let (code, said) = server.end(signal);
        assert_eq!(code, Some(0), "{said}");
        let log: Vec<_> = said.lines().map(json).collect();
        assert_eq!(log.len(), 2, "{said}");
        assert_eq!((&log[0]["path"], &log[0]["status"]), (&"/v1/predict".into(), &200.into()));
        assert_eq!((&log[1]["method"], &log[1]["path"]), (&"GET".into(), &"/".into()));
        for line in &log {
            let time = line["time"].as_str().unwrap();
            let shape: String = time.chars().map(|at| if at.is_ascii_digit() { '0' } else { at }).collect();
            assert_eq!(shape, "0000-00-00T00:00:00Z", "{time}");
        }
    }
}

/// The reader of the log goes away, as `| head` does.
#[test]
fn it_answers_when_its_log_cannot_be_written() {
    let place = Workplace::new();
    let mut server = Server::start(&place, &["pretrained", "--log"]);
    server.lines = BufReader::new(Box::new(std::io::empty()));
    for _ in 0..3 {
        assert!(server.ask("GET /healthz HTTP/1.1\r\n", "").starts_with("HTTP/1.1 200"));
    }
    assert_eq!(server.end("-TERM").0, Some(0));
}

#[test]
fn its_limits_and_names_are_flags() {
    let place = Workplace::new();
    let flags = ["--max-body", "1kB", "--max-pixels", "1MP", "--max-connections", "2"];
    let names = ["--allow-host", "digits.example", "--allow-origin", "https://page.example"];
    let server = Server::start(&place, &[&["pretrained"][..], &flags, &names].concat());
    let post = "POST /v1/predict HTTP/1.1\r\ncontent-type: application/json\r\n";
    let refused = server.ask(post, &" ".repeat(1001));
    assert!(refused.starts_with("HTTP/1.1 413") && refused.contains("1000 bytes"), "{refused}");
    let marked = server.ask("GET /healthz HTTP/1.1\r\norigin: https://page.example\r\n", "");
    assert!(marked.contains("access-control-allow-origin: https://page.example"), "{marked}");
    let mut socket = TcpStream::connect(&server.addr).unwrap();
    let mut named = |host: &str| {
        write!(socket, "GET /healthz HTTP/1.1\r\nhost: {host}\r\n\r\n").unwrap();
        let mut answer = [0; 12];
        socket.read_exact(&mut answer).unwrap();
        String::from_utf8(answer.to_vec()).unwrap()
    };
    assert_eq!(named("digits.example"), "HTTP/1.1 200");
    let mut elsewhere = TcpStream::connect(&server.addr).unwrap();
    write!(elsewhere, "GET /healthz HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    elsewhere.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 421") && answer.contains("evil.example"), "{answer}");
    drop((socket, elsewhere));
    assert_eq!(server.end("-TERM").0, Some(0));
    for (flag, value) in
        [("--max-body", "5GiB"), ("--max-pixels", "0"), ("--max-connections", "0"), ("--allow-host", "a b")]
    {
        let output = place.adder(&["serve", flag, value]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(2) && said.contains(flag) && said.contains("expected"),
            "{said}"
        );
    }
}

#[test]
fn it_says_why_it_cannot_start() {
    let place = Workplace::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let refused = |args: &[&str], code: i32, words: &[&str]| {
        let output = place.adder(&[&["serve"], args].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(words.iter().all(|word| said.contains(word)), "{args:?}: {said}");
        assert!(!said.contains("listening"), "{args:?}: {said}");
    };
    refused(&["pretrained", "--addr", &addr], 1, &["error: --addr", &addr, "in use"]);
    refused(&["no/such/run", "--addr", "127.0.0.1:0"], 1, &["no/such/run"]);
    place.write("empty/notes.txt", "mine");
    refused(&["empty", "--addr", "127.0.0.1:0"], 1, &["empty"]);
    place.write("broken.safetensors", [0; 40]);
    refused(&["broken.safetensors", "--addr", "127.0.0.1:0"], 1, &["broken.safetensors"]);
    refused(&["pretrained", "--addr", "nowhere"], 2, &["--addr"]);
}
