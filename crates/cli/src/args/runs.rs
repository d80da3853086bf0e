//! The arguments of looking at runs and of keeping them in order.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// The folder of runs.
pub(crate) const RUNS: &str = "runs";

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// A run directory, or its name in runs/; several are compared [default: the newest run in runs/, else `pretrained`: the
    /// weights inside the program].
    #[arg(value_name = "RUN")]
    pub(crate) runs: Vec<PathBuf>,
    /// File of the page [default: report.html in the run, comparison.html for several].
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// The place that the run's images were moved to; the run remembers it.
    #[arg(long, value_name = "SOURCE")]
    pub(crate) data: Option<String>,
    /// Write each figure as SVG and PNG into a folder too.
    #[arg(long, value_name = "DIR")]
    pub(crate) figures: Option<PathBuf>,
    /// Open it.
    #[arg(long)]
    pub(crate) open: bool,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct RunsArgs {
    #[command(subcommand)]
    pub(crate) action: Option<RunsAction>,
    /// The folder that the runs are in.
    #[arg(long = "in", value_name = "DIR", default_value = RUNS)]
    pub(crate) folder: PathBuf,
    /// The column to sort by; the newest, best or longest come last.
    #[arg(long, value_enum, default_value = "started")]
    pub(crate) sort: SortKey,
    /// Turn the order round.
    #[arg(long)]
    pub(crate) reverse: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RunsAction {
    /// Show what one run was and came to.
    Show {
        /// A run directory, or its name in runs/.
        run: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Delete runs: their files and no others.
    Rm {
        /// Run directories, or their names in runs/.
        #[arg(required = true)]
        runs: Vec<PathBuf>,
    },
    /// Move a run.
    Mv {
        /// A run directory, or its name in runs/.
        from: PathBuf,
        /// The new folder, which must not be there yet. A name alone is one in runs/ where RUN is; `./NAME` is not.
        to: PathBuf,
    },
}

/// The column that the table of runs is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SortKey {
    /// The name.
    Name,
    /// The time of the start.
    Started,
    /// The seed.
    Seed,
    /// Epochs done.
    Epochs,
    /// Best validation accuracy of both heads.
    Validation,
    /// Evaluation accuracy of both heads.
    Evaluation,
    /// Time spent.
    Time,
}
