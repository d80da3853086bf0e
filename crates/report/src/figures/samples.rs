//! What a network is shown: images with the sums that are wanted.

use super::{Tile, equation, tiles};
use crate::drawing::Figure;
use crate::samples::{Sample, Samples};

/// Images in a row of a grid, as in the notebook.
const COLUMNS: usize = 3;

/// Samples in rows of three under a heading, each titled `5 + 2 = 7`.
pub fn sample_grid(heading: &str, samples: &[Sample]) -> Figure {
    let tile = |&Sample { pixels, digit, addend }: &Sample| Tile {
        pixels,
        title: equation(digit, addend),
        lines: Vec::new(),
    };
    tiles(heading, &samples.iter().map(tile).collect::<Vec<_>>(), COLUMNS)
}

/// The grids of training, validation and evaluation, each with a name for its file.
pub fn sample_grids(samples: &Samples) -> [(&'static str, Figure); 3] {
    [
        ("samples-training", sample_grid("Training, augmented", &samples.training)),
        ("samples-validation", sample_grid("Validation", &samples.validation)),
        ("samples-evaluation", sample_grid("Evaluation", &samples.evaluation)),
    ]
}
