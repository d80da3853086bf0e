//! From a head's outputs to the logits of its classes, and the loss of each kind of head.

use super::loss::{cross_entropy, cross_entropy_backward};
use crate::head::{REGRESSION_WIDTH, middle};
use crate::{HeadKind, Network};

/// The logits of each class, `[b, classes]`, from a head's outputs, `[b, outputs]`.
pub fn decode(kind: HeadKind, classes: usize, outputs: &[f64]) -> Vec<f64> {
    match kind {
        HeadKind::Softmax => outputs.to_vec(),
        HeadKind::Ordinal => {
            let sums = |row: &[f64]| {
                let mut total = 0.0;
                let above = row.iter().map(|output| {
                    total += output;
                    total
                });
                std::iter::once(0.0).chain(above).collect::<Vec<_>>()
            };
            outputs.chunks_exact(classes - 1).flat_map(sums).collect()
        }
        HeadKind::Regression => {
            let variance = REGRESSION_WIDTH * REGRESSION_WIDTH;
            let of_row = |&output: &f64| {
                (0..classes).map(move |class| {
                    let place = class as f64 - middle(classes);
                    (place * output - place * place / 2.0) / variance
                })
            };
            outputs.iter().flat_map(of_row).collect()
        }
    }
}

/// Each row's loss, and the gradient of their sum by the outputs, `[b, outputs]`; `targets` is `[b, classes]`.
pub fn loss(kind: HeadKind, classes: usize, outputs: &[f64], targets: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let logits = decode(kind, classes, outputs);
    let by_logits = |logits: &[f64]| cross_entropy_backward(logits, classes, targets);
    match kind {
        HeadKind::Softmax => (cross_entropy(&logits, classes, targets), by_logits(&logits)),
        HeadKind::Regression => {
            let variance = REGRESSION_WIDTH * REGRESSION_WIDTH;
            let gradient = |row: &[f64]| {
                let of_number: f64 =
                    row.iter().enumerate().map(|(class, grad)| (class as f64 - middle(classes)) * grad).sum();
                of_number / variance
            };
            let gradient = by_logits(&logits).chunks_exact(classes).map(gradient).collect();
            (cross_entropy(&logits, classes, targets), gradient)
        }
        HeadKind::Ordinal => {
            let rows = outputs.chunks_exact(classes - 1).zip(targets.chunks_exact(classes));
            let (losses, gradients): (Vec<f64>, Vec<Vec<f64>>) =
                rows.map(|(outputs, targets)| thresholds(outputs, targets)).unzip();
            (losses, gradients.concat())
        }
    }
}

/// The binary cross-entropies of one row's thresholds, added up, and their gradient.
fn thresholds(outputs: &[f64], targets: &[f64]) -> (f64, Vec<f64>) {
    let (mut loss, mut gradient) = (0.0, Vec::new());
    for (threshold, &output) in outputs.iter().enumerate() {
        let above: f64 = targets[threshold + 1..].iter().sum();
        let probability = 1.0 / (1.0 + (-output).exp());
        let total: f64 = targets.iter().sum();
        loss -= above * probability.ln() + (total - above) * (1.0 - probability).ln();
        gradient.push(total * probability - above);
    }
    (loss, gradient)
}

/// The loss of each head, added up over the rows, and its gradient by the head's outputs.
pub fn losses(network: &Network, outputs: &[Vec<f64>], targets: &[Vec<f64>]) -> (Vec<f64>, Vec<Vec<f64>>) {
    let heads = network.head_kinds().iter().zip(network.classes()).zip(outputs).zip(targets);
    heads
        .map(|(((&kind, classes), outputs), targets)| {
            let (losses, gradient) = loss(kind, classes, outputs, targets);
            (losses.iter().sum::<f64>(), gradient)
        })
        .unzip()
}
