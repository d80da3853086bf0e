//! A load tool: connections that each ask for one image at a time, as JSON, and wait for the answer.
//!
//! `cargo run --release -p adder-serve --example load -- 127.0.0.1:8080 [CONNECTIONS] [SECONDS]`
#![expect(clippy::print_stdout, reason = "its lines are its result")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let addr = arguments.next().ok_or("ADDRESS:PORT is missing")?;
    let connections: u32 = arguments.next().map_or(Ok(32), |text| text.parse())?;
    let seconds: u64 = arguments.next().map_or(Ok(10), |text| text.parse())?;
    let begin = Instant::now();
    let until = begin + Duration::from_secs(seconds);
    let threads: Vec<_> = (0..connections)
        .map(|seed| {
            let addr = addr.clone();
            std::thread::spawn(move || ask(&addr, seed, until))
        })
        .collect();
    let mut times = Vec::new();
    for thread in threads {
        times.extend(thread.join().map_err(|_| "a connection panicked")??);
    }
    let elapsed = begin.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{connections} connections, {} requests in {elapsed:.1} s: {:.0} /s",
        times.len(),
        times.len() as f64 / elapsed
    );
    println!("p50 {:.2} ms, p99 {:.2} ms, most {:.2} ms", at(0.5), at(0.99), at(1.0));
    Ok(())
}

/// The time of each request of one connection.
fn ask(addr: &str, seed: u32, until: Instant) -> Result<Vec<Duration>, Error> {
    let pixels: Vec<String> = (0..784u32).map(|at| ((at * 7 + seed * 13) % 256).to_string()).collect();
    let body = format!("{{\"pixels\":[{}],\"addend\":{}}}", pixels.join(","), seed % 10);
    let request = format!(
        "POST /v1/predict HTTP/1.1\r\nhost: {addr}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let socket = TcpStream::connect(addr)?;
    socket.set_nodelay(true)?;
    let (mut out, mut answers, mut times) = (socket.try_clone()?, BufReader::new(socket), Vec::new());
    while Instant::now() < until {
        let begin = Instant::now();
        out.write_all(request.as_bytes())?;
        let (mut line, mut length) = (String::new(), 0);
        answers.read_line(&mut line)?;
        if !line.contains(" 200 ") {
            return Err(format!("answered {}", line.trim()).into());
        }
        while line != "\r\n" {
            line.clear();
            answers.read_line(&mut line)?;
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        answers.read_exact(&mut vec![0; length])?;
        times.push(begin.elapsed());
    }
    Ok(times)
}
