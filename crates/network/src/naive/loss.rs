//! Softmax cross-entropy against smoothed labels and soft targets.

/// The target distribution of each row, `[b, classes]`: that of the label is `1 - s` at its class plus `s / classes`
/// everywhere, as in PyTorch; mixed with `soft`, `[b, classes]`, by its weight where there is one.
pub fn targets(classes: usize, labels: &[u8], smoothing: f64, soft: Option<(&[f64], f64)>) -> Vec<f64> {
    let mut targets = vec![smoothing / classes as f64; labels.len() * classes];
    for (row, &label) in targets.chunks_exact_mut(classes).zip(labels) {
        row[usize::from(label)] += 1.0 - smoothing;
    }
    match soft {
        None => targets,
        Some((soft, weight)) => {
            targets.iter().zip(soft).map(|(label, soft)| (1.0 - weight) * label + weight * soft).collect()
        }
    }
}

/// Each row's cross-entropy in nats: `logits` and `targets` are `[b, classes]`.
pub fn cross_entropy(logits: &[f64], classes: usize, targets: &[f64]) -> Vec<f64> {
    let rows = logits.chunks_exact(classes).zip(targets.chunks_exact(classes));
    rows.map(|(logits, targets)| {
        let log_probabilities = softmax(logits).into_iter().map(f64::ln);
        -log_probabilities.zip(targets).map(|(log_probability, target)| target * log_probability).sum::<f64>()
    })
    .collect()
}

/// The gradient of the sum of [`cross_entropy`] with respect to the logits, `[b, classes]`.
pub fn cross_entropy_backward(logits: &[f64], classes: usize, targets: &[f64]) -> Vec<f64> {
    let rows = logits.chunks_exact(classes).zip(targets.chunks_exact(classes));
    rows.flat_map(|(logits, targets)| {
        // Probabilities of 32 bits do not add up to one exactly.
        let total: f64 = targets.iter().sum();
        let gradient = softmax(logits).into_iter().zip(targets);
        gradient.map(|(probability, target)| probability * total - target).collect::<Vec<_>>()
    })
    .collect()
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = logits.iter().map(|logit| (logit - largest).exp()).sum();
    logits.iter().map(|logit| (logit - largest).exp() / total).collect()
}
