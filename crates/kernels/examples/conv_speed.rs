//! GFLOP/s of the convolution kernels on one thread, and their share of the FMA peak measured beside them.
//!
//! `cargo run --release -p adder-kernels --example conv_speed [-- ISA]`

use std::time::{Duration, Instant};

use adder_kernels::conv::{ConvShape, Prepared};
use adder_kernels::{Isa, peak};
use adder_random::{Purpose, Stream};

/// Channels in and out, size of the image, padding.
const SHAPES: [(usize, usize, usize, usize); 14] = [
    (1, 8, 28, 1),
    (8, 8, 28, 1),
    (8, 16, 14, 1),
    (16, 16, 14, 1),
    (16, 16, 7, 1),
    (16, 16, 7, 0),
    (16, 16, 28, 1),
    (32, 32, 28, 1),
    (32, 32, 14, 1),
    (64, 64, 14, 1),
    (64, 64, 7, 1),
    (128, 128, 14, 1),
    (128, 128, 7, 1),
    (24, 40, 15, 1),
];

fn main() {
    let wanted = std::env::args().nth(1);
    let isas = match &wanted {
        Some(name) => vec![name.parse().unwrap_or_else(|error| panic!("{error}"))],
        None => Isa::available().into_iter().filter(|&isa| isa != Isa::SCALAR).collect(),
    };
    for isa in isas {
        measure(isa);
    }
}

fn measure(isa: Isa) {
    let peak = gflops(peak::fused_multiply_adds(isa, 20_000), || {
        peak::fused_multiply_adds(isa, 20_000);
    });
    println!("{isa}: FMA peak {peak:.1} GFLOP/s");
    println!("{:>24} {:>16} {:>16} {:>16}", "shape", "forward", "input gradient", "weight gradient");
    for (in_channels, out_channels, size, padding) in SHAPES {
        let shape =
            ConvShape { batch: 1, in_channels, out_channels, height: size, width: size, kernel: 3, padding };
        let tensor = |len, index| {
            let mut stream = Stream::new(1, Purpose::Test, 0, index);
            (0..len).map(|_| stream.uniform(-1.0, 1.0)).collect::<Vec<f32>>()
        };
        let [input, weight, grad] =
            [(shape.input_len(), 0), (shape.weight_len(), 1), (shape.output_len(), 2)]
                .map(|(len, i)| tensor(len, i));
        let mut prepared = Prepared::new(isa, shape, &input, &weight, &grad).expect("the shapes are good");
        let flops = shape.flops();
        let speeds = [
            gflops(flops, || prepared.run_forward()),
            gflops(flops, || prepared.run_input_gradient()),
            gflops(flops, || prepared.run_weight_gradient()),
        ];
        let name = format!("{in_channels}x{size}x{size} -> {out_channels} pad {padding}");
        let cells = speeds.map(|speed| format!("{speed:6.1} ({:3.0} %)", 100.0 * speed / peak));
        println!("{name:>24} {:>16} {:>16} {:>16}", cells[0], cells[1], cells[2]);
    }
}

/// The speed of the fastest of many short runs: what the machine does when nothing disturbs it.
fn gflops(flops: usize, mut run: impl FnMut()) -> f64 {
    let repeats = (2_000_000 / flops).max(1);
    let mut best = Duration::MAX;
    let end = Instant::now() + Duration::from_millis(150);
    while Instant::now() < end {
        let start = Instant::now();
        for _ in 0..repeats {
            run();
        }
        best = best.min(start.elapsed());
    }
    (flops * repeats) as f64 / best.as_secs_f64() / 1e9
}
