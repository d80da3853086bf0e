//! Softmax cross-entropy with label smoothing, and top-1 accuracy.

/// Each row's cross-entropy in nats: `logits` is `[b, classes]`, `labels` has one class for each row.
///
/// With smoothing `s` the target distribution is `1 - s` at the label plus `s / classes` everywhere, as in PyTorch.
pub fn cross_entropy(logits: &[f64], classes: usize, labels: &[u8], smoothing: f64) -> Vec<f64> {
    let rows = logits.chunks_exact(classes).zip(labels);
    rows.map(|(logits, &label)| {
        let log_probabilities = softmax(logits).into_iter().map(f64::ln);
        let targets = targets(classes, label, smoothing);
        -log_probabilities.zip(targets).map(|(log_probability, target)| target * log_probability).sum::<f64>()
    })
    .collect()
}

/// The gradient of the sum of [`cross_entropy`] with respect to the logits, `[b, classes]`.
pub fn cross_entropy_backward(logits: &[f64], classes: usize, labels: &[u8], smoothing: f64) -> Vec<f64> {
    let rows = logits.chunks_exact(classes).zip(labels);
    rows.flat_map(|(logits, &label)| {
        let targets = targets(classes, label, smoothing);
        softmax(logits)
            .into_iter()
            .zip(targets)
            .map(|(probability, target)| probability - target)
            .collect::<Vec<_>>()
    })
    .collect()
}

/// The class of a row's largest logit, the first of equals.
pub fn top1(logits: &[f64]) -> usize {
    (0..logits.len()).fold(0, |best, class| if logits[class] > logits[best] { class } else { best })
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = logits.iter().map(|logit| (logit - largest).exp()).sum();
    logits.iter().map(|logit| (logit - largest).exp() / total).collect()
}

fn targets(classes: usize, label: u8, smoothing: f64) -> Vec<f64> {
    let at_label = |class| if class == usize::from(label) { 1.0 - smoothing } else { 0.0 };
    (0..classes).map(|class| at_label(class) + smoothing / classes as f64).collect()
}
