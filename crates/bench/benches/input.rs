//! The input pipeline: training batches of 128 from one worker, by augmentation.

use adder_bench::measure::{Unit, criterion};
use adder_bench::training::loader;
use adder_data::{Augmentation, Interpolation, LoaderConfig};
use criterion::Throughput;

fn main() {
    let notebook = Augmentation::NOTEBOOK;
    let bilinear = Augmentation { interpolation: Interpolation::Bilinear, ..notebook.clone() };
    let mut criterion = criterion(Unit::Images);
    let mut group = criterion.benchmark_group("input, one worker");
    for (name, augmentation) in [
        ("no augmentation", Augmentation::NONE),
        ("the notebook's", notebook),
        ("the same, bilinear", bilinear),
    ] {
        let config = LoaderConfig { augmentation, ..LoaderConfig::default() };
        group.throughput(Throughput::Elements(config.batch_size as u64));
        let mut loader = loader(config).expect("MNIST");
        let batch = loader.next_batch();
        assert!(batch.len() == 128 && batch.images.iter().all(|pixel| pixel.is_finite()));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let batch = loader.next_batch();
                loader.recycle(batch);
            });
        });
    }
    group.finish();
    criterion.final_summary();
}
