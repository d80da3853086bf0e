//! HTTP itself: lengths, encodings, chunks, half-closed connections, pipelines, and what the library refuses by itself.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use adder_serve::Limits;
use serde_json::json;

use crate::client::{Reply, Running, drawing_file, json_request, pixels, read_reply};

const HEAD: &str = "POST /v1/predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";

fn ask(server: &Running, bytes: &[u8]) -> Reply {
    let mut socket = server.connect();
    socket.write_all(bytes).unwrap();
    read_reply(&mut socket)
}

#[track_caller]
fn is_refused(reply: &Reply, status: u16, word: &str) {
    assert_eq!(reply.status, status, "{}{}", reply.head, reply.body);
    assert!(reply.header("content-type").starts_with("application/json"), "{}", reply.head);
    assert!(reply.json()["error"]["code"].is_string(), "{}", reply.body);
    assert!(reply.body.contains(word), "{word}: {}", reply.body);
}

#[test]
fn a_body_that_is_announced_too_long_is_refused_before_it_comes() {
    let server = Running::start(Limits { body: 1000, ..Limits::default() });
    for more in ["", "expect: 100-continue\r\n"] {
        for length in ["1001", "99999999999999999", "9223372036854775807"] {
            let reply = ask(&server, format!("{HEAD}{more}content-length: {length}\r\n\r\n").as_bytes());
            is_refused(&reply, 413, "1000");
        }
    }
    // Beyond what hyper takes for a length, it calls the head too large.
    is_refused(&ask(&server, format!("{HEAD}content-length: {}\r\n\r\n", u64::MAX).as_bytes()), 431, "");
    let mut waiting = server.connect();
    write!(waiting, "{HEAD}expect: 100-continue\r\ncontent-length: 2\r\n\r\n").unwrap();
    let mut goes_on = [0; 25];
    waiting.read_exact(&mut goes_on).unwrap();
    assert_eq!(&goes_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    waiting.write_all(b"{}").unwrap();
    is_refused(&read_reply(&mut waiting), 400, "either");
}

#[test]
fn a_client_that_sends_on_sees_why_it_was_refused() {
    let server = Running::start(Limits { body: 1000, ..Limits::default() });
    for _ in 0..20 {
        let mut socket = server.connect();
        write!(socket, "{HEAD}content-length: 8000000\r\n\r\n").unwrap();
        // None of it may fail, or the answer would be lost with it.
        socket.write_all(&[b' '; 8_000_000]).unwrap();
        is_refused(&read_reply(&mut socket), 413, "1000");
    }
}

#[test]
fn chunks_are_counted() {
    let server = Running::start(Limits { body: 10_000, ..Limits::default() });
    let chunked = format!("{HEAD}transfer-encoding: chunked\r\n\r\n");
    let mut socket = server.connect();
    socket.write_all(chunked.as_bytes()).unwrap();
    for _ in 0..11 {
        let _ = socket.write_all(format!("3e8\r\n{}\r\n", " ".repeat(1000)).as_bytes());
    }
    is_refused(&read_reply(&mut socket), 413, "10000");
    let body = json!({ "pixels": pixels(1), "addend": 1 }).to_string();
    let whole = format!("{chunked}{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    assert_eq!(ask(&server, whole.as_bytes()).status, 200);
    is_refused(&ask(&server, format!("{chunked}zz\r\n").as_bytes()), 400, "body");
    is_refused(
        &ask(&server, format!("{HEAD}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n").as_bytes()),
        400,
        "chunked",
    );
}

#[test]
fn a_packed_body_is_refused() {
    let server = Running::start(Limits::default());
    for encoding in ["gzip", "br", "identity, gzip"] {
        let reply = server.send("POST", "/v1/predict", &[("content-encoding", encoding)], b"{}");
        is_refused(&reply, 415, encoding);
    }
    let plain = [("content-encoding", "Identity"), ("content-type", "image/png")];
    assert_eq!(server.send("POST", "/v1/predict", &plain, &drawing_file(&[(40, 50)])).status, 200);
}

#[test]
fn what_the_library_refuses_is_json_too() {
    let server = Running::start(Limits::default());
    // Twice the limit and more, for hyper looks at it between two readings.
    let long = "a".repeat(200_000);
    let many: String = (0..200).map(|at| format!("x-{at}: 1\r\n")).collect();
    for (head, status) in [
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), 400),
        ("\x16\x03\x01 hello\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nhost: x\r\na b: c\r\n\r\n".to_owned(), 400),
        (format!("{HEAD}content-length: -1\r\n\r\n"), 400),
        (format!("{HEAD}content-length: 1\r\ncontent-length: 2\r\n\r\n12"), 400),
        (format!("{HEAD}transfer-encoding: gzip\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\nhost: x\r\nx: {long}\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n"), 431),
        (format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", &long[..9000]), 414),
    ] {
        is_refused(&ask(&server, head.as_bytes()), status, "");
    }
    // Behind a good request in the same piece.
    let mut socket = server.connect();
    socket.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\nnonsense\r\n\r\n").unwrap();
    assert_eq!(read_reply(&mut socket).status, 200);
    is_refused(&read_reply(&mut socket), 400, "");
}

#[test]
fn a_client_that_has_said_its_last_gets_its_answer() {
    let server = Running::start(Limits::default());
    let whole = json_request(&json!({ "pixels": pixels(0), "addend": 1 }));
    for request in [&whole[..], b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"] {
        for _ in 0..20 {
            let mut socket = server.connect();
            socket.write_all(request).unwrap();
            socket.shutdown(Shutdown::Write).unwrap();
            assert_eq!(read_reply(&mut socket).status, 200);
            assert_eq!(socket.read(&mut [0]).unwrap(), 0, "and the connection ends");
        }
    }
    let mut half = server.connect();
    half.write_all(&whole[..whole.len() - 5]).unwrap();
    half.shutdown(Shutdown::Write).unwrap();
    let mut said = String::new();
    half.read_to_string(&mut said).unwrap();
    assert!(!said.starts_with("HTTP/1.1 200"), "{said}");
}

#[test]
fn a_pipeline_is_answered_in_its_order() {
    let server = Running::start(Limits::default());
    let mut socket = server.connect();
    let requests = (0..5).flat_map(|addend| json_request(&json!({ "pixels": pixels(0), "addend": addend })));
    socket.write_all(&requests.collect::<Vec<u8>>()).unwrap();
    for addend in 0..5 {
        assert_eq!(read_reply(&mut socket).json()["addend"], addend);
    }
}

/// A length beside chunks is what smuggles a request past a proxy: the chunks count, and what follows them is no request in disguise.
#[test]
fn a_length_beside_chunks_does_not_count() {
    let server = Running::start(Limits::default());
    let mut socket = server.connect();
    write!(socket, "{HEAD}content-length: 60\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n")
        .unwrap();
    is_refused(&read_reply(&mut socket), 400, "either");
}

#[test]
fn every_method_has_its_answer() {
    let server = Running::start(Limits::default());
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
        is_refused(&server.send(method, "/v1/predict", &[], b""), 405, "Allow");
    }
    let mut socket = server.connect();
    socket.write_all(b"HEAD /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n"), "{answer}");
    for path in [
        "/v1/%70redict",
        "/%2e%2e/Cargo.toml",
        "/..%2fCargo.toml",
        "//etc/passwd",
        "/v1/predict/",
        "/page.css/../page.js",
    ] {
        is_refused(&server.send("GET", path, &[], b""), 404, "openapi");
    }
}

#[test]
fn bodies_share_a_memory() {
    let limits = Limits { bodies: 300_000, time: Duration::from_secs(2), ..Limits::default() };
    let server = Running::start(limits);
    let mut waiting: Vec<_> = (0..40).map(|_| server.connect()).collect();
    let piece = vec![b' '; 20_000];
    for socket in &mut waiting {
        write!(socket, "{HEAD}content-length: 40000\r\n\r\n").unwrap();
        let _ = socket.write_all(&piece);
    }
    let mut statuses: Vec<u16> = Vec::new();
    let begin = Instant::now();
    for socket in &mut waiting {
        let reply = read_reply(socket);
        if reply.status == 503 {
            assert_eq!(reply.header("retry-after"), "1");
        }
        statuses.push(reply.status);
    }
    let full = statuses.iter().filter(|&&status| status == 503).count();
    let late = statuses.iter().filter(|&&status| status == 408).count();
    assert!(full >= 25 && late >= 5 && full + late == 40, "{statuses:?}");
    assert!(begin.elapsed() < Duration::from_secs(20), "slow bodies have a deadline");
    assert_eq!(server.post(&json!({ "pixels": pixels(0) })).status, 200, "the memory is given back");
}
