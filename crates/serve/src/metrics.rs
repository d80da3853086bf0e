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
    /// The number of requests by route and status.
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
    /// Requests by the class that their time falls in; the last class has no end.
    times: [AtomicU64; SECONDS.len() + 1],
    nanoseconds: AtomicU64,
    batches: AtomicU64,
    images: AtomicU64,
}

impl Metrics {
    /// Counts a request that was answered.
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

    /// Counts a batch that goes through the network.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_of_the_histogram_counts_what_is_no_longer_than_its_end() {
        let metrics = Metrics::default();
        for milliseconds in [1.0, 1.5, 30.0, 5000.0] {
            metrics.request("/v1/predict", 200, Duration::from_secs_f64(milliseconds / 1e3));
        }
        metrics.request("/", 404, Duration::ZERO);
        metrics.batch(3);
        metrics.batch(4);
        let text = metrics.text(2);
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.unwrap_or_else(|| panic!("{name} is not in\n{text}")).to_owned()
        };
        let ends = ["0.0005", "0.001", "0.002", "0.02", "0.05", "1", "+Inf"];
        let counts = ends.map(|end| value(&format!("adder_request_seconds_bucket{{le=\"{end}\"}}")));
        assert_eq!(counts, ["1", "2", "3", "3", "4", "4", "5"]);
        assert_eq!(value("adder_request_seconds_count"), "5");
        assert_eq!(value("adder_request_seconds_sum"), "5.0325");
        assert_eq!(value("adder_requests_total{route=\"/v1/predict\",status=\"200\"}"), "4");
        assert_eq!(value("adder_requests_total{route=\"/\",status=\"404\"}"), "1");
        assert_eq!([value("adder_images_total"), value("adder_batches_total")], ["7", "2"]);
        assert_eq!(value("adder_requests_in_flight"), "2");
    }
}
