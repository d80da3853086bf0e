//! `adder repeat`: one recipe, several seeds.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use adder_model::Backend;
use adder_train::{Config, Measurements, Repetition, Series};
use anyhow::Result;
use serde::Serialize;

use crate::args::RepeatArgs;
use crate::commands::train::machine;
use crate::failure::INTERRUPTED;
use crate::progress::Watcher;
use crate::subject::RUNS;
use crate::{Context, configuration, interrupt, loading};

/// What is printed as JSON.
#[derive(Serialize)]
struct Found<'a> {
    recipe: &'a str,
    folder: &'a Path,
    #[serde(flatten)]
    repetition: &'a Repetition,
}

pub(crate) fn run(args: &RepeatArgs, context: &Context) -> Result<ExitCode> {
    let views = args.tta.views()?;
    let configs = configs(args)?;
    let recipe = configuration::recipe_name(&args.training.config.recipe);
    let folder = args.out.clone().unwrap_or_else(|| Path::new(RUNS).join(format!("repeat-{recipe}")));
    let data = loading::load(&configs[0].data.source, context)?;
    let machine = machine(context, Backend::default_for(&context.device));
    let stop = interrupt::stop_flag()?;
    let series = Series { data: &data, machine: &machine, stop: &stop, split: None, evaluate: true };
    let mut runs = Vec::new();
    for config in &configs {
        let path: PathBuf = folder.join(format!("seed{}", config.seed));
        if !context.quiet {
            eprintln!("seed {}: {} of {}", config.seed, runs.len() + 1, configs.len());
        }
        let Some(run) = series.complete(&path, config, &mut Watcher::new(context.quiet))? else {
            eprintln!("stopped and saved; the same command goes on from here");
            return Ok(ExitCode::from(INTERRUPTED));
        };
        runs.push(Measurements::of_run(&run, &data, &machine, views)?);
    }
    let repetition = Repetition::of(runs);
    match args.json {
        true => {
            let found = Found { recipe, folder: &folder, repetition: &repetition };
            writeln!(stdout(), "{}", serde_json::to_string(&found)?)?;
        }
        false => write!(stdout(), "{repetition}")?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The configuration of each seed; all are checked before the first is trained.
fn configs(args: &RepeatArgs) -> Result<Vec<Config>> {
    let mut layers = configuration::layers_of_training(&args.training)?;
    let first = match args.first_seed {
        Some(seed) => seed,
        None => layers.resolve()?.seed,
    };
    let seeds = (0..args.seeds).map(|place| first.saturating_add(place));
    seeds
        .map(|seed| {
            layers.add_flag("--first-seed", "seed", configuration::whole_number(seed));
            Ok(layers.resolve()?)
        })
        .collect()
}
