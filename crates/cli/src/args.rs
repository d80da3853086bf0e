//! The command line as a type. Nothing is decided here: values are parsed low, in their own types, and checked where
//! they are used.

mod experiments;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use adder_model::Backend;
use adder_train::Views;
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Serialize;

use crate::failure::UsageError;

pub(crate) use experiments::{LrFindArgs, MethodChoice, RepeatArgs, SweepArgs};

/// Train and use a network that reads a handwritten digit and adds a number to it.
///
/// Results go to standard output, progress and messages to standard error. Exit codes: 0 done, 1 failed, 2 wrong usage
/// or configuration, 130 stopped by Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "adder", version, max_term_width = 100)]
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
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Where to compute: auto, cpu, cuda, cuda:N or metal. `auto` takes a GPU that is there and built in, else the CPU.
    #[arg(long, global = true, value_name = "DEVICE", default_value = "auto")]
    pub(crate) device: DeviceChoice,
    /// Which code computes: `fused` kernels, on the CPU, or candle's own operations, the `reference` [default: the fastest
    /// of the device; on going on, the run's].
    #[arg(long, global = true, value_name = "BACKEND")]
    pub(crate) backend: Option<Backend>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a network, or go on with a stopped run.
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
    /// Show the data: sizes of the sets, class counts, and samples as a picture.
    Data(DataArgs),
    /// Draw a run as a page to look at: curves, mistakes, the inside of the network; or compare several.
    Report(ReportArgs),
    /// List the runs, look at one, delete or move them.
    Runs(RunsArgs),
}

/// How a configuration is put together.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// A built-in recipe to start from [default: default].
    #[arg(long, value_name = "NAME")]
    pub(crate) recipe: Option<String>,
    /// A TOML file of keys that replace the recipe's.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// One key, such as `optimizer.momentum=0.8`; replaces the recipe's and the file's. May be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) assignments: Vec<String>,
    /// Seed of everything random: `--set seed=N`.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Where the images come from: embedded, download, hub, or a folder with four IDX files (raw or .gz):
    /// `--set data.source=...`.
    #[arg(long, value_name = "SOURCE")]
    pub(crate) data: Option<String>,
    /// Only the first N images of each set, as a smoke test: `--set data.limit=N`.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u32>,
}

/// How a training is configured.
#[derive(Debug, Args)]
pub(crate) struct TrainingArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Times every training image is seen: `--set training.epochs=N`.
    #[arg(long, value_name = "N")]
    pub(crate) epochs: Option<u64>,
    /// Images in a step: `--set training.batch_size=N`.
    #[arg(long, value_name = "N")]
    pub(crate) batch_size: Option<u64>,
    /// The step size: `--set optimizer.learning_rate=X`.
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
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
    /// Go on with a stopped run, exactly where it was.
    #[arg(
        long,
        value_name = "RUN",
        conflicts_with_all = ["recipe", "config", "assignments", "seed", "data", "limit", "epochs", "batch_size", "learning_rate", "out", "overwrite"]
    )]
    pub(crate) resume: Option<PathBuf>,
    /// Print the evaluation as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Write no report at the end.
    #[arg(long)]
    pub(crate) no_report: bool,
    /// Write event files for TensorBoard into the run directory.
    #[arg(long)]
    pub(crate) tensorboard: bool,
    /// Show a dashboard instead of the bar, where there is a terminal.
    #[arg(long)]
    pub(crate) tui: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    /// A run directory or a weights file [default: the newest run in runs/, else `pretrained`: the
    /// weights inside the program].
    #[arg(value_name = "RUN|FILE.safetensors")]
    pub(crate) weights: Option<PathBuf>,
    /// Which images.
    #[arg(long, value_enum, default_value = "eval")]
    pub(crate) split: SplitChoice,
    /// All ten addends for each image instead of one.
    #[arg(long)]
    pub(crate) exhaustive: bool,
    /// What the errors are: confusions, scores of each class, calibration, the two heads together, the worst images.
    #[arg(long)]
    pub(crate) analysis: bool,
    /// How many of the worst images the analysis shows.
    #[arg(long, value_name = "N", default_value_t = 20, requires = "analysis")]
    pub(crate) worst: usize,
    #[command(flatten)]
    pub(crate) tta: TtaArgs,
    /// Which weights of a run.
    #[arg(long, value_enum, default_value = "last")]
    pub(crate) checkpoint: CheckpointChoice,
    /// Where the images come from [default: as the run was trained; embedded for a weights file].
    #[arg(long, value_name = "SOURCE")]
    pub(crate) data: Option<String>,
    /// Only the first N images of each set [default: as the run was trained].
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u32>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Test-time augmentation.
#[derive(Debug, Args)]
pub(crate) struct TtaArgs {
    /// Measure with test-time augmentation as well: the mean of each head's probabilities over shifts of the image and over
    /// addends.
    #[arg(long)]
    pub(crate) tta: bool,
    /// Shifts of up to so many pixels in both directions: 1 for 9 views, 2 for 25.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "tta", value_parser = clap::value_parser!(u8).range(0..=4))]
    pub(crate) tta_shift: u8,
    /// The addends that each view of the image is seen beside.
    #[arg(long, value_enum, default_value = "all", requires = "tta")]
    pub(crate) tta_addends: TtaAddends,
}

impl TtaArgs {
    /// The views of a pair, where they were asked for.
    pub(crate) fn views(&self) -> Result<Option<Views>, UsageError> {
        let shifted = Views::shifted(self.tta_shift);
        let views = match self.tta_addends {
            TtaAddends::All => shifted.beside_all_addends(),
            TtaAddends::Asked => shifted,
        };
        if self.tta && views == Views::default() {
            let words =
                "--tta-shift: expected 1 to 4 with --tta-addends asked, found 0, which leaves a single view";
            return Err(UsageError(words.to_owned()));
        }
        Ok(self.tta.then_some(views))
    }
}

/// The addends of test-time augmentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TtaAddends {
    /// All ten; what is said of another sum is moved to the one asked for.
    All,
    /// The one that is asked for.
    Asked,
}

#[derive(Debug, Args)]
pub(crate) struct PredictArgs {
    /// Pictures of one digit each: PNG, JPEG, WebP or BMP, of any size and colour, dark on light or light on dark. A
    /// folder stands for the pictures in it, `-` for one on standard input.
    #[arg(value_name = "IMAGE", required = true)]
    pub(crate) images: Vec<PathBuf>,
    /// The number to add, 0 to 9.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=9))]
    pub(crate) add: u8,
    /// Read pictures as they are, a light digit on dark ground, only scaled to 28x28: nothing is found, cropped or centred.
    #[arg(long)]
    pub(crate) raw: bool,
    /// Draw what the network sees.
    #[arg(long, conflicts_with = "json")]
    pub(crate) show: bool,
    /// Write what the network sees as a PNG file, 28x28 pixels for each picture, one below the other.
    #[arg(long, value_name = "FILE.png")]
    pub(crate) saw: Option<PathBuf>,
    /// A run directory or a weights file [default: the newest run in runs/, else `pretrained`: the
    /// weights inside the program].
    #[arg(long, value_name = "RUN|FILE.safetensors")]
    pub(crate) weights: Option<PathBuf>,
    /// Which weights of a run.
    #[arg(long, value_enum, default_value = "last")]
    pub(crate) checkpoint: CheckpointChoice,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// A run directory or a weights file [default: the newest run in runs/, else `pretrained`: the
    /// weights inside the program].
    #[arg(value_name = "RUN|FILE.safetensors")]
    pub(crate) weights: Option<PathBuf>,
    /// Where to listen. The default is reached from this machine alone; 0.0.0.0:PORT from everywhere. Port 0 is any.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) addr: SocketAddr,
    /// Which weights of a run.
    #[arg(long, value_enum, default_value = "last")]
    pub(crate) checkpoint: CheckpointChoice,
    /// Log every request as a line of JSON on standard error.
    #[arg(long)]
    pub(crate) log: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// A run directory or a weights file [default: the newest run in runs/, else `pretrained`: the
    /// weights inside the program].
    #[arg(value_name = "RUN|FILE.safetensors")]
    pub(crate) weights: Option<PathBuf>,
    /// What to write.
    #[arg(long, value_enum)]
    pub(crate) format: ExportFormat,
    /// Where to write it; an older file is replaced.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Which weights of a run.
    #[arg(long, value_enum, default_value = "last")]
    pub(crate) checkpoint: CheckpointChoice,
    /// ONNX: fold norms into the weights beside them, where that gives the same function.
    #[arg(long)]
    pub(crate) fold: bool,
    /// ONNX: the version of its operators, 13 to 21 [default: 17].
    #[arg(long, value_name = "N")]
    pub(crate) opset: Option<i64>,
    /// ONNX: take images as bytes, uint8, and give probabilities instead of logits.
    #[arg(long)]
    pub(crate) with_preprocessing: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The state_dict of the notebook's network: a .safetensors file, or a .pt or .pth file that torch.save wrote. No code
    /// in it is run.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The weights file to write; an older file is replaced.
    #[arg(long, value_name = "FILE.safetensors")]
    pub(crate) out: PathBuf,
}

/// What a network is exported as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// For ONNX Runtime and other runtimes.
    Onnx,
    /// The notebook's state_dict as a safetensors file.
    TorchSafetensors,
}

#[derive(Debug, Args)]
pub(crate) struct SummaryArgs {
    /// A run directory or a weights file [default: the network of the configuration].
    #[arg(value_name = "RUN|FILE.safetensors", conflicts_with_all = ["recipe", "config", "assignments"])]
    pub(crate) weights: Option<PathBuf>,
    /// A built-in recipe to start from [default: default].
    #[arg(long, value_name = "NAME")]
    pub(crate) recipe: Option<String>,
    /// A TOML file of keys that replace the recipe's.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// One key, such as `model.channels=[16, 16, 32, 32, 32, 32]`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) assignments: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Where the pictures of samples go, one for each set.
    #[arg(long, value_name = "DIR", default_value = "samples")]
    pub(crate) out: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// A run directory, or its name in runs/; several are compared [default: the newest run in runs/, else `pretrained`: the
    /// weights inside the program].
    #[arg(value_name = "RUN")]
    pub(crate) runs: Vec<PathBuf>,
    /// Where the page goes [default: report.html in the run, comparison.html for several].
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
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
    #[arg(long = "in", value_name = "DIR", default_value = crate::subject::RUNS)]
    pub(crate) folder: PathBuf,
    /// What the table is sorted by; the newest, best or longest come last.
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
        /// The new folder, which must not be there yet.
        to: PathBuf,
    },
}

/// What the table of runs is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SortKey {
    /// The name.
    Name,
    /// When it was started.
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

/// Which images are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SplitChoice {
    /// The images held back from the training file.
    Val,
    /// The test file, for the final word.
    Eval,
}

/// Which weights of a run are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckpointChoice {
    /// After the last step.
    Last,
    /// After the epoch with the best validation accuracy.
    Best,
}

/// A device as asked for, whether or not it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeviceChoice {
    Auto,
    Cpu,
    Cuda(usize),
    Metal,
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || "expected auto, cpu, cuda, cuda:N or metal".to_string();
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            "metal" => Ok(Self::Metal),
            _ => {
                let ordinal = text.strip_prefix("cuda:").ok_or_else(unknown)?;
                ordinal.parse().map(Self::Cuda).map_err(|_| unknown())
            }
        }
    }
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
    fn devices_parse() {
        assert_eq!("cuda:3".parse(), Ok(DeviceChoice::Cuda(3)));
        assert_eq!("auto".parse(), Ok(DeviceChoice::Auto));
        assert!("cuda:".parse::<DeviceChoice>().is_err() && "gpu".parse::<DeviceChoice>().is_err());
    }
}
