//! The commands that train more than one network.

use std::path::PathBuf;

use clap::Args;

use super::{TrainingArgs, TtaArgs};

#[derive(Debug, Args)]
pub(crate) struct RepeatArgs {
    #[command(flatten)]
    pub(crate) training: TrainingArgs,
    /// How many seeds, one after the other.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(crate) seeds: u64,
    /// The first of them [default: the configuration's seed, which is 1 in every recipe].
    #[arg(long, value_name = "N", conflicts_with = "seed")]
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
