//! Times of every case in the list of cases, each checked before it is timed: the fastest of many steps, forward and backward.
//!
//! `cargo run --release -p adder-kernels --features bench --example operation_speed [-- WORDS]` takes the cases whose names
//! hold all the words, such as `trunk 128`. `ADDER_ISA` and `RAYON_NUM_THREADS` name the instruction set and the threads.
#![expect(clippy::print_stdout, reason = "its lines are its result")]

use std::time::{Duration, Instant};

use adder_kernels::bench::cases::{Case, Operation, cases, notebook_trunk};
use adder_kernels::dropout::DropoutKey;
use adder_kernels::{Isa, IsaError};

fn main() -> Result<(), IsaError> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let isa = Isa::from_environment()?;
    println!("{isa}, {} threads", rayon::current_num_threads());
    // A whole batch of the notebook's network, which takes too long for the naive loops of the tests.
    let batch = Case::new(Operation::Trunk(notebook_trunk(), 128, Some(DropoutKey(1))), 0);
    for case in cases().into_iter().chain([batch]) {
        let name = case.name();
        if words.iter().all(|word| name.contains(word)) {
            if let Err(difference) = case.verify(&case.run(isa), 1.0) {
                panic!("{difference}");
            }
            println!("{:10.1} us  {name}", fastest(&case, isa).as_secs_f64() * 1e6);
        }
    }
    Ok(())
}

fn fastest(case: &Case, isa: Isa) -> Duration {
    let (mut step, mut results) = (case.step(isa), case.results());
    let end = Instant::now() + Duration::from_millis(300);
    let mut fastest = Duration::MAX;
    while Instant::now() < end {
        let start = Instant::now();
        step(&mut results);
        fastest = fastest.min(start.elapsed());
    }
    fastest
}
