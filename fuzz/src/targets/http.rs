//! Requests to a server that listens on this machine, and its answers.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use adder_model::Predictor;
use adder_serve::{Limits, ModelInfo, Server, ShutdownHandle};

use crate::networks;
use crate::sections::{form, join, split};
use crate::target::{Seed, Target};

/// The target.
pub const TARGET: Target = Target {
    run,
    memory: 512 << 20,
    seeds,
    words: &[
        b"Expect: 100-continue\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Encoding: gzip\r\n",
        b"Content-Length: ",
        b"Origin: ",
        b"Host: localhost\r\n",
        b"\"pixels\":",
        b"\"image\":",
        b"\"addend\":",
        b"\"inputs\":[",
        b"data:image/png;base64,",
        b"%00",
        b"&each=true",
        b"?addend=3",
        b"OPTIONS ",
        b"HEAD ",
        b"HTTP/1.0",
        b"\r\n\r\n",
    ],
};

/// The time for a request that never ends; the answers to others take a millisecond.
const TIME: Duration = Duration::from_millis(300);
/// The time after which an answer is missing.
const MISSING: Duration = Duration::from_secs(10);

/// The first byte chooses between the bytes of a request, and parts of a whole one: its method and target, lines of its head, its body.
fn run(data: &[u8]) -> bool {
    let address = server();
    let (form, data) = form(data);
    let whole = form != 0;
    let request = if whole { request(&split(data), address) } else { data.to_vec() };
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(MISSING)).expect("a time that is not zero");
    // It may have answered and closed before it had read all.
    let _ = stream.write_all(&request);
    if !whole {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        assert!(
            !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
            "no answer"
        );
    }
    for status in [&b"HTTP/1.1 500"[..], b"HTTP/1.0 500"] {
        assert!(!answer.starts_with(status), "{}", String::from_utf8_lossy(&answer));
    }
    answer.starts_with(b"HTTP/1.1 200")
}

/// A request of its parts, with what it needs to be read.
fn request(parts: &[&[u8]], address: SocketAddr) -> Vec<u8> {
    let part = |index: usize| parts.get(index).copied().unwrap_or_default();
    let (target, head, body) = (part(0), part(1), part(2));
    let fixed = format!("Host: {address}\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    [target, b" HTTP/1.1\r\n", fixed.as_bytes(), head, b"\r\n", body].concat()
}

/// The address of the server, which begins with the first input.
fn server() -> SocketAddr {
    static ADDRESS: OnceLock<SocketAddr> = OnceLock::new();
    *ADDRESS.get_or_init(|| {
        let model = networks::network();
        let info = ModelInfo { config: networks::config(), parameters: 0, facts: Default::default() };
        let limits =
            Limits { time: TIME, head: TIME, body: 1 << 20, picture: 128 << 20, ..Limits::default() };
        let server =
            Server::new(Predictor::new(&model).expect("a network that predicts"), info, limits, |_| ())
                .allow_hosts(["localhost".parse().expect("a name")]);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of this machine");
        let address = listener.local_addr().expect("a listener has an address");
        thread::spawn(move || server.run(listener, 1, &ShutdownHandle::default()));
        address
    })
}

fn seeds() -> Vec<Seed> {
    const JSON: &[u8] = b"Content-Type: application/json\r\n";
    let zeros = vec!["0"; 784].join(",");
    let whole =
        |target: &str, head: &[u8], body: &[u8]| [&[1], &join(&[target.as_bytes(), head, body])[..]].concat();
    let pixels = format!("{{\"pixels\":[{zeros}],\"addend\":7,\"seen\":true}}");
    let list =
        format!("{{\"inputs\":[{{\"pixels\":[{zeros}]}},{{\"image\":\"iVBORw0KGgo=\",\"each\":true}}]}}");
    let picture = super::picture::TARGET.seeds;
    let png =
        picture().into_iter().find(|(name, _)| *name == "gray.png").map(|(_, bytes)| bytes[1..].to_vec());
    vec![
        ("pixels", whole("POST /v1/predict", JSON, pixels.as_bytes())),
        ("refused_list", whole("POST /v1/predict", JSON, list.as_bytes())),
        ("refused_small", whole("POST /v1/predict", JSON, b"{\"image\":\"Qk0=\",\"addend\":3,\"raw\":true}")),
        ("png", whole("POST /v1/predict?addend=3&each=true", b"Content-Type: image/png\r\n", &png.unwrap_or_default())),
        ("metrics", whole("GET /metrics", b"", b"")),
        // A server may take the end of what a client says for the end of the client.
        ("any_two", b"\0GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /v1/model HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
        ("any_chunked", b"\0POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n".to_vec()),
    ]
}
