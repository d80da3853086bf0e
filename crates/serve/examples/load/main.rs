//! A load tool: connections that each ask for one image at a time, as JSON, and wait for the answer.
//!
//! `cargo run --release -p adder-serve --example load -- 127.0.0.1:8080 [CONNECTIONS] [SECONDS]`
#![expect(clippy::print_stdout, reason = "its lines are its result")]

mod client;

use std::time::{Duration, Instant};

use client::{Connection, pixels, request};

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
    let request = request("POST /v1/predict", addr, "application/json", pixels(seed).as_bytes());
    let (mut connection, mut times) = (Connection::open(addr)?, Vec::new());
    while Instant::now() < until {
        let begin = Instant::now();
        connection.send(&request)?;
        match connection.answer()? {
            Some(answer) if answer.status == 200 => times.push(begin.elapsed()),
            Some(answer) => return Err(format!("answered {}", answer.status).into()),
            None => return Err("the server closed the connection".into()),
        }
    }
    Ok(times)
}
