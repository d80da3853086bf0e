//! Times as rates: floating-point operations as a share of what the core can do, and images.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use adder_kernels::Isa;
use adder_kernels::bench::fused_multiply_adds;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput};

/// The unit that [`Throughput::Elements`] counts in a group of benches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unit {
    /// Floating-point operations, an addition and a multiplication being two.
    Flops,
    /// The same, also as a share of this many a second.
    FlopsOfPeak(f64),
    /// Images.
    Images,
}

/// Wall-clock time, with rates in words.
#[derive(Clone, Copy, Debug)]
pub struct Rate(Unit);

/// The settings of all benches: a second for each, and what the command line says.
pub fn criterion(unit: Unit) -> Criterion<Rate> {
    Criterion::default()
        .sample_size(15)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .nresamples(5_000)
        .noise_threshold(0.03)
        .without_plots()
        .with_measurement(Rate(unit))
        .configure_from_args()
}

/// Operations a second of the fused multiply-adds of one core: the best of several tries, since everything that disturbs only makes them slower.
pub fn peak(isa: Isa) -> f64 {
    const TRIES: usize = 20;
    let rounds = if isa == Isa::SCALAR { 10_000 } else { 500_000 };
    let rate = |_| {
        let begin = Instant::now();
        let operations = fused_multiply_adds(isa, rounds);
        operations as f64 / begin.elapsed().as_secs_f64()
    };
    (0..TRIES).map(rate).fold(0.0, f64::max)
}

/// [`peak`] of `threads` cores that compute at once: less than so many times one's where they share units or heat.
pub fn peak_of_all(isa: Isa, threads: usize) -> f64 {
    let start = Barrier::new(threads);
    std::thread::scope(|scope| {
        let one = || {
            start.wait();
            peak(isa)
        };
        let cores: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        cores.into_iter().map(|core| core.join().expect("a loop of additions")).sum()
    })
}

impl Measurement for Rate {
    type Intermediate = Instant;
    type Value = Duration;

    fn start(&self) -> Instant {
        WallTime.start()
    }

    fn end(&self, begin: Instant) -> Duration {
        WallTime.end(begin)
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        WallTime.add(a, b)
    }

    fn zero(&self) -> Duration {
        WallTime.zero()
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        self
    }
}

impl ValueFormatter for Rate {
    fn format_throughput(&self, throughput: &Throughput, nanoseconds: f64) -> String {
        let &Throughput::Elements(count) = throughput else {
            return WallTime.formatter().format_throughput(throughput, nanoseconds);
        };
        let per_second = count as f64 / nanoseconds * 1e9;
        match self.0 {
            Unit::Flops => format!("{:.1} GFLOP/s", per_second / 1e9),
            Unit::FlopsOfPeak(peak) => {
                format!("{:.1} GFLOP/s ({:.0} %)", per_second / 1e9, 100.0 * per_second / peak)
            }
            Unit::Images => format!("{per_second:.0} images/s"),
        }
    }

    fn scale_values(&self, typical: f64, values: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_values(typical, values)
    }

    fn scale_throughputs(&self, typical: f64, throughput: &Throughput, values: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_throughputs(typical, throughput, values)
    }

    fn scale_for_machines(&self, values: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_for_machines(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_written_in_their_unit() {
        let count = Throughput::Elements(300);
        assert_eq!(Rate(Unit::Flops).format_throughput(&count, 6.0), "50.0 GFLOP/s");
        assert_eq!(Rate(Unit::FlopsOfPeak(80e9)).format_throughput(&count, 6.0), "50.0 GFLOP/s (62 %)");
        assert_eq!(Rate(Unit::Images).format_throughput(&count, 1.5e7), "20000 images/s");
    }

    #[test]
    fn the_peak_is_a_rate_that_a_core_can_have() {
        let peak = peak(Isa::best());
        assert!((1e8..1e12).contains(&peak), "{peak}");
        let both = peak_of_all(Isa::best(), 2);
        assert!((1e8..2e12).contains(&both), "{both}");
    }
}
