//! The choices that a file is written with.

use std::num::NonZeroU32;

/// The oldest version of ONNX's operators that is written: before it, softmax worked on all axes at once.
pub const LEAST_OPSET: i64 = 13;
/// The newest: the operators used here have not changed up to it.
pub const MOST_OPSET: i64 = 21;

/// The choices for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Fold norms into the weights of the layers beside them, wherever that gives the same function.
    pub fold: bool,
    /// The version of ONNX's operators, [`LEAST_OPSET`] to [`MOST_OPSET`].
    pub opset: i64,
    /// Take images as bytes, uint8, and give `{head}_probabilities`, such as `digit_probabilities` and `sum_probabilities`.
    pub with_preprocessing: bool,
    /// The number of images that the file takes at once; `None` for any. Some runtimes need it before they see an image.
    pub batch: Option<NonZeroU32>,
    /// How classes such as the addend are given.
    pub class_inputs: ClassInputs,
}

/// How the classes of one-hot inputs are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClassInputs {
    /// int64 `[batch]`. One that is below 0 or not below the number of classes is none of them: its one-hot vector is all zero.
    #[default]
    Index,
    /// f32 `[batch, classes]`: the one-hot vectors themselves, for runtimes that have no integers or no comparison.
    OneHot,
}

impl Default for Options {
    /// As trained, for runtimes since 2022.
    fn default() -> Self {
        Self {
            fold: false,
            opset: 17,
            with_preprocessing: false,
            batch: None,
            class_inputs: ClassInputs::default(),
        }
    }
}

impl Options {
    /// The version of the file format that came out with the opset: older runtimes refuse newer ones.
    pub(super) fn ir_version(&self) -> i64 {
        match self.opset {
            ..=14 => 7,
            15..=18 => 8,
            19..=20 => 9,
            _ => 10,
        }
    }
}

/// Words for people that look into a file.
pub(super) struct Texts<'a> {
    /// The name of the graph.
    pub(super) graph: &'a str,
    /// The purpose of the network.
    pub(super) file: &'a str,
    /// The look of its images.
    pub(super) image: &'a str,
}
