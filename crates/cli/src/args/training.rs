//! The arguments of training one network.

use std::path::PathBuf;

use adder_train::config::{Recipe, TrainingConfig};
use clap::Args;

use super::choices::{number, seed, whole};

/// The help of `--recipe`.
fn recipes() -> String {
    let names = Recipe::ALL.map(|recipe| recipe.name);
    format!("A built-in recipe to start from: {} [default: {}]", names.join(", "), names[0])
}

/// The sources of a configuration.
#[derive(Debug, Args)]
pub(crate) struct RecipeArgs {
    // The names are those that are built in.
    #[arg(long, value_name = "NAME", help = recipes())]
    pub(crate) recipe: Option<String>,
    /// A TOML file of keys that replace the recipe's.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// One key, such as `optimizer.momentum=0.8`; replaces the recipe's and the file's. May be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) assignments: Vec<String>,
}

/// The same, with flags for the keys that every command with data has.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
    /// Seed of everything random, 0 to 2^64 - 1: `--set seed=N`.
    #[arg(long, value_name = "N", value_parser = seed, allow_negative_numbers = true)]
    pub(crate) seed: Option<u64>,
    /// Source of the images: embedded, download, hub, or a path: a folder with four IDX files (raw or .gz), mnist.npz, or
    /// pictures by class; docs/data.md has the list: `--set data.source=...`.
    #[arg(long, value_name = "SOURCE")]
    pub(crate) data: Option<String>,
    #[command(flatten)]
    pub(crate) orientation: OrientationArgs,
    /// Only the first N images of each set, as a smoke test: `--set data.limit=N`.
    #[arg(long, value_name = "N", value_parser = whole::<u32>(0..=u32::MAX.into()), allow_negative_numbers = true)]
    pub(crate) limit: Option<u32>,
}

/// How the images of a source are turned to be as MNIST's.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct OrientationArgs {
    /// Exchange rows and columns of every image, as files of EMNIST need: `--set data.transpose=true`.
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) transpose: Option<bool>,
    /// Make dark digits on light ground light ones on dark: `--set data.invert=true`.
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) invert: Option<bool>,
}

/// The configuration of a training.
#[derive(Debug, Args)]
pub(crate) struct TrainingArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Times every training image is seen: `--set training.epochs=N`.
    #[arg(long, value_name = "N", value_parser = whole::<u64>(TrainingConfig::EPOCHS), allow_negative_numbers = true)]
    pub(crate) epochs: Option<u64>,
    /// Images in a step: `--set training.batch_size=N`.
    #[arg(long, value_name = "N", value_parser = whole::<u64>(TrainingConfig::BATCH_SIZES), allow_negative_numbers = true)]
    pub(crate) batch_size: Option<u64>,
    /// The step size: `--set optimizer.learning_rate=X`.
    #[arg(long, value_name = "X", value_parser = number, allow_negative_numbers = true)]
    pub(crate) learning_rate: Option<f64>,
}

#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    pub(crate) training: TrainingArgs,
    /// The run directory [default: a folder in runs/ named for date and seed].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Replace a run that is already in the run directory.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Begin with these weights, as in fine-tuning: a run, a weights file of any kind that `import` takes, or `pretrained`. The
    /// network is theirs, unless --config or --set say otherwise; the optimizer and the schedule begin anew.
    #[arg(long, value_name = "RUN|FILE")]
    pub(crate) init: Option<PathBuf>,
    /// Resume a stopped run, exactly where it was: its directory, its name in runs/, `newest` or `best`. With --data, its images are where they
    /// were moved to; the run remembers the place. With --epochs N, a run that is finished goes on to N epochs in all.
    #[arg(
        long,
        value_name = "RUN",
        conflicts_with_all = ["recipe", "config", "assignments", "seed", "transpose", "invert", "limit", "batch_size", "learning_rate", "out", "overwrite", "init"]
    )]
    pub(crate) resume: Option<PathBuf>,
    /// Print the evaluation as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Write no report at the end.
    #[arg(long)]
    pub(crate) no_report: bool,
    /// Write an event file for TensorBoard into the run directory; a run that is resumed goes on with it, told or not.
    #[arg(long)]
    pub(crate) tensorboard: bool,
    /// Show a dashboard instead of the bar, where there is a terminal.
    #[arg(long)]
    pub(crate) tui: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigurationArgs {
    #[command(flatten)]
    pub(crate) training: TrainingArgs,
    /// List the keys instead: a line for each with its value and what it takes.
    #[arg(long, conflicts_with_all = ["json", "markdown"])]
    pub(crate) keys: bool,
    /// Print JSON: a list of the keys with value, default, range and comment.
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) json: bool,
    /// Print the page of all keys, docs/configuration.md.
    #[arg(
        long,
        conflicts_with_all = ["recipe", "config", "assignments", "seed", "data", "transpose", "invert", "limit", "epochs", "batch_size", "learning_rate"]
    )]
    pub(crate) markdown: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Folder for the pictures of samples, one for each set.
    #[arg(long, value_name = "DIR", default_value = "samples")]
    pub(crate) out: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
