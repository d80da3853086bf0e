//! Draws nine training images as the network sees them, augmented by the notebook's recipe.
//!
//! `cargo run --release -p adder-report --example sample_grid -- samples.png`

use std::error::Error;
use std::path::PathBuf;

use adder_data::{Augmentation, LoaderConfig, Position, Source, TrainLoader, load};
use adder_report::figures::{Tile, equation, tiles};

fn main() -> Result<(), Box<dyn Error>> {
    let path = PathBuf::from(std::env::args().nth(1).ok_or("the path of a PNG file is missing")?);
    let data = load(&Source::Embedded, &mut |_| {})?.train;
    let config =
        LoaderConfig { batch_size: 9, augmentation: Augmentation::NOTEBOOK, ..LoaderConfig::default() };
    let batch = TrainLoader::new(data.clone(), data.indices(), config, Position::default())?.next_batch();
    let sample = |place| {
        let title = equation(batch.digits[place], batch.addends[place]);
        Tile { pixels: batch.bytes(place), title, lines: Vec::new() }
    };
    let samples: Vec<Tile> = (0..batch.len()).map(sample).collect();
    tiles("Training images, augmented", &samples, 3).save_png(&path, 2.0)?;
    Ok(())
}
