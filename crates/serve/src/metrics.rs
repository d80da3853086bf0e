//! Counters in Prometheus' text format.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The upper ends of the histogram's classes, in seconds.
const SECONDS: [f64; 9] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 1.0];

/// Counts since the start; clones share them.
#[derive(Clone, Default)]
pub(crate) struct Metrics(Arc<Counts>);

#[derive(Default)]
struct Counts {
    /// By route and status.
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
    /// Requests by the class that their time falls in; the last class has no end.
    times: [AtomicU64; SECONDS.len() + 1],
    nanoseconds: AtomicU64,
    batches: AtomicU64,
    images: AtomicU64,
}

impl Metrics {
    /// A request was answered.
    pub(crate) fn request(&self, route: &'static str, status: u16, time: Duration) {
        *self
            .0
            .requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry((route, status))
            .or_default() += 1;
        let class = SECONDS.partition_point(|&end| end < time.as_secs_f64());
        self.0.times[class].fetch_add(1, Relaxed);
        self.0.nanoseconds.fetch_add(time.as_nanos() as u64, Relaxed);
    }

    /// A batch goes through the network.
    pub(crate) fn batch(&self, images: usize) {
        self.0.batches.fetch_add(1, Relaxed);
        self.0.images.fetch_add(images as u64, Relaxed);
    }

    /// The text; `in_flight` is the number of requests in work.
    pub(crate) fn text(&self, in_flight: usize) -> String {
        self.write(in_flight).expect("a string takes everything")
    }

    fn write(&self, in_flight: usize) -> Result<String, std::fmt::Error> {
        let counts = &self.0;
        let mut text = String::new();
        head(&mut text, "adder_requests_total", "counter", "Requests answered.")?;
        for ((route, status), count) in &*counts.requests.lock().unwrap_or_else(PoisonError::into_inner) {
            writeln!(text, "adder_requests_total{{route=\"{route}\",status=\"{status}\"}} {count}")?;
        }
        let name = "adder_request_seconds";
        head(&mut text, name, "histogram", "Time from a request's head to its answer.")?;
        let mut total = 0;
        let ends = SECONDS.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
        for (end, count) in ends.zip(&counts.times) {
            total += count.load(Relaxed);
            writeln!(text, "{name}_bucket{{le=\"{end}\"}} {total}")?;
        }
        writeln!(text, "{name}_sum {}", counts.nanoseconds.load(Relaxed) as f64 / 1e9)?;
        writeln!(text, "{name}_count {total}")?;
        head(&mut text, "adder_images_total", "counter", "Images that went through the network.")?;
        writeln!(text, "adder_images_total {}", counts.images.load(Relaxed))?;
        head(&mut text, "adder_batches_total", "counter", "Passes through the network.")?;
        writeln!(text, "adder_batches_total {}", counts.batches.load(Relaxed))?;
        head(&mut text, "adder_requests_in_flight", "gauge", "Predictions in work.")?;
        writeln!(text, "adder_requests_in_flight {in_flight}")?;
        Ok(text)
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) -> std::fmt::Result {
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}")
}
