//! The commands that train more than one network.

use std::path::PathBuf;

use adder_experiment::lr_find::RangeTest;
use clap::{Args, ValueEnum};

use super::choices::{number, seed, whole};
use super::evaluation::TtaArgs;
use super::training::TrainingArgs;

#[derive(Debug, Args)]
pub(crate) struct RepeatArgs {
    #[command(flatten)]
    pub(crate) training: TrainingArgs,
    /// Number of seeds, one after the other.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = whole::<u64>(1..=1000), allow_negative_numbers = true)]
    pub(crate) seeds: u64,
    /// The first of them [default: the configuration's seed, which is 1 in every recipe].
    #[arg(long, value_name = "N", conflicts_with = "seed", value_parser = seed, allow_negative_numbers = true)]
    pub(crate) first_seed: Option<u64>,
    /// The folder of the runs; seeds that are finished in it are not trained again [default: runs/repeat-RECIPE].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) tta: TtaArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LrFindArgs {
    #[command(flatten)]
    pub(crate) training: TrainingArgs,
    /// The rate of the first step.
    #[arg(long, value_name = "RATE", default_value_t = RangeTest::default().from, value_parser = number, allow_negative_numbers = true)]
    pub(crate) from: f64,
    /// The rate of the last step.
    #[arg(long, value_name = "RATE", default_value_t = RangeTest::default().to, value_parser = number, allow_negative_numbers = true)]
    pub(crate) to: f64,
    /// Number of steps; each has the rate of the one before times a constant.
    #[arg(long, value_name = "N", default_value_t = RangeTest::default().steps, value_parser = whole::<u64>(2..=100_000), allow_negative_numbers = true)]
    pub(crate) steps: u64,
    /// Folder for lr-find.svg, lr-find.png and lr-find.json.
    #[arg(long, value_name = "DIR", default_value = "lr-find")]
    pub(crate) out: PathBuf,
    /// Print JSON: the suggestions and every point.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SweepArgs {
    #[command(flatten)]
    pub(crate) training: TrainingArgs,
    /// A key and what it takes, such as `training.batch_size=64,128`. May be given several times.
    #[arg(long = "set-grid", value_name = "KEY=A,B,...")]
    pub(crate) grids: Vec<String>,
    /// A key and its range, such as `optimizer.learning_rate=0.01..0.3:log`. May be given several times.
    #[arg(long = "random", value_name = "KEY=LOW..HIGH[:log]")]
    pub(crate) ranges: Vec<String>,
    /// Method of choosing trials [default: grid, or random where there is a range].
    #[arg(long, value_enum)]
    pub(crate) method: Option<MethodChoice>,
    /// Number of trials, those that are there already included [default: all of a grid, else 20].
    #[arg(long, value_name = "N", value_parser = whole::<u64>(1..=10_000), allow_negative_numbers = true)]
    pub(crate) trials: Option<u64>,
    /// The folder of the journal and the runs; the same command resumes there [default: runs/sweep-RECIPE].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Print the trials as JSON, the best first.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The method of choosing trials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MethodChoice {
    /// Every combination.
    Grid,
    /// Each value by itself.
    Random,
    /// A tree-structured Parzen estimator, which learns from the trials before.
    Tpe,
}
