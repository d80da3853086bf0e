//! Images a second that the notebook's trunk trains, forward and backward, at batch 128.
//!
//! `cargo run --release -p adder-kernels --example trunk_speed [-- ISA [THREADS]]`

use std::time::{Duration, Instant};

use adder_kernels::Isa;
use adder_kernels::dropout::DropoutKey;
use adder_kernels::trunk::{BlockSpec, Output, Trunk, TrunkSpec};
use adder_random::{Purpose, Stream};

const BATCH: usize = 128;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let isas = match arguments.next() {
        Some(name) => vec![name.parse().unwrap_or_else(|error| panic!("{error}"))],
        None => Isa::available().into_iter().filter(|&isa| isa != Isa::SCALAR).collect::<Vec<Isa>>(),
    };
    let threads = match arguments.next() {
        Some(count) => vec![count.parse().expect("the second argument is a number of threads")],
        None => vec![1, 2],
    };
    for isa in isas {
        for &threads in &threads {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start");
            let times = pool.install(|| measure(isa));
            let speed = |time: Duration| BATCH as f64 / time.as_secs_f64();
            let [best, median] = [times[0], times[times.len() / 2]];
            println!(
                "{isa}, {threads} threads: best {:.0}, median {:.0} images/s ({:.2} us an image)",
                speed(best),
                speed(median),
                best.as_secs_f64() * 1e6 / BATCH as f64
            );
        }
    }
}

/// The times of many steps, sorted.
fn measure(isa: Isa) -> Vec<Duration> {
    let block = |out_channels, padding, dropout, pool| BlockSpec { out_channels, padding, dropout, pool };
    let spec = TrunkSpec {
        in_channels: 1,
        height: 28,
        width: 28,
        blocks: vec![
            block(8, 1, 0.1, false),
            block(8, 1, 0.1, true),
            block(16, 1, 0.1, false),
            block(16, 1, 0.1, true),
            block(16, 1, 0.0, false),
            block(16, 0, 0.1, false),
        ],
        output: Output::GlobalAverage,
    };
    let mut stream = Stream::new(1, Purpose::Test, 0, 0);
    let mut tensor = |len| (0..len).map(|_| stream.uniform(-0.5, 0.5)).collect::<Vec<f32>>();
    let (images, params, grad) = (tensor(BATCH * 784), tensor(spec.parameters()), tensor(BATCH * 16));
    let mut grad_params = vec![0.0; params.len()];
    let trunk = Trunk::new(spec, isa).expect("the blocks are good");
    let end = Instant::now() + Duration::from_secs(3);
    let mut times = Vec::new();
    while Instant::now() < end {
        let start = Instant::now();
        let key = DropoutKey(times.len() as u64);
        let mut pass = trunk.forward(&images, BATCH, &params, Some(key)).expect("sizes agree");
        pass.backward(&grad, &mut grad_params, None).expect("sizes agree");
        times.push(start.elapsed());
    }
    times.sort_unstable();
    times
}
