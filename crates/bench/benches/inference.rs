//! Inference of one image, of 128 and of 1,000, by the kernels and by candle's own operations, and of all ten addends of
//! one image.

use std::time::Duration;

use adder_bench::candle::logits;
use adder_bench::measure::{Unit, criterion};
use adder_bench::training::batches;
use adder_bench::verify::assert_close;
use adder_kernels::Isa;
use adder_model::{Addends, IdentityAdder, ModelConfig, Predictor};
use candle_core::Device;
use criterion::{SamplingMode, Throughput};

/// As in `adder` itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let model = IdentityAdder::new(&ModelConfig::default(), 0, &Device::Cpu).expect("the default network");
    let mut criterion = criterion(Unit::Images);
    for size in [1, 128, 1_000] {
        let batch = batches(1, size).expect("MNIST").remove(0);
        let (images, addends) = (&batch.images, Addends::Each(&batch.addends));
        let expected = logits(&model, images, &batch.addends).expect("images that fit");

        let mut group = criterion.benchmark_group(format!("inference, batch {size}"));
        group.throughput(Throughput::Elements(size as u64));
        for isa in Isa::available().into_iter().rev().filter(|isa| *isa != Isa::SCALAR) {
            let model = model.clone().on_kernels(isa).expect("a network on the CPU");
            let predictor = Predictor::new(&model).expect("a network on the CPU");
            let found = predictor.predict_batch(images, addends).expect("images that fit");
            assert_close(isa.name(), &found.sum, &expected.sum, 1e-5);
            group.bench_function(isa.name(), |bencher| {
                bencher.iter(|| predictor.predict_batch(images, addends))
            });
            if size == 1 {
                let name = format!("{isa}, all ten addends");
                group.bench_function(name, |bencher| {
                    bencher.iter(|| predictor.predict_batch(images, Addends::All))
                });
            }
        }
        group.sample_size(10).sampling_mode(SamplingMode::Flat).measurement_time(Duration::from_secs(5));
        group.bench_function("candle", |bencher| bencher.iter(|| logits(&model, images, &batch.addends)));
        group.finish();
    }
    criterion.final_summary();
}
