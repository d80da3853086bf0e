//! `adder data`: what there is to train and evaluate on.

use std::path::PathBuf;

use adder_data::whole_file::make_folder;
use adder_data::{DIGITS, Split};
use adder_model::thousands;
use adder_report::Samples;
use adder_report::figures::sample_grid;
use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::args::DataArgs;
use crate::configuration;
use crate::context::Context;
use crate::output::{print, print_json, shown};

/// One set in the JSON.
#[derive(Serialize)]
struct Set {
    name: &'static str,
    images: usize,
    class_counts: [usize; DIGITS],
    samples: PathBuf,
}

pub(crate) fn run(args: &DataArgs, context: &Context) -> Result<()> {
    let config = configuration::sources(&args.config)?.resolve()?;
    let dataset = context.load_checked(&config.data)?;
    let folder = &args.out;
    make_folder(folder).with_context(|| format!("{}: cannot be made", shown(folder)))?;
    let split = Split::shuffled(dataset.train.len(), config.data.validation_fraction, config.seed)?;
    let samples = Samples::new(&config, &dataset, &split)?;
    let split = config.data.limited_split(split)?;
    let evaluation = config.data.limited(dataset.evaluation.indices());
    let sets = [
        ("train", &dataset.train, split.train(), &samples.training),
        ("validation", &dataset.train, split.validation(), &samples.validation),
        ("evaluation", &dataset.evaluation, &evaluation, &samples.evaluation),
    ];
    let mut described = Vec::new();
    for (name, data, indices, samples) in sets {
        let picture = folder.join(format!("{name}.png"));
        sample_grid(name, samples).save_png(&picture, 2.0)?;
        let class_counts = data.class_counts(indices);
        described.push(Set { name, images: indices.len(), class_counts, samples: picture });
    }
    if args.json { print_json(&described) } else { print(to_text(&described)) }
}

fn to_text(sets: &[Set]) -> String {
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
        text += &format!("{} samples: {}\n", set.name, shown(&set.samples));
    }
    text
}
