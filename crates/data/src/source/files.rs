//! The four files of a data set in MNIST's form.

use std::io::BufRead;
use std::{panic, thread};

use crate::idx::{self, Items};
use crate::{Error, Labeled, Result};

/// One of the four files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdxFile {
    TrainImages,
    TrainLabels,
    EvaluationImages,
    EvaluationLabels,
}

impl IdxFile {
    /// The name of the raw file; a packed one has `.gz` behind it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::TrainImages => "train-images-idx3-ubyte",
            Self::TrainLabels => "train-labels-idx1-ubyte",
            Self::EvaluationImages => "t10k-images-idx3-ubyte",
            Self::EvaluationLabels => "t10k-labels-idx1-ubyte",
        }
    }
}

/// An opened file, raw or packed.
pub(super) struct Opened<R> {
    /// Its path or name, for errors.
    pub(super) name: String,
    /// Its bytes.
    pub(super) input: R,
    /// How many bytes it has.
    pub(super) length: u64,
}

impl<R: BufRead> Opened<R> {
    fn read(self, items: Items) -> Result<Vec<u8>> {
        idx::read(self.input, self.length, items).map_err(|problem| Error::Idx { file: self.name, problem })
    }
}

/// Loads train and evaluation; `open` opens a file.
///
/// The training images are unpacked beside the other three files. That thread is our own: rayon's global pool would be
/// fixed to its default size by the first use, before the caller could set the number of threads.
pub(super) fn load_four<R: BufRead>(
    open: impl Fn(IdxFile) -> Result<Opened<R>> + Sync,
) -> Result<(Labeled, Labeled)> {
    thread::scope(|scope| {
        let train_images = scope.spawn(|| open(IdxFile::TrainImages)?.read(Items::Images));
        let evaluation_images = open(IdxFile::EvaluationImages)?.read(Items::Images)?;
        let evaluation = with_labels(evaluation_images, open(IdxFile::EvaluationLabels)?)?;
        let train_images = train_images.join().unwrap_or_else(|payload| panic::resume_unwind(payload))?;
        Ok((with_labels(train_images, open(IdxFile::TrainLabels)?)?, evaluation))
    })
}

fn with_labels(images: Vec<u8>, labels: Opened<impl BufRead>) -> Result<Labeled> {
    let file = labels.name.clone();
    let labels = labels.read(Items::Labels)?;
    Labeled::new(images, labels).map_err(|problem| Error::Idx { file, problem })
}
