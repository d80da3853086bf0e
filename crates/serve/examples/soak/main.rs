//! A soak: a server of its own gets so many requests of every kind over 40 connections, its resident memory is read on the way,
//! and in the middle of the load it is told to end. Every request that was sent whole before that must be answered, each with the
//! status of its kind; none may be answered by halves. The exit code is 1 where one is not, or where memory grew.
//!
//! `cargo run --release -p adder-serve --example soak -- target/release/adder [REQUESTS]`
//!
//! Linux, whose `/proc` tells the memory.
#![expect(clippy::print_stdout, reason = "its lines are its result")]

#[path = "../load/client.rs"]
mod client;

use std::io::{BufRead, BufReader, Cursor};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use client::{Connection, pixels, request};
use image::{GrayImage, ImageFormat, Luma};

type Error = Box<dyn std::error::Error + Send + Sync>;

const CONNECTIONS: u32 = 40;
/// Requests on one connection before a client opens another.
const KEPT: u32 = 1000;
/// The part of all requests after which memory must not grow any more: by then every buffer has met its largest request.
const WARM: f64 = 0.2;
/// The most that the mean of resident memory may grow between the two halves of the rest, in MiB. From moment to moment it moves by
/// twice as much, with the pictures that are being read.
const GROWTH: f64 = 8.0;

/// What the clients share.
struct Load {
    addr: String,
    /// Each kind of request with the status that it gets.
    kinds: Vec<(Vec<u8>, u16)>,
    answered: AtomicU64,
    /// Set before the signal is sent: from now on a request may find a closed connection.
    is_ending: AtomicBool,
}

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let adder = arguments.next().ok_or("the path of the adder binary is missing")?;
    let requests: u64 = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let (mut server, addr) = start(&adder)?;
    let load =
        Load { kinds: kinds(&addr)?, addr, answered: AtomicU64::new(0), is_ending: AtomicBool::new(false) };
    let begin = Instant::now();
    let outcome = std::thread::scope(|scope| {
        let load = &load;
        let clients: Vec<_> = (0..CONNECTIONS).map(|seed| scope.spawn(move || load.ask(seed))).collect();
        let memory = watch(load, &server, requests);
        load.is_ending.store(true, SeqCst);
        let told = Command::new("kill").args(["-TERM", &server.id().to_string()]).status();
        let lost = clients.into_iter().map(|client| client.join().map_err(|_| "a client panicked")?);
        let lost = lost.collect::<Result<Vec<()>, Error>>();
        memory.and_then(|grown| told.map_err(Into::into).and(lost).map(|_| grown))
    });
    if outcome.is_err() {
        server.kill()?;
    }
    let status = server.wait()?;
    let grown = outcome?;
    let answered = load.answered.load(SeqCst);
    println!(
        "{answered} requests answered in {:.0} s over {CONNECTIONS} connections, none lost, none by halves; \
         memory {grown:+.1} MiB between the halves of the last {:.0} %; {status} after SIGTERM",
        begin.elapsed().as_secs_f64(),
        100.0 * (1.0 - WARM)
    );
    if grown > GROWTH {
        return Err(format!("memory grew by more than {GROWTH} MiB").into());
    }
    Ok(())
}

/// A server of the built-in weights on a free port, and its address.
fn start(adder: &str) -> Result<(Child, String), Error> {
    let mut server = Command::new(adder)
        .args(["serve", "pretrained", "--addr", "127.0.0.1:0"])
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{adder}: {error}"))?;
    let mut lines = BufReader::new(server.stderr.take().ok_or("no standard error")?).lines();
    let addr = loop {
        let line = lines.next().ok_or("the server said no address")??;
        if let Some((_, rest)) = line.split_once("http://") {
            break rest.split(['/', ' ']).next().unwrap_or(rest).to_owned();
        }
    };
    // What it says at its end must find a reader.
    std::thread::spawn(move || lines.for_each(drop));
    Ok((server, addr))
}

/// Requests of every kind: images as JSON, one and many, as bytes and as files, what is refused, and the small pages.
fn kinds(addr: &str) -> Result<Vec<(Vec<u8>, u16)>, Error> {
    let json = |body: &str| request("POST /v1/predict", addr, "application/json", body.as_bytes());
    let get = |path: &str| request(&format!("GET {path}"), addr, "text/plain", b"");
    let list = |length: u32| (0..length).map(pixels).collect::<Vec<_>>().join(",");
    let picture = page_with_a_stroke()?;
    Ok(vec![
        (json(&pixels(1)), 200),
        (json(&pixels(2)), 200),
        (json(&format!("{{\"inputs\":[{}]}}", list(16))), 200),
        (
            request(
                "POST /v1/predict?addend=3&each=true&seen=true&feature_maps=true",
                addr,
                "image/png",
                &picture,
            ),
            200,
        ),
        (json("{\"pixels\":[1,2,3]}"), 400),
        (request("POST /v1/predict?addend=3", addr, "image/png", &picture[..picture.len() / 2]), 400),
        (request("POST /v1/predict", addr, "text/csv", b"1,2"), 415),
        (get("/v1/predict"), 405),
        (get("/nowhere"), 404),
        (get("/healthz"), 200),
        (get("/metrics"), 200),
        (get("/"), 200),
    ])
}

/// A bright page of 400x300 with a dark upright stroke, as PNG.
fn page_with_a_stroke() -> Result<Vec<u8>, Error> {
    let inked = |x, y| (180..210).contains(&x) && (60..240).contains(&y);
    let page = GrayImage::from_fn(400, 300, |x, y| Luma([if inked(x, y) { 20 } else { 230 }]));
    let mut file = Cursor::new(Vec::new());
    page.write_to(&mut file, ImageFormat::Png)?;
    Ok(file.into_inner())
}

/// Reads the server's memory until so many requests are answered. Returns what its mean grew by between the halves of those after
/// [`WARM`], in MiB.
fn watch(load: &Load, server: &Child, requests: u64) -> Result<f64, Error> {
    let (mut halves, mut shown) = ([(0.0, 0.0); 2], 0);
    loop {
        let answered = load.answered.load(SeqCst);
        let resident = resident(server.id())?;
        if answered * 10 / requests > shown {
            shown = answered * 10 / requests;
            println!("{answered} requests, {resident:.1} MiB resident");
        }
        let place = (answered as f64 / requests as f64 - WARM) / (1.0 - WARM);
        if place >= 0.0 {
            let (sum, count) = &mut halves[usize::from(place >= 0.5)];
            (*sum, *count) = (*sum + resident, *count + 1.0);
        }
        if answered >= requests {
            let [first, second] = halves.map(|(sum, count)| sum / f64::max(count, 1.0));
            return Ok(second - first);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The resident memory of a process, in MiB.
fn resident(process: u32) -> Result<f64, Error> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .ok_or("no VmRSS: the server has ended")?;
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes / 1024.0)
}

impl Load {
    /// Asks for one kind after the other until the server ends.
    fn ask(&self, seed: u32) -> Result<(), Error> {
        let mut kind = seed as usize;
        loop {
            let Ok(mut connection) = Connection::open(&self.addr) else {
                return self.ended("a connection was refused");
            };
            for _ in 0..KEPT {
                let (request, status) = &self.kinds[kind % self.kinds.len()];
                let was_ending = self.is_ending.load(SeqCst);
                let sent = connection.send(request);
                // Sent whole before the signal, it is owed its answer.
                let is_owed = sent.is_ok() && !was_ending && !self.is_ending.load(SeqCst);
                match connection.answer() {
                    Ok(Some(answer)) if answer.status == *status => {
                        self.answered.fetch_add(1, SeqCst);
                        kind += 1;
                        if answer.is_last {
                            break;
                        }
                    }
                    Ok(Some(answer)) => {
                        return Err(format!("answered {} where {status} is right", answer.status).into());
                    }
                    Ok(None) if is_owed => {
                        return Err("a request that was sent before the end is lost".into());
                    }
                    Ok(None) => return self.ended("a connection was closed"),
                    Err(_) if sent.is_err() => return self.ended("a connection was closed"),
                    Err(error) => return Err(format!("an answer by halves: {error}").into()),
                }
            }
        }
    }

    /// The end of a client: in order once the server was told to end.
    fn ended(&self, what: &str) -> Result<(), Error> {
        if self.is_ending.load(SeqCst) { Ok(()) } else { Err(format!("{what} before the end").into()) }
    }
}
