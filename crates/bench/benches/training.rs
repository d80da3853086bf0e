//! A training step of the notebook's network at batch 128, dropout on: by candle's own operations and by the kernels, on one
//! thread and on all, and with batches that are augmented meanwhile.

use std::time::Duration;

use adder_bench::measure::{Rate, Unit, criterion};
use adder_bench::training::{Training, batches, loader};
use adder_bench::verify::assert_close;
use adder_data::{Augmentation, Batch, LoaderConfig};
use adder_kernels::Isa;
use adder_model::{IdentityAdder, ModelConfig};
use anyhow::Result;
use candle_core::Device;
use criterion::{BenchmarkGroup, SamplingMode, Throughput};
use rayon::ThreadPoolBuilder;

/// As in `adder` itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: usize = 128;

fn main() {
    let threads = num_cpus::get_physical();
    let batches = batches(16, BATCH).expect("MNIST");
    verify(&batches[0]);

    let mut criterion = criterion(Unit::Images);
    let mut group = criterion.benchmark_group(format!("training step, batch {BATCH}"));
    group.throughput(Throughput::Elements(BATCH as u64));
    group.sampling_mode(SamplingMode::Flat).measurement_time(Duration::from_secs(3));

    let mut prepared = batches.iter().cycle();
    let mut step = |training: &mut Training| training.step(prepared.next().expect("an endless iterator"));
    bench(&mut group, "candle", threads, network().on_reference(), &mut step);
    for isa in Isa::available().into_iter().rev().filter(|isa| *isa != Isa::SCALAR) {
        bench(&mut group, isa.name(), threads, on(isa), &mut step);
    }
    if threads > 1 {
        bench(&mut group, Isa::best().name(), 1, on(Isa::best()), &mut step);
    }

    let augmentation = Augmentation::NOTEBOOK;
    let mut loader = loader(LoaderConfig { augmentation, ..LoaderConfig::default() }).expect("MNIST");
    let name = format!("{} with augmentation", Isa::best());
    bench(&mut group, &name, threads, on(Isa::best()), &mut |training| {
        let batch = loader.next_batch();
        let loss = training.step(&batch);
        loader.recycle(batch);
        loss
    });
    group.finish();
    criterion.final_summary();
}

fn bench(
    group: &mut BenchmarkGroup<'_, Rate>,
    name: &str,
    threads: usize,
    model: IdentityAdder,
    step: &mut (dyn FnMut(&mut Training) -> Result<f64> + Send),
) {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let mut training = Training::new(model).expect("a network on the CPU");
    group.bench_function(format!("{name}, threads {threads}"), |bencher| {
        bencher.iter(|| pool.install(|| step(&mut training)).expect("a step"));
    });
}

/// The first step's loss must be the same by all ways.
fn verify(batch: &Batch) {
    let loss = |model| Training::new(model).and_then(|mut training| training.step(batch)).expect("a step");
    let expected = loss(network().on_reference());
    for isa in Isa::available() {
        let found = loss(on(isa));
        assert_close(isa.name(), &[found as f32], &[expected as f32], 1e-5);
    }
}

fn network() -> IdentityAdder {
    IdentityAdder::new(&ModelConfig::default(), 0, &Device::Cpu).expect("the default network")
}

fn on(isa: Isa) -> IdentityAdder {
    network().on_kernels(isa).expect("a network on the CPU")
}
