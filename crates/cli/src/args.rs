//! The command line as a type. Nothing is decided here: values are parsed low, in their own types, and checked where
//! they are used.

mod evaluation;
mod experiments;
mod runs;
mod training;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use adder_model::Backend;
use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use evaluation::{EvalArgs, SplitChoice, TtaAddends, TtaArgs};
pub(crate) use experiments::{LrFindArgs, MethodChoice, RepeatArgs, SweepArgs};
pub(crate) use runs::{ReportArgs, RunsAction, RunsArgs, SortKey};
pub(crate) use training::{ConfigArgs, RecipeArgs, TrainArgs, TrainingArgs};

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
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
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
