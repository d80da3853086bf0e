//! The direct sum and Winograd's algorithm side by side, in one run and in turn: the three passes of convolutions, whole training
//! steps of trunks, and prediction.
//!
//! `cargo bench -p adder-kernels --bench algorithms -- [THREADS]`
//!
//! Each line has the operations of the direct sum a second, the best of the rounds, and how many times as fast the other way is:
//! the ratio of the best rounds and that of the medians.
#![expect(clippy::print_stdout, reason = "its lines are its result")]

use std::time::{Duration, Instant};

use adder_kernels::Isa;
use adder_kernels::conv::{Algorithm, Conv2d, ConvShape};
use adder_kernels::trunk::{BlockSpec, Output, Trunk, TrunkSpec};

const ROUNDS: usize = 12;
/// Images for each thread: one batch of a training step on four.
const IMAGES: usize = 32;

fn main() {
    // Cargo passes options of its own.
    let threads = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(1);
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .expect("the first pool of this program");
    let isa = Isa::best();
    println!("{isa}, threads: {threads}");
    for [inputs, outputs, side, padding] in [
        [16, 16, 28, 1],
        [32, 32, 28, 1],
        [16, 16, 14, 1],
        [24, 24, 14, 1],
        [32, 64, 14, 1],
        [64, 64, 14, 1],
        [128, 128, 14, 1],
        [64, 128, 7, 1],
        [128, 128, 7, 0],
    ] {
        let shape = ConvShape {
            in_channels: inputs,
            out_channels: outputs,
            height: side,
            width: side,
            kernel: 3,
            stride: 1,
            padding,
        };
        convolution(shape, isa, IMAGES * threads);
    }
    for channels in [[8, 8, 16, 16, 16, 16], [16, 16, 32, 32, 64, 64], [32, 32, 64, 64, 128, 128]] {
        trunk(channels, isa, 2 * IMAGES * threads);
    }
}

/// The passes of one convolution.
fn convolution(shape: ConvShape, isa: Isa, batch: usize) {
    let input = values(batch * shape.input_len(), 1);
    let (weight, upstream) = (values(shape.weight_len(), 2), values(batch * shape.output_len(), 3));
    let plans = [Algorithm::Direct, Algorithm::Winograd]
        .map(|algorithm| Conv2d::with_algorithm(shape, isa, algorithm).expect("a possible shape"));
    let operations = batch * shape.flops();
    let ConvShape { in_channels, out_channels, height, width, padding, .. } = shape;
    println!("{in_channels}->{out_channels} {height}x{width} pad {padding}");
    for (pass, len) in [
        ("forward", batch * shape.output_len()),
        ("input gradient", input.len()),
        ("weight gradient", weight.len()),
    ] {
        let mut results = [vec![0.0; len], vec![0.0; len]];
        let mut run = |algorithm: usize| {
            let (plan, result) = (&plans[algorithm], &mut results[algorithm]);
            match pass {
                "forward" => {
                    plan.pack(&weight).and_then(|weight| plan.forward(&input, &weight, None, result))
                }
                "input gradient" => plan.input_gradient(&weight, &upstream, result),
                _ => plan.weight_gradient(&input, &upstream, result, None),
            }
            .expect("operands that fit");
        };
        let times = in_turn(&mut run);
        assert_close(&results);
        print_line(pass, operations, times);
    }
}

/// A training step of a trunk like the networks of the recipes.
fn trunk(channels: [usize; 6], isa: Isa, batch: usize) {
    let last = channels.len() - 1;
    let blocks = channels.iter().enumerate().map(|(index, &out_channels)| BlockSpec {
        out_channels,
        padding: usize::from(index < last),
        dropout: 0.1,
        pool: index == 1 || index == 3,
        mask: index as u32,
    });
    let spec = |algorithm| TrunkSpec {
        in_channels: 1,
        height: 28,
        width: 28,
        blocks: blocks.clone().collect(),
        output: Output::GlobalAverage,
        algorithm,
    };
    let plans = [Algorithm::Direct, Algorithm::Auto]
        .map(|algorithm| Trunk::new(spec(algorithm), isa).expect("a possible trunk"));
    let params = values(plans[0].spec().parameters(), 4);
    let (images, upstream) = (values(batch * 28 * 28, 5), values(batch * channels[last], 6));
    // Of the gradients no more is asked than that they are computed: rounding moves some value to the other side of its ReLU.
    let mut results = [vec![], vec![]];
    let mut grads = vec![0.0; params.len()];
    let times = in_turn(&mut |algorithm| {
        let mut pass = plans[algorithm].forward(&images, batch, &params, None).expect("operands that fit");
        pass.backward(&upstream, &mut grads, None).expect("operands that fit");
        results[algorithm] = pass.output().to_vec();
    });
    assert_close(&results);
    println!("trunk of {channels:?}, {batch} images, direct and auto");
    let milliseconds = |times: &[Duration]| times[0].as_secs_f64() * 1e3;
    let [direct, auto] = &times;
    println!(
        "  step: {:.1} and {:.1} ms, {}",
        milliseconds(direct),
        milliseconds(auto),
        ratios(direct, auto)
    );
}

/// The times of both algorithms, sorted, each of a round in turn.
fn in_turn(run: &mut dyn FnMut(usize)) -> [Vec<Duration>; 2] {
    let mut times = [vec![], vec![]];
    for round in 0..=ROUNDS {
        for (algorithm, times) in times.iter_mut().enumerate() {
            let begin = Instant::now();
            run(algorithm);
            // The first round makes room.
            if round > 0 {
                times.push(begin.elapsed());
            }
        }
    }
    times.iter_mut().for_each(|times| times.sort());
    times
}

fn print_line(pass: &str, operations: usize, [direct, other]: [Vec<Duration>; 2]) {
    let rate = |times: &[Duration]| operations as f64 / times[0].as_secs_f64() / 1e9;
    println!(
        "  {pass:<15} {:>4.0} {:>4.0} GFLOP/s  {}",
        rate(&direct),
        rate(&other),
        ratios(&direct, &other)
    );
}

fn ratios(direct: &[Duration], other: &[Duration]) -> String {
    let ratio = |index: usize| direct[index].as_secs_f64() / other[index].as_secs_f64();
    format!("{:.2} best, {:.2} median", ratio(0), ratio(ROUNDS / 2))
}

/// Refuses results that are not nearly equal: what is timed must be right.
fn assert_close([direct, other]: &[Vec<f32>; 2]) {
    let largest = direct.iter().fold(0.0, |largest: f32, value| largest.max(value.abs()));
    let apart = direct.iter().zip(other).all(|(a, b)| (a - b).abs() <= 1e-4 * largest);
    assert!(apart, "the two algorithms give other results");
}

/// Values from -0.1 to 0.1, of a linear congruence.
fn values(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 * 0.2 - 0.1
    };
    (0..len).map(|_| next()).collect()
}
