//! The arguments of measuring a trained network.

use std::path::PathBuf;

use adder_train::Tta;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::choices::{CheckpointChoice, whole};
use super::training::OrientationArgs;
use crate::error::UsageError;

#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    /// A run (its directory, its name in runs/, `newest` or `best`) or a weights file [default: the newest run in runs/, else `pretrained`: the
    /// weights inside the program].
    #[arg(value_name = "RUN|FILE.safetensors")]
    pub(crate) weights: Option<PathBuf>,
    /// The images.
    #[arg(long, value_enum, default_value = "eval")]
    pub(crate) split: SplitChoice,
    /// All ten addends for each image instead of one.
    #[arg(long)]
    pub(crate) exhaustive: bool,
    /// Analyze the errors: confusions, scores of each class, calibration, the two heads together, the worst images.
    #[arg(long)]
    pub(crate) analysis: bool,
    /// Number of the worst images that the analysis shows.
    #[arg(long, value_name = "N", default_value_t = 20, requires = "analysis", value_parser = whole::<usize>(0..=u32::MAX.into()), allow_negative_numbers = true)]
    pub(crate) worst: usize,
    #[command(flatten)]
    pub(crate) tta: TtaArgs,
    /// Weights of a run.
    #[arg(long, value_enum, default_value = "last")]
    pub(crate) checkpoint: CheckpointChoice,
    /// Source of the images [default: as the run was trained; embedded for a weights file]. A path is read with the run's
    /// --transpose and --invert, which `--transpose=false` takes back.
    #[arg(long, value_name = "SOURCE")]
    pub(crate) data: Option<String>,
    #[command(flatten)]
    pub(crate) orientation: OrientationArgs,
    /// Only the first N images of each set [default: as the run was trained].
    #[arg(long, value_name = "N", value_parser = whole::<u32>(0..=u32::MAX.into()), allow_negative_numbers = true)]
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
    /// Shifts of the image by up to so many pixels in both directions: 1 for 9 views, 2 for 25; 0 for the image as it is.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "tta", value_parser = whole::<u8>(0..=4), allow_negative_numbers = true)]
    pub(crate) tta_shift: u8,
    /// The addends that each view of the image is seen beside.
    #[arg(long, value_enum, value_name = "ADDENDS", default_value = "all", requires = "tta")]
    pub(crate) tta_addends: TtaAddends,
}

impl TtaArgs {
    /// The views of a pair, where they were asked for.
    pub(crate) fn tta(&self) -> Result<Option<Tta>, UsageError> {
        let shifted = Tta::shifted(self.tta_shift);
        let tta = match self.tta_addends {
            TtaAddends::All => shifted.with_all_addends(),
            TtaAddends::Asked => shifted,
        };
        if self.tta && tta == Tta::default() {
            let words =
                "--tta-shift: expected 1 to 4 with --tta-addends asked, found 0, which leaves a single view";
            return Err(UsageError(words.to_owned()));
        }
        Ok(self.tta.then_some(tta))
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

/// The images to measure on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SplitChoice {
    /// The images held back from the training file.
    Val,
    /// The test file, for the final word; `test` says the same.
    #[value(alias = "test")]
    Eval,
}
