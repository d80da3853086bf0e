//! `adder sweep`: a small search over the configuration.

use std::path::Path;
use std::process::ExitCode;

use adder_experiment::Series;
use adder_experiment::sweep::{
    Dimension, Journal, Method, Ranking, SweepError, SweepPlan, check_data, next_trial,
};
use anyhow::Result;

use crate::args::{MethodChoice, RUNS, SweepArgs};
use crate::configuration;
use crate::context::{Context, stop_flag};
use crate::output::{print, print_json, say};
use crate::progress::Watcher;
use crate::resume_command::this_command;
use crate::signals;

/// Trials of a search without an end.
const TRIALS: u64 = 20;

pub(crate) fn run(args: &SweepArgs, context: &Context) -> Result<ExitCode> {
    let base = configuration::training_sources(&args.training)?;
    let config = base.resolve()?;
    let plan = plan(args, config.seed)?;
    let all = plan.combinations();
    let trials = args.trials.unwrap_or(all.unwrap_or(TRIALS)).min(all.unwrap_or(u64::MAX));
    let recipe = configuration::recipe_name(&args.training.config.recipe);
    let folder = args.out.clone().unwrap_or_else(|| Path::new(RUNS).join(format!("sweep-{recipe}")));
    let data = context.load_checked(&config.data)?;
    let mut journal = Journal::open(&folder, plan, config)?;
    check_data(&journal, &folder, &data)?;
    let machine = context.machine();
    let stop = stop_flag()?;
    let series = Series { data: &data, machine: &machine, stop: &stop, split: None, evaluate: false };
    while (journal.trials().len() as u64) < trials {
        if !context.quiet {
            say(format_args!("trial {} of {trials}", journal.trials().len() + 1));
        }
        let mut watcher = Watcher::new(context.quiet);
        if next_trial(&mut journal, &base, &series, &folder, &mut watcher)?.is_none() {
            say(format_args!("stopped and saved; `{}` resumes here", this_command()));
            return Ok(signals::exit_code());
        }
    }
    let ranking = Ranking::new(journal.trials());
    match args.json {
        true => print_json(&ranking.trials())?,
        false => print(ranking)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn plan(args: &SweepArgs, seed: u64) -> Result<SweepPlan, SweepError> {
    let grids = args.grids.iter().map(|text| Dimension::choices(text));
    let ranges = args.ranges.iter().map(|text| Dimension::range(text));
    let dimensions = grids.chain(ranges).collect::<Result<Vec<_>, _>>()?;
    let method = match args.method {
        Some(MethodChoice::Grid) => Method::Grid,
        Some(MethodChoice::Random) => Method::Random,
        Some(MethodChoice::Tpe) => Method::Tpe,
        None if args.ranges.is_empty() => Method::Grid,
        None => Method::Random,
    };
    let plan = SweepPlan { method, seed, dimensions };
    plan.check()?;
    Ok(plan)
}
