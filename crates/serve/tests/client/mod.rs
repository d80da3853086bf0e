//! A server in a thread, and an HTTP client of a few lines.

use std::io::{Cursor, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use adder_model::{IdentityAdder, ModelConfig, Predictor};
use adder_serve::{Limits, ModelInfo, Server, ShutdownHandle};
use base64::Engine;
use candle_core::Device;
use image::{GrayImage, ImageFormat, Luma};
use serde_json::Value;

/// A server that is stopped, and must end well, when this is dropped.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    pub(crate) stop: ShutdownHandle,
    thread: Option<JoinHandle<std::io::Result<()>>>,
}

/// An answer, taken apart.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// The network that the servers of the tests have.
pub(crate) fn network() -> IdentityAdder {
    IdentityAdder::new(&ModelConfig::default(), 5, &Device::Cpu).unwrap()
}

/// An image that no other seed gives.
pub(crate) fn pixels(seed: u32) -> Vec<u8> {
    (0..784u32).map(|at| (at.wrapping_mul(2_654_435_761).wrapping_add(seed * 97) >> 13) as u8).collect()
}

/// A page of 200x120 with dark bars from so many pixels on to so many from the left, as PNG in base64.
pub(crate) fn drawing(bars: &[(u32, u32)]) -> String {
    base64::engine::general_purpose::STANDARD.encode(drawing_file(bars))
}

/// The same as a PNG file.
pub(crate) fn drawing_file(bars: &[(u32, u32)]) -> Vec<u8> {
    let inked =
        |x, y| (20..100).contains(&y) && bars.iter().any(|(left, right)| (*left..*right).contains(&x));
    let page = GrayImage::from_fn(200, 120, |x, y| Luma([if inked(x, y) { 20 } else { 230 }]));
    let mut file = Cursor::new(Vec::new());
    page.write_to(&mut file, ImageFormat::Png).unwrap();
    file.into_inner()
}

impl Running {
    pub(crate) fn start(limits: Limits) -> Self {
        Self::start_with(limits, |server| server)
    }

    pub(crate) fn start_with(limits: Limits, change: impl FnOnce(Server) -> Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (addr, stop) = (listener.local_addr().unwrap(), ShutdownHandle::default());
        let model = network();
        let description = ModelInfo {
            config: model.config().clone(),
            parameters: model.parameters().iter().map(|parameter| parameter.var.elem_count()).sum(),
            facts: Default::default(),
        };
        let server = Server::new(Predictor::new(&model).unwrap(), description, limits, |_| ());
        let server = change(server.allow_hosts(["test", "x"].map(|name| name.parse().unwrap())));
        let stopping = stop.clone();
        let thread = std::thread::spawn(move || server.run(listener, 2, &stopping));
        Self { addr, stop, thread: Some(thread) }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let socket = TcpStream::connect(self.addr).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        socket
    }

    pub(crate) fn post(&self, body: &Value) -> Reply {
        let mut socket = self.connect();
        socket.write_all(&json_request(body)).unwrap();
        read_reply(&mut socket)
    }

    /// Until a prediction is in work. A request that is sent before that may itself take the last place, and the one that was
    /// to hold it is refused.
    pub(crate) fn wait_until_in_work(&self) {
        let begin = Instant::now();
        while !self.send("GET", "/metrics", &[], b"").body.contains("\nadder_requests_in_flight 1\n") {
            assert!(begin.elapsed() < Duration::from_secs(30), "the request does not arrive");
        }
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut socket = self.connect();
        // A server that refuses may not read to the end.
        let _ = socket.write_all(&request(method, path, headers, body));
        read_reply(&mut socket)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.shutdown();
        let ended = self.thread.take().unwrap().join();
        if !std::thread::panicking() {
            ended.unwrap().unwrap();
        }
    }
}

impl Reply {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// A header's value, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

pub(crate) fn json_request(body: &Value) -> Vec<u8> {
    request("POST", "/v1/predict", &[("content-type", "application/json")], body.to_string().as_bytes())
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

#[track_caller]
pub(crate) fn read_reply(socket: &mut TcpStream) -> Reply {
    try_read_reply(socket).expect("an answer")
}

/// An answer; `None` where the connection was closed before one began.
pub(crate) fn try_read_reply(socket: &mut TcpStream) -> Option<Reply> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        match socket.read(&mut byte) {
            Ok(1) => bytes.push(byte[0]),
            _ if bytes.is_empty() => return None,
            other => panic!("an answer ended in its head: {other:?}"),
        }
    }
    let head = String::from_utf8(bytes).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut reply = Reply { status, head, body: String::new() };
    // Where nothing may follow there is no length: 204.
    let length: usize = reply.header("content-length").parse().unwrap_or(0);
    let mut body = vec![0; length];
    socket.read_exact(&mut body).expect("the whole body");
    reply.body = String::from_utf8(body).unwrap();
    Some(reply)
}
