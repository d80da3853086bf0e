//! `adder repeat`: one recipe, several seeds.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use adder_experiment::{DivergedRun, Measurements, Repetition, Series};
use adder_train::Config;
use adder_train::config::whole_number;
use anyhow::Result;
use serde::Serialize;

use crate::args::{RUNS, RepeatArgs};
use crate::configuration;
use crate::context::{Context, stop_flag};
use crate::error::{FAILED, UsageError};
use crate::output::{print, print_json, say};
use crate::progress::Watcher;
use crate::resume_command::this_command;
use crate::signals;

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
    let (mut runs, mut diverged) = (Vec::new(), Vec::new());
    for config in &configs {
        let path: PathBuf = folder.join(format!("seed{}", config.seed));
        if !context.quiet {
            let number = runs.len() + diverged.len() + 1;
            say(format_args!("seed {}: {number} of {}", config.seed, configs.len()));
        }
        match series.complete(&path, config, &mut Watcher::new(context.quiet)) {
            Ok(Some(run)) => runs.push(Measurements::measure(&run, &data, &machine, tta)?),
            Ok(None) => {
                say(format_args!("stopped and saved; `{}` resumes here", this_command()));
                return Ok(signals::exit_code());
            }
            Err(error) => {
                let run = DivergedRun::of(config.seed, &error).ok_or(error)?;
                if !context.quiet {
                    say(&run);
                }
                diverged.push(run);
            }
        }
    }
    let repetition = Repetition::new(runs, diverged);
    match args.json {
        true => {
            let found = Found { recipe, folder: &folder, repetition: &repetition };
            print_json(&found)?;
        }
        false => print(&repetition)?,
    }
    Ok(if repetition.diverged.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

/// The configuration of each seed; all are checked before the first is trained.
fn configs(args: &RepeatArgs) -> Result<Vec<Config>> {
    let mut sources = configuration::training_sources(&args.training)?;
    let first = match args.first_seed {
        Some(seed) => seed,
        None => sources.resolve()?.seed,
    };
    let last = first.checked_add(args.seeds - 1).ok_or_else(|| {
        let (count, largest) = (args.seeds, u64::MAX);
        UsageError(format!("--seeds: expected seeds up to {largest}, found {count} from {first} on"))
    })?;
    (first..=last)
        .map(|seed| {
            sources.add_flag("--first-seed", "seed", whole_number(seed));
            Ok(sources.resolve()?)
        })
        .collect()
}
