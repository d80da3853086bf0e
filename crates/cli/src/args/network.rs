//! The arguments of using a trained network.

use std::num::NonZeroU32;
use std::path::PathBuf;

use adder_export::onnx::{LEAST_OPSET, MOST_OPSET};
use clap::{Args, ValueEnum};

use super::choices::{CheckpointChoice, whole};
use super::training::RecipeArgs;

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 every picture was answered, 1 something could not be read (all else was answered), 2 wrong usage, 3 all were read, but \
in some no digit was found, or several.")]
pub(crate) struct PredictArgs {
    /// Pictures of one digit each: PNG, JPEG, WebP or BMP, of any size and color, dark on light or light on dark. A
    /// folder stands for the pictures in it, not for those of folders in it; hidden files and files of other kinds are left out. `-` is
    /// one on standard input.
    #[arg(value_name = "IMAGE", required = true)]
    pub(crate) images: Vec<PathBuf>,
    /// The number to add, 0 to 9.
    #[arg(long, value_name = "N", value_parser = whole::<u8>(0..=9), allow_negative_numbers = true)]
    pub(crate) add: u8,
    /// Read pictures as they are, a light digit on dark ground, only scaled to 28x28: nothing is found, cropped or centered.
    #[arg(long)]
    pub(crate) raw: bool,
    /// Read each digit of a picture, from left to right; without it, several in one are not answered.
    #[arg(long, conflicts_with = "raw")]
    pub(crate) each: bool,
    /// Draw what the network sees.
    #[arg(long, conflicts_with = "json")]
    pub(crate) show: bool,
    /// Write what the network sees as a PNG file, 28x28 pixels for each picture, or for each of its digits with `--each`, one below the
    /// other; they are dark where there is nothing to see.
    #[arg(long, value_name = "FILE.png")]
    pub(crate) saw: Option<PathBuf>,
    /// A run (its directory, its name in runs/, `newest` or `best`) or a weights file [default: the newest run in runs/, else `pretrained`: the
    /// weights inside the program].
    #[arg(long, value_name = "RUN|FILE.safetensors")]
    pub(crate) weights: Option<PathBuf>,
    /// Weights of a run.
    #[arg(long, value_enum, default_value = "last")]
    pub(crate) checkpoint: CheckpointChoice,
    /// Print JSON: a list with an item for each picture, whose `status` is digit, nothing, several, parts or error.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// A run (its directory, its name in runs/, `newest` or `best`) or a weights file [default: the newest run in runs/, else `pretrained`: the
    /// weights inside the program].
    #[arg(value_name = "RUN|FILE.safetensors")]
    pub(crate) weights: Option<PathBuf>,
    /// The format to write.
    #[arg(long, value_enum)]
    pub(crate) format: ExportFormat,
    /// File to write; an older one is replaced, through a symbolic link too. A pipe, such as /dev/stdout, takes the bytes as they come.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Weights of a run.
    #[arg(long, value_enum, default_value = "last")]
    pub(crate) checkpoint: CheckpointChoice,
    /// ONNX: fold norms into the weights beside them, where that gives the same function.
    #[arg(long)]
    pub(crate) fold: bool,
    /// ONNX: the version of its operators, 13 to 21 [default: 17].
    #[arg(long, value_name = "N", value_parser = whole::<i64>(LEAST_OPSET.unsigned_abs()..=MOST_OPSET.unsigned_abs()), allow_negative_numbers = true)]
    pub(crate) opset: Option<i64>,
    /// ONNX: take images as bytes, uint8, and give probabilities instead of logits.
    #[arg(long)]
    pub(crate) with_preprocessing: bool,
    /// ONNX: the number of images that the file takes at once, for runtimes that must know it beforehand [default: any].
    #[arg(long, value_name = "N", value_parser = whole::<NonZeroU32>(1..=u32::MAX.into()), allow_negative_numbers = true)]
    pub(crate) batch: Option<NonZeroU32>,
    /// ONNX: how the addend is given [default: index].
    #[arg(long, value_enum)]
    pub(crate) addend: Option<AddendInput>,
}

/// The addend as an input of an ONNX file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AddendInput {
    /// int64 `[batch]`: a number that is not 0 to 9 is an addend of none.
    Index,
    /// f32 `[batch, 10]`: its one-hot vector, for runtimes without integers or comparisons.
    OneHot,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// A file with the notebook's network, of any name: safetensors, or what torch.save wrote, its state_dict or a checkpoint
    /// or module around it; the index of Hugging Face's shards, or a folder with that or model.safetensors; a run directory; `-`
    /// for a file on standard input. No code in it is run.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Where the network is in the file, if more than one is: the keys to it and the prefix of its names, joined by points,
    /// such as `ema` or `state_dict.net`; `.` for the top.
    #[arg(long, value_name = "NAME")]
    pub(crate) key: Option<String>,
    /// The weights file to write; an older file is replaced.
    #[arg(long, value_name = "FILE.safetensors")]
    pub(crate) out: PathBuf,
}

/// The format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// For ONNX Runtime and other runtimes.
    Onnx,
    /// The notebook's state_dict as a safetensors file.
    TorchSafetensors,
}

#[derive(Debug, Args)]
pub(crate) struct SummaryArgs {
    /// A run (its directory, its name in runs/, `newest` or `best`) or a weights file [default: the network of the configuration].
    #[arg(value_name = "RUN|FILE.safetensors", conflicts_with_all = ["recipe", "config", "assignments"])]
    pub(crate) weights: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
