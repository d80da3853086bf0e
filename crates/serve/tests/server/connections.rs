//! Connections: many, silent, slow, deaf, and those that speak no HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use adder_serve::Limits;
use serde_json::json;

use crate::client::{Running, json_request, pixels};

#[test]
fn a_thousand_at_once_are_all_answered() {
    let server = Running::start(Limits::default());
    let mut connections: Vec<TcpStream> = (0..1000).map(|_| server.connect()).collect();
    for (seed, connection) in connections.iter_mut().enumerate() {
        connection
            .write_all(&json_request(&json!({ "pixels": pixels(seed as u32 % 7), "addend": seed % 10 })))
            .unwrap();
    }
    for (seed, connection) in connections.iter_mut().enumerate() {
        let reply = crate::client::read_reply(connection);
        assert_eq!((reply.status, reply.json()["addend"].as_u64()), (200, Some(seed as u64 % 10)));
    }
    let metrics = server.send("GET", "/metrics", &[], b"").body;
    assert!(metrics.contains("adder_images_total 1000"), "{metrics}");
    // So many cannot all have found the predictor idle.
    let batches = metrics.lines().find_map(|line| line.strip_prefix("adder_batches_total ")).unwrap();
    assert!(batches.parse::<u32>().unwrap() < 1000, "none was answered together with another");
}

#[test]
fn garbage_on_the_socket_harms_nobody() {
    let server = Running::start(Limits::default());
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        &[0; 70_000],
        b"POST /v1/predict HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
    ] {
        let mut socket = server.connect();
        let _ = socket.write_all(garbage);
        let _ = socket.shutdown(std::net::Shutdown::Write);
        let _ = socket.read_to_end(&mut Vec::new());
    }
    assert_eq!(server.send("GET", "/healthz", &[], b"").status, 200);
}

#[test]
fn connections_that_say_nothing_are_closed() {
    let server = Running::start(Limits { head: Duration::from_millis(200), ..Limits::default() });
    let silent = server.connect();
    let mut half = server.connect();
    half.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-more").unwrap();
    let mut idle = server.connect();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert_eq!(crate::client::read_reply(&mut idle).status, 200);
    for mut socket in [silent, half, idle] {
        // Whatever is still said, the connection ends; reading fails after 30 seconds where it does not.
        let mut last_words = Vec::new();
        socket.read_to_end(&mut last_words).expect("the connection is closed");
        assert!(!last_words.starts_with(b"HTTP/1.1 200"));
    }
    // A byte now and then does not help.
    let mut slow = server.connect();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nx: ").unwrap();
    slow.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let begin = std::time::Instant::now();
    loop {
        let closed = slow.write_all(b"y").is_err() || matches!(slow.read(&mut [0; 64]), Ok(0));
        if closed {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "a slow head holds its connection");
    }
    assert_eq!(server.send("GET", "/healthz", &[], b"").status, 200);
}

#[test]
fn a_client_that_asks_and_never_reads_is_closed() {
    let limits = Limits { connections: 1, unread: Duration::from_millis(200), ..Limits::default() };
    let server = Running::start(limits);
    let mut deaf = server.connect();
    deaf.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let questions = b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1000);
    // Until the buffers of both ends are full, or the server has had enough.
    while deaf.write_all(&questions).is_ok() {}
    assert_eq!(server.send("GET", "/healthz", &[], b"").status, 200, "the deaf client holds the only place");
}

#[test]
fn a_body_may_take_longer_than_a_head() {
    let server = Running::start(Limits { head: Duration::from_millis(100), ..Limits::default() });
    let mut socket = server.connect();
    let whole = json_request(&json!({ "pixels": pixels(0), "addend": 1 }));
    socket.write_all(&whole[..whole.len() - 5]).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    socket.write_all(&whole[whole.len() - 5..]).unwrap();
    assert_eq!(crate::client::read_reply(&mut socket).status, 200);
}

#[test]
fn connections_beyond_the_limit_wait_for_a_place() {
    let server = Running::start(Limits { connections: 1, ..Limits::default() });
    let request = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut first = server.connect();
    first.write_all(request).unwrap();
    assert_eq!(crate::client::read_reply(&mut first).status, 200);
    let mut second = server.connect();
    second.write_all(request).unwrap();
    second.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(second.peek(&mut [0]).is_err(), "two were served at once");
    drop(first);
    second.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    assert_eq!(crate::client::read_reply(&mut second).status, 200);
}
