//! The command line as a type. Nothing is decided here: values are parsed low, in their own types, and checked where
//! they are used.

mod choices;
mod evaluation;
mod experiments;
mod network;
mod runs;
mod serve;
mod shell;
mod training;

use adder_model::Backend;
use clap::{Args, Parser, Subcommand};

pub(crate) use choices::{CheckpointChoice, DeviceChoice};
pub(crate) use evaluation::{EvalArgs, SplitChoice, TtaAddends};
pub(crate) use experiments::{LrFindArgs, MethodChoice, RepeatArgs, SweepArgs};
pub(crate) use network::{AddendInput, ExportArgs, ExportFormat, ImportArgs, PredictArgs, SummaryArgs};
pub(crate) use runs::{RUNS, ReportArgs, RunsAction, RunsArgs, SortKey};
pub(crate) use serve::ServeArgs;
pub(crate) use shell::{CompletionsArgs, ManArgs};
pub(crate) use training::{
    ConfigArgs, ConfigurationArgs, DataArgs, OrientationArgs, RecipeArgs, TrainArgs, TrainingArgs,
};

/// Train and use a network that reads a handwritten digit and adds a number to it.
///
/// Results go to standard output, progress and messages to standard error. Exit codes: 0 done, 1 failed, 2 wrong usage
/// or configuration, 3 a picture without an answer (`predict`), 130 stopped by Ctrl-C (143 by
/// SIGTERM, 129 by SIGHUP).
#[derive(Debug, Parser)]
#[command(name = "adder", version = env!("ADDER_VERSION"), max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Say only what is asked for, and errors.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Threads that compute; the results do not depend on them [default: physical cores].
    #[arg(long, global = true, value_name = "N", value_parser = choices::whole::<u16>(1..=1024), allow_negative_numbers = true)]
    pub(crate) threads: Option<u16>,
    /// Device to compute on: auto, cpu, cuda, cuda:N or metal. `auto` takes a GPU that is there and built in, else the CPU.
    #[arg(long, global = true, value_name = "DEVICE", default_value = "auto")]
    pub(crate) device: DeviceChoice,
    /// Code that computes: `fused` kernels, on the CPU, or candle's own operations, the `reference` [default: the fastest
    /// of the device; on resuming, the run's].
    #[arg(long, global = true, value_name = "BACKEND")]
    pub(crate) backend: Option<Backend>,
}

impl Global {
    /// The options that were given, as arguments.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        let mut give = |flag: &str, value: Option<String>| {
            arguments.extend(value.into_iter().flat_map(|value| [flag.to_owned(), value]));
        };
        give("--threads", self.threads.map(|threads| threads.to_string()));
        give("--device", (self.device != DeviceChoice::Auto).then(|| self.device.to_string()));
        give("--backend", self.backend.map(|backend| backend.to_string()));
        if self.quiet {
            arguments.push("--quiet".into());
        }
        arguments
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a network, or resume a stopped run.
    Train(Box<TrainArgs>),
    /// Train a recipe with several seeds and show how the results spread.
    Repeat(Box<RepeatArgs>),
    /// Find a learning rate: train a few hundred steps with a growing one and look at the loss.
    LrFind(Box<LrFindArgs>),
    /// Search over values of the configuration: one run for each trial, chosen on validation.
    Sweep(Box<SweepArgs>),
    /// Measure a trained network: loss and accuracy for digit, sum, and both.
    Eval(EvalArgs),
    /// Read the digit in pictures and add a number to it.
    Predict(PredictArgs),
    /// Answer over HTTP, and show a page to draw a digit on.
    Serve(ServeArgs),
    /// Write a trained network as a file for other programs: ONNX runtimes or PyTorch.
    Export(ExportArgs),
    /// Read a network that PyTorch trained, and write it as a weights file that every other command takes.
    Import(ImportArgs),
    /// Show the layers: output shapes, parameters, multiply-adds and receptive fields.
    Summary(SummaryArgs),
    /// Show the configuration that a training would have, each key with its comment, default and range.
    Config(Box<ConfigurationArgs>),
    /// Show the data: sizes of the sets, class counts, and samples as a picture.
    Data(DataArgs),
    /// Draw a run as a page to look at: curves, mistakes, the inside of the network; or compare several.
    Report(ReportArgs),
    /// List the runs, look at one, delete or move them.
    Runs(RunsArgs),
    /// Write what a shell needs to complete this program's commands, options and values.
    Completions(CompletionsArgs),
    /// Write the manual pages.
    Man(ManArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_was_given_is_given_again() {
        let arguments = |more: &[&str]| {
            let words = [&["adder", "summary"], more].concat();
            Cli::try_parse_from(words).unwrap().global.arguments()
        };
        assert!(arguments(&[]).is_empty());
        let given = ["--threads", "3", "--device", "cuda:1", "--backend", "reference", "--quiet"];
        assert_eq!(arguments(&given), given);
        for device in ["cpu", "metal"] {
            assert_eq!(arguments(&["--device", device]), ["--device", device]);
        }
    }
}
