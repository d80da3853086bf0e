//! `adder data`: what there is to train and evaluate on.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use adder_data::{
    Batch, DIGITS, EvaluationAddends, Labelled, LoaderConfig, Position, Split, TrainLoader,
    evaluation_batches,
};
use adder_model::thousands;
use adder_report::figures::{Tile, equation, tiles};
use adder_train::config::Config;
use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::Context;
use crate::args::DataArgs;
use crate::{configuration, loading};

/// Samples along each side of a picture, as in the notebook.
const GRID_SIDE: usize = 3;
const SAMPLES: usize = GRID_SIDE * GRID_SIDE;

/// One set in the JSON.
#[derive(Serialize)]
struct Set {
    name: &'static str,
    images: usize,
    class_counts: [usize; DIGITS],
    samples: PathBuf,
}

pub(crate) fn run(args: &DataArgs, context: &Context) -> Result<()> {
    let config = configuration::layers(&args.config)?.resolve()?;
    let dataset = loading::load(&config.data.source, context)?;
    let mut split = Split::shuffled(dataset.train.len(), config.data.validation_fraction, config.seed)?;
    let mut evaluation = dataset.evaluation.indices();
    if config.data.limit > 0 {
        split = split.limit(config.data.limit)?;
        evaluation.truncate(config.data.limit);
    }
    let folder = &args.out;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let sets = [
        ("train", &dataset.train, split.train()),
        ("validation", &dataset.train, split.validation()),
        ("evaluation", &dataset.evaluation, &evaluation),
    ];
    let mut described = Vec::new();
    for (name, data, indices) in sets {
        let samples = match name {
            "train" => as_training_sees_them(&config, data, indices)?,
            _ => as_they_are(&config, data, indices)?,
        };
        let picture = folder.join(format!("{name}.png"));
        draw(name, &samples, &picture)?;
        let class_counts = data.class_counts(indices);
        described.push(Set { name, images: indices.len(), class_counts, samples: picture });
    }
    if args.json {
        writeln!(stdout(), "{}", serde_json::to_string(&described)?)?;
    } else {
        write!(stdout(), "{}", in_words(&described))?;
    }
    Ok(())
}

/// The first batch of the first epoch, augmented.
fn as_training_sees_them(config: &Config, data: &Arc<Labelled>, indices: &[u32]) -> Result<Batch> {
    let loader = LoaderConfig {
        batch_size: SAMPLES.min(indices.len()),
        augmentation: config.data.augmentation.clone(),
        seed: config.seed,
        workers: 0,
        ..LoaderConfig::default()
    };
    Ok(TrainLoader::new(data.clone(), indices.to_vec(), loader, Position::default())?.next_batch())
}

fn as_they_are(config: &Config, data: &Labelled, indices: &[u32]) -> Result<Batch> {
    let addends = EvaluationAddends::Fixed { seed: config.seed };
    let first = &indices[..SAMPLES.min(indices.len())];
    Ok(evaluation_batches(data, first, SAMPLES, addends)?.next().unwrap_or_default())
}

fn draw(heading: &str, batch: &Batch, picture: &Path) -> Result<()> {
    let samples: Vec<Tile> = (0..batch.len())
        .map(|place| Tile {
            pixels: batch.bytes(place),
            title: equation(batch.digits[place], batch.addends[place]),
            lines: Vec::new(),
        })
        .collect();
    Ok(tiles(heading, &samples, GRID_SIDE).save_png(picture, 2.0)?)
}

fn in_words(sets: &[Set]) -> String {
    let mut text = format!("{:<12}{:>8}", "set", "images");
    for digit in 0..DIGITS {
        text += &format!("{digit:>7}");
    }
    text += "\n";
    for set in sets {
        text += &format!("{:<12}{:>8}", set.name, thousands(set.images as u64));
        for &count in &set.class_counts {
            text += &format!("{:>7}", thousands(count as u64));
        }
        text += "\n";
    }
    for set in sets {
        text += &format!("{} samples: {}\n", set.name, set.samples.display());
    }
    text
}
