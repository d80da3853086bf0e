//! Times loading the embedded MNIST, and the training loader by augmentation and number of workers.
//!
//! `cargo run --release -p adder-data --example loader_throughput`
//!
//! Every line is the best of five, as other programs can only make it slower. The batches are dropped as soon as they
//! come, so a line with workers shows what they can deliver at most.
#![expect(clippy::print_stdout, reason = "its lines are its result")]

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adder_data::{Augmentation, Interpolation, Labeled, LoaderConfig, Position, Source, TrainLoader, load};

const BATCHES: usize = 200;
const RUNS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let loading =
        best_of_runs(|| load(&Source::Embedded, &mut |_| {}).map(|dataset| drop(black_box(dataset))))?;
    println!("load 70,000 embedded images: {:.0} ms", loading.as_secs_f64() * 1e3);

    let data = load(&Source::Embedded, &mut |_| {})?.train;
    let bilinear = Augmentation { interpolation: Interpolation::Bilinear, ..Augmentation::NOTEBOOK };
    let grid = Augmentation { grid_displacement_pixels: 0.7, ..bilinear.clone() };
    let recipes = [
        ("as they are", Augmentation::NONE),
        ("notebook (nearest)", Augmentation::NOTEBOOK),
        ("notebook, bilinear", bilinear),
        ("the same with grid displacement", grid),
    ];
    for (name, augmentation) in recipes {
        for workers in [0, 1, 2] {
            let config =
                LoaderConfig { augmentation: augmentation.clone(), workers, ..LoaderConfig::default() };
            println!("{name}, {workers} workers: {:.0} images/s", images_per_second(&data, &config)?);
        }
    }
    Ok(())
}

fn images_per_second(data: &Arc<Labeled>, config: &LoaderConfig) -> adder_data::Result<f64> {
    let fastest = best_of_runs(|| {
        let mut loader =
            TrainLoader::new(data.clone(), data.indices(), config.clone(), Position { epoch: 0, step: 1 })?;
        for _ in 0..BATCHES {
            let batch = loader.next_batch();
            black_box(&batch);
            loader.recycle(batch);
        }
        Ok(())
    })?;
    Ok((BATCHES * config.batch_size) as f64 / fastest.as_secs_f64())
}

fn best_of_runs(mut run: impl FnMut() -> adder_data::Result<()>) -> adder_data::Result<Duration> {
    let mut fastest = Duration::MAX;
    for _ in 0..RUNS {
        let start = Instant::now();
        run()?;
        fastest = fastest.min(start.elapsed());
    }
    Ok(fastest)
}
