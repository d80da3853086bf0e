//! `adder repeat`: one recipe, several seeds.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use adder_experiment::{Measurements, Repetition, Series};
use adder_train::Config;
use anyhow::Result;
use serde::Serialize;

use crate::args::{RUNS, RepeatArgs};
use crate::configuration;
use crate::context::{Context, stop_flag};
use crate::error::INTERRUPTED;
use crate::progress::Watcher;

/// The JSON.
#[derive(Serialize)]
struct Found<'a> {
    recipe: &'a str,
    folder: &'a Path,
    #[serde(flatten)]
    repetition: &'a Repetition,
}

pub(crate) fn run(args: &RepeatArgs, context: &Context) -> Result<ExitCode> {
    let tta = args.tta.tta()?;
    let configs = configs(args)?;
    let recipe = configuration::recipe_name(&args.training.config.recipe);
    let folder = args.out.clone().unwrap_or_else(|| Path::new(RUNS).join(format!("repeat-{recipe}")));
    let data = context.load_checked(&configs[0].data)?;
    let machine = context.machine();
    let stop = stop_flag()?;
    let series = Series { data: &data, machine: &machine, stop: &stop, split: None, evaluate: true };
    let mut runs = Vec::new();
    for config in &configs {
        let path: PathBuf = folder.join(format!("seed{}", config.seed));
        if !context.quiet {
            eprintln!("seed {}: {} of {}", config.seed, runs.len() + 1, configs.len());
        }
        let Some(run) = series.complete(&path, config, &mut Watcher::new(context.quiet))? else {
            eprintln!("stopped and saved; the same command resumes here");
            return Ok(ExitCode::from(INTERRUPTED));
        };
        runs.push(Measurements::measure(&run, &data, &machine, tta)?);
    }
    let repetition = Repetition::new(runs);
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
    let mut sources = configuration::training_sources(&args.training)?;
    let first = match args.first_seed {
        Some(seed) => seed,
        None => sources.resolve()?.seed,
    };
    let seeds = (0..args.seeds).map(|place| first.saturating_add(place));
    seeds
        .map(|seed| {
            sources.add_flag("--first-seed", "seed", configuration::whole_number(seed));
            Ok(sources.resolve()?)
        })
        .collect()
}
