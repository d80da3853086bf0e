//! Who may ask: names of the server, and pages of other origins.

use std::io::Write;

use adder_serve::{Limits, Origin};

use crate::client::{Reply, Running, read_reply};

fn ask(server: &Running, head: &str) -> Reply {
    let mut socket = server.connect();
    socket.write_all(head.as_bytes()).unwrap();
    read_reply(&mut socket)
}

#[test]
fn a_name_that_only_resolves_to_it_is_refused() {
    let server = Running::start(Limits::default());
    let port = server.addr.port();
    let own = ["localhost", "LocalHost", "127.0.0.1", "[::1]"].map(|name| format!("{name}:{port}"));
    for host in own.iter().map(String::as_str).chain(["x", "test:80"]) {
        let reply = ask(&server, &format!("GET /v1/model HTTP/1.1\r\nhost: {host}\r\n\r\n"));
        assert_eq!(reply.status, 200, "{host}: {}", reply.body);
    }
    let foreign = format!("evil.example:{port}");
    for path in ["/v1/model", "/", "/metrics", "/nothing"] {
        let reply = ask(&server, &format!("GET {path} HTTP/1.1\r\nhost: {foreign}\r\n\r\n"));
        assert_eq!((reply.status, reply.json()["error"]["code"].as_str()), (421, Some("host")), "{path}");
        assert!(reply.body.contains("evil.example"), "{}", reply.body);
    }
    for host in ["localhost", "localhost:1", "127.0.0.1.evil.example", "localhost.:80"] {
        assert_eq!(ask(&server, &format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n")).status, 421, "{host}");
    }
    let by_target =
        ask(&server, &format!("GET http://{foreign}/ HTTP/1.1\r\nhost: localhost:{port}\r\n\r\n"));
    assert_eq!(by_target.status, 421, "{}", by_target.body);
}

#[test]
fn a_request_has_one_host() {
    let server = Running::start(Limits::default());
    for (head, word) in [
        ("GET / HTTP/1.1\r\n\r\n", "found none"),
        ("GET / HTTP/1.1\r\nhost: x\r\nhost: x\r\n\r\n", "found several"),
        ("GET / HTTP/1.1\r\nhost: x y\r\n\r\n", "x y"),
        ("GET / HTTP/1.1\r\nhost:\r\n\r\n", "host"),
    ] {
        let reply = ask(&server, head);
        assert_eq!(
            (reply.status, reply.json()["error"]["code"].as_str()),
            (400, Some("bad_request")),
            "{head}"
        );
        assert!(reply.body.contains(word), "{head}: {}", reply.body);
    }
    assert_eq!(ask(&server, "GET /healthz HTTP/1.0\r\n\r\n").status, 200, "HTTP/1.0 knows none");
}

const PREFLIGHT: [(&str, &str); 3] = [
    ("origin", "https://digits.example"),
    ("access-control-request-method", "POST"),
    ("access-control-request-headers", "content-type"),
];

#[test]
fn pages_of_other_origins_read_nothing_unless_they_are_named() {
    let server = Running::start(Limits::default());
    let reply = server.send("GET", "/v1/model", &PREFLIGHT[..1], b"");
    assert_eq!(
        (reply.status, reply.header("access-control-allow-origin"), reply.header("vary")),
        (200, "", "")
    );
    let preflight = server.send("OPTIONS", "/v1/predict", &PREFLIGHT, b"");
    assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (405, ""));

    let origins =
        ["https://digits.example", "http://localhost:3000"].map(|origin| origin.parse::<Origin>().unwrap());
    let server = Running::start_with(Limits::default(), |server| server.allow_origins(origins));
    let named = PREFLIGHT[0].1;
    let reply = server.send("POST", "/v1/predict", &PREFLIGHT[..1], b"");
    assert_eq!(
        (reply.status, reply.header("access-control-allow-origin")),
        (415, named),
        "errors are read too"
    );
    assert_eq!(reply.header("vary"), "origin");
    let preflight = server.send("OPTIONS", "/v1/predict", &PREFLIGHT, b"");
    assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (204, named));
    assert_eq!(preflight.header("access-control-allow-methods"), "GET, POST");
    assert_eq!(preflight.header("access-control-allow-headers"), "content-type");
    assert!(preflight.head.contains("vary: origin\r\n"), "{}", preflight.head);
    let other = [("origin", "https://evil.example"), PREFLIGHT[1]];
    let reply = server.send("OPTIONS", "/v1/predict", &other, b"");
    assert_eq!(
        (reply.status, reply.header("access-control-allow-origin"), reply.header("vary")),
        (405, "", "origin")
    );
    assert_eq!(server.send("GET", "/v1/model", &[], b"").header("vary"), "origin", "for caches");

    let server = Running::start_with(Limits::default(), |server| server.allow_origins([Origin::Any]));
    let reply = server.send("GET", "/v1/model", &other[..1], b"");
    assert_eq!((reply.header("access-control-allow-origin"), reply.header("vary")), ("*", ""));
}
