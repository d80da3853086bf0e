//! MNIST inside the binary: see `assets/mnist/README.md` for its credit and licence.

use super::files::{self, IdxFile, Opened};
use crate::{Labeled, Result};

/// Loads the files that were compiled in.
pub(super) fn load() -> Result<(Labeled, Labeled)> {
    files::load_four(|file| {
        let input = packed(file);
        Ok(Opened { name: format!("embedded {}", file.name()), input, length: input.len() as u64 })
    })
}

fn packed(file: IdxFile) -> &'static [u8] {
    match file {
        IdxFile::TrainImages => include_bytes!("../../assets/mnist/train-images-idx3-ubyte.gz"),
        IdxFile::TrainLabels => include_bytes!("../../assets/mnist/train-labels-idx1-ubyte.gz"),
        IdxFile::EvaluationImages => include_bytes!("../../assets/mnist/t10k-images-idx3-ubyte.gz"),
        IdxFile::EvaluationLabels => include_bytes!("../../assets/mnist/t10k-labels-idx1-ubyte.gz"),
    }
}
