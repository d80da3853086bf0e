//! All figures of a run.

use adder_train::analysis::WorstImage;

use super::{
    Tile, confusion, embedding, error_map, feature_maps, kernels, learning_rate, momentum, reliability,
    sample_grids, tiles, training_and_validation, training_curves,
};
use crate::drawing::Figure;
use crate::page::answer;
use crate::{AnsweredImage, Inspection, Record, equation};

/// Mistakes in the figure; a page shows all of them.
const WORST: usize = 18;

/// Every figure that a run has something for, each with a name for its file, in the order of reading.
pub fn run_figures(record: &Record) -> Vec<(&'static str, Figure)> {
    let mut figures = Vec::new();
    let history = &record.history;
    if !history.steps.is_empty() {
        figures.push(("curves", training_curves(history)));
        figures.push(("learning-rate", learning_rate(history)));
        figures.extend(momentum(record).map(|figure| ("momentum", figure)));
    }
    if !history.epochs.is_empty() {
        figures.push(("training-and-validation", training_and_validation(history)));
    }
    if let Some(samples) = &record.samples {
        figures.extend(sample_grids(samples));
    }
    if let Some(inspection) = &record.inspection {
        figures.extend(inside(inspection));
    }
    figures
}

fn inside(inspection: &Inspection) -> Vec<(&'static str, Figure)> {
    let Inspection { analysis, embeddings, embedding_width, embedded_digits, .. } = inspection;
    let worst: Vec<Tile> =
        inspection.mistakes.iter().take(WORST).map(|(worst, pixels)| worst_tile(worst, *pixels)).collect();
    let mut figures = vec![
        ("predictions", predictions(&inspection.predictions)),
        ("confusion-digit", confusion("digit", &analysis.digit.confusion)),
        ("confusion-sum", confusion("sum", &analysis.sum.confusion)),
        ("reliability", reliability(analysis)),
        ("errors", error_map(&analysis.errors)),
        ("worst", tiles("The images that fail most, of all ten addends", &worst, 6)),
    ];
    figures.extend(inspection.kernels.as_ref().map(|found| ("kernels", kernels(found))));
    figures.push(("feature-maps", feature_maps(&inspection.feature_maps)));
    figures.push(("embedding", embedding(embeddings, *embedding_width, embedded_digits)));
    figures
}

/// Images with target and answers.
pub fn predictions(predictions: &[AnsweredImage]) -> Figure {
    let shown: Vec<Tile> = predictions.iter().map(prediction_tile).collect();
    tiles("Predictions", &shown, 3)
}

fn prediction_tile(prediction: &AnsweredImage) -> Tile {
    let AnsweredImage { pixels, digit, addend, answer } = prediction;
    let percent = |probabilities: &[f32], class: u8| 100.0 * probabilities[usize::from(class)];
    Tile {
        pixels: *pixels,
        title: equation(*digit, *addend),
        lines: vec![
            format!("digit {}: {:.1} %", answer.digit, percent(&answer.digit_probabilities, answer.digit)),
            format!("sum {}: {:.1} %", answer.sum, percent(&answer.sum_probabilities, answer.sum)),
        ],
    }
}

/// The target, and the answers over all addends that the image was asked with.
fn worst_tile(worst: &WorstImage, pixels: [u8; adder_data::PIXELS]) -> Tile {
    let (digit, digit_percent) = answer(&worst.digit_probabilities);
    let (sum, sum_percent) = answer(&worst.sum_probabilities);
    Tile {
        pixels,
        title: format!("a {}", worst.digit),
        lines: vec![
            format!("read as {digit}: {digit_percent:.0} %"),
            format!("added as {sum}: {sum_percent:.0} %"),
            format!("wrong with {} of {}", worst.failed_addends.len(), worst.pairs),
        ],
    }
}
